"""Names of files as they are shown. A file system takes any bytes for a name; a page takes text."""

from __future__ import annotations

import re

_STRANGE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


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
