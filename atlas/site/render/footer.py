"""What a site's author says below every page."""

from __future__ import annotations

import functools
import re

import markdown

_LINK = re.compile(
    r'(<(?:a|img)\b[^>]*?\b(?:href|src)=")(?![a-z][a-z0-9+.-]*:|[/#])', re.IGNORECASE
)


@functools.lru_cache(maxsize=64)
def footer_html(text: str, root: str) -> str:
    """A text in Markdown as HTML; its links start at the site's root, ``root`` from the page."""
    return _LINK.sub(rf"\g<1>{root}", markdown.markdown(text)) if text else ""
