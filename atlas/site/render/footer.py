"""What a site's author says below every page."""

from __future__ import annotations

import functools
import re

import markdown

from atlas.site.authors_html import shown_only

_LINK = re.compile(
    r'(<(?:a|img)\b[^>]*?\b(?:href|src)=")(?![a-z][a-z0-9+.-]*:|[/#])', re.IGNORECASE
)


@functools.lru_cache(maxsize=64)
def footer_html(text: str, root: str, *, raw: bool = False) -> str:
    """A text in Markdown as HTML; its links start at the site's root, ``root`` from the page.

    With ``raw`` HTML within it stays as it is.
    """
    html = markdown.markdown(text)
    return _LINK.sub(rf"\g<1>{root}", html if raw else shown_only(html))
