"""Names of files as they are shown. A file system takes any bytes for a name; a page takes text."""

from __future__ import annotations

import re

_CONTROL = "\x00-\x1f\x7f-\x9f"
_LINES = "\u2028\u2029"  # which end a line where nobody sees them
_TURNS = "\u202a-\u202e\u2066-\u2069"  # which turn the direction of what follows, too
_BYTES = "\ud800-\udfff"
_STRANGE = re.compile(f"[{_CONTROL}{_LINES}{_TURNS}{_BYTES}]")


def escaped(text: str) -> str:
    r"""A text with an escape for each character that can't be shown.

    Python stands for a byte that is no UTF-8 with half a surrogate pair: it becomes ``\xe9``. A
    control character becomes its escape, ``\x1b``. Any other text stays as it is.
    """
    return _STRANGE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # the byte that Python could not decode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
