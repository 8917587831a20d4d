"""HTML that a site's author writes, in notes and the footer, without what a browser would run.

Markdown lets HTML through, and attributes as well (``{: onclick=...}``). Of that only what shows
something stays: no script, no style sheet, no frame, no form, no handler of events, no address but
of the web, of mail and of the site's own. A site says otherwise by ``raw-html = true``.
"""

from __future__ import annotations

import nh3

_TAGS = nh3.ALLOWED_TAGS | {"audio", "section", "source", "video"}
_ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": {"class", "id", "title", "lang", "dir", "role", "tabindex"},
    "a": {"href", "hreflang", "name"},
    "audio": {"src", "controls"},
    "details": {"open"},
    "input": set(),
    "source": {"src", "type"},
    "td": {"style", "colspan", "rowspan"},  # of a style no more than where a column's texts stand
    "th": {"style", "colspan", "rowspan", "scope"},
    "video": {"src", "poster", "controls", "width", "height"},
}
_SCHEMES = {"http", "https", "mailto"}


def shown_only(html: str) -> str:
    """The HTML with no more than what shows something."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        generic_attribute_prefixes={"aria-"},
        filter_style_properties={"text-align"},
        url_schemes=_SCHEMES,
        link_rel=None,
    )
