"""Which names stand for secrets, and what of a text about one may be kept. Pure.

OCPP names two of its own: `AuthorizationKey` and `BasicAuthPassword`. Vendors have more: of the
Wi-Fi, of an upload, of their own pages. Missing one costs a password, finding one too many
costs a word in the journal: in doubt it is one.
"""

from __future__ import annotations

import re

MASK = "***"

# Cheap, and found in every name below: most texts stop here.
_STEMS = ("cred", "kennw", "key", "pass", "pin", "psk", "pwd", "secret", "token", "://")
_WIRE_STEMS = (*(stem.encode() for stem in _STEMS), b"\\u00")

_GAP = r"[ _.\-]?"
_WORDS = (
    rf"pass{_GAP}(?:word|phrase|code|wort|wd)|kennwort|pwd|psk|secret|credential"
    rf"|authori[sz]ation{_GAP}key|private{_GAP}key|shared{_GAP}key|api{_GAP}key"
    rf"|(?:wpa|wep|wifi|wlan|vpn|network|encryption|security|access){_GAP}key"
    rf"|(?:access|auth|bearer){_GAP}token"
)
_NAME = re.compile(rf"{_WORDS}|(?<!by)pass$|pin$", re.IGNORECASE)
_WORD = re.compile(
    rf"(?:{_WORDS}|(?:(?<!by)pass|pin)(?=[\s\"'\\]{{0,9}}[=:]))\w*", re.IGNORECASE
)
# Where the JSON is broken its strings may begin where others end.
_BROKEN = re.compile(
    rf"((?:{_WORDS})\w{{0,60}}\W{{1,8}})(\w[^\"\\\s,}}\]]*)".encode(), re.IGNORECASE
)
_GLUE = re.compile(r"[\s\"'\\=:,;>\]})]*")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")  # ftp://user:password@host
_PAIR = re.compile(r"([^=:]{1,200}[=:][=:\s]*)(.*)", re.DOTALL)
_TAIL = re.compile(r"\W+\Z")
_ROUNDS = 5  # one is enough for all but made-up texts
_BETWEEN_PAIRS = re.compile(r"([;&|\n])")


def may_hold_secret(raw: bytes) -> bool:
    """Tell at a glance whether bytes are worth a closer look."""
    lower = raw.lower()
    return any(stem in lower for stem in _WIRE_STEMS)


def is_secret(name: str) -> bool:
    """Tell whether a setting, variable or member of this name holds a secret."""
    return _NAME.search(name) is not None


def masked_words(text: str) -> str:
    """Return a text that is no JSON with what follows the name of a secret as `***`.

    Of `a=1;password=x;b=2` that is the value, of any other text all that follows: nobody knows
    where it ends. What comes out is masked no further by masking it again: a replayed journal
    reads as the frames did.
    """
    for _ in range(_ROUNDS):
        before, text = text, _masked_once(text)
        if text == before:
            break
    return text


def masked_broken(frame: bytes) -> bytes:
    """Return what is no JSON with the word that follows the name of a secret as `***`."""
    return _BROKEN.sub(rb"\g<1>***", frame)


def _masked_once(text: str) -> str:
    text = _USERINFO.sub(f"{MASK}@", text)
    if _WORD.search(text) is None:
        return text
    parts = _BETWEEN_PAIRS.split(text)
    pairs = [_PAIR.fullmatch(part) for part in parts[::2]]
    if not all(pair or not part.strip() for pair, part in zip(pairs, parts[::2], strict=True)):
        return _cut(text)
    parts[::2] = [
        _masked_pair(pair) if pair else part
        for pair, part in zip(pairs, parts[::2], strict=True)
    ]
    return "".join(parts)


def _masked_pair(pair: re.Match[str]) -> str:
    name, value = pair.groups()
    if not is_secret(_TAIL.sub("", name)):
        return name + _cut(value)
    at = _glue_end(value, 0)
    return name + value[:at] + MASK if at < len(value) else name + value


def _cut(text: str) -> str:
    """Mask all that follows the first name of a secret that anything follows."""
    at = 0
    # Each search goes on where the last one ended, so that no text is looked at twice.
    while (word := _WORD.search(text, at)) is not None:
        at = _glue_end(text, word.end())
        if at < len(text):
            return text[:at] + MASK
    return text


def _glue_end(text: str, at: int) -> int:
    glue = _GLUE.match(text, at)
    return glue.end() if glue else at
