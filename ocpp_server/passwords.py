"""Generated station passwords: how they are stored and checked. Pure.

A password that people choose needs a slow hash, for it can be guessed. One that was generated
cannot: a single round of keyed BLAKE2b (RFC 7693) keeps it as safe and costs a microsecond, so
that a whole fleet may come back at once. The key is not in the store: who steals only the
store can check no guess at all.
"""

from __future__ import annotations

import hashlib
import hmac

SCHEME = "blake2b"
"""What the stored text begins with; others (argon2id) begin with a dollar sign."""

SALT_BYTES = 16
"""As much as BLAKE2b takes (RFC 7693 §2.8)."""

_DIGEST_BYTES = 32
_PURPOSE = b"station-pw"  # keeps these digests apart from all else made with the same key


def keyed_hash(password: str, key: bytes, salt: bytes) -> str:
    """Return what is stored of a generated password: `blake2b$SALT$DIGEST`, in hex.

    `key` has at most 64 bytes, `salt` is random and has `SALT_BYTES`. Only for passwords of
    20 random characters or more.
    """
    return f"{SCHEME}${salt.hex()}${_digest(password, key, salt).hex()}"


def is_keyed(stored: str) -> bool:
    """Tell whether a stored text is that of a generated password."""
    return stored.startswith(f"{SCHEME}$")


def verify_keyed(stored: str, password: str, key: bytes) -> bool:
    """Tell whether the password is the stored one. ValueError: the stored text is damaged."""
    _, salt, digest = stored.split("$")
    return hmac.compare_digest(
        _digest(password, key, bytes.fromhex(salt)), bytes.fromhex(digest)
    )


def _digest(password: str, key: bytes, salt: bytes) -> bytes:
    return hashlib.blake2b(
        password.encode(), digest_size=_DIGEST_BYTES, key=key, salt=salt, person=_PURPOSE
    ).digest()
