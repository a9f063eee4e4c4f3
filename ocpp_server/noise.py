"""Words that mean nothing: what stations write where there is no error. Data, and look-ups.

Seen in real traffic of the vendors named. Comparison ignores case and surrounding blanks.
"""

from __future__ import annotations

import re

_EMPTY = frozenset(
    {"", "null", "none", "n/a", "na", "nan", "0", "noerror", "no error", "no error."}
)
_AROUND = " \t\r\n\0-_\"'()<>[]{}"  # `(null)`, `<none>`, `--`, `[]`: what stands around nothing

NO_ERROR_CODES = _EMPTY | {
    "ok",
    # A status where the error code belongs (Stekker's example of a real station).
    "available",
    "preparing",
    "charging",
    "suspendedevse",
    "suspendedev",
    "finishing",
    "reserved",
}
"""errorCode values that name no error."""

NO_VENDOR_CODES = _EMPTY | {
    "amina_info",  # Amina S, information only
}
"""vendorErrorCode values that name no error."""

_ZERO = re.compile(r"(?:0x)?0+")  # ABB Terra AC: 0x00 or 0x0000; EN+: 32 zeros
# The same said in other words; whole ones only: "no fault current" is something else.
_CALM = re.compile(
    r"no[ _-]?(?:error|fault|failure|alarm|problem|warning)s?"
    r"(?:[ _-](?:found|detected|present))?\.?"
    r"|(?:errors?|faults?)[ :=]+(?:none|no|0)\.?"
    r"|none\.|nil|undefined|normal|success|cleared|ok\.?"
)


NO_TEXTS = _EMPTY | {
    "status update",  # Mennekes, Chago (Bender controllers)
}
"""info values that say nothing."""

_NO_TEXT_SHAPES = re.compile(
    r"[A-D];\d+"  # EVBox: control-pilot state and limit
    r"|Pilot and Charger:\d+h"  # Grizzl-E: pilot state
    r"|SCN\(\d+A\)",  # Stekker's example: a current limit
    re.IGNORECASE,
)


def is_no_error(code: str) -> bool:
    """Tell whether an errorCode names no error."""
    if code == "NoError":
        return True  # by far the most frequent
    bare = code.strip(_AROUND).lower()
    return bare in NO_ERROR_CODES or _CALM.fullmatch(bare) is not None


def vendor_code_of(word: str) -> str:
    """Return a vendorErrorCode as it stands, or "" where it names no error."""
    bare = word.strip(_AROUND).lower()
    is_nothing = bare in NO_VENDOR_CODES or _ZERO.fullmatch(bare) or _CALM.fullmatch(bare)
    return "" if is_nothing else word


def text_of(word: str) -> str:
    """Return an info as it stands, or "" where it says nothing."""
    bare = word.strip()
    low = bare.strip(_AROUND).lower()
    if low in NO_TEXTS or _NO_TEXT_SHAPES.fullmatch(bare) or _CALM.fullmatch(low):
        return ""
    return word
