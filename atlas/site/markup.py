"""What a page's HTML and a style sheet's CSS lead to, and which places a page has.

A page is cut into tags as the HTML standard says ("Tokenization"), by one pattern, for Python's
``html.parser`` takes four times as long. Tags are read out of context: a ``<title>`` within an
SVG counts as text, too.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.entities import html5

_BLANKS = " \t\n\f\r"
_BLANK = f"[{_BLANKS}]"
_NAME = r"(?:=[^ \t\n\f\r/>=]*+|[^ \t\n\f\r/>=]++)"  # of an attribute; it may begin with "="
_VALUE = r"""(?:"[^"]*+"|'[^']*+'|[^ \t\n\f\r"'>][^ \t\n\f\r>]*+)?+"""
_ATTRIBUTES = rf"(?:[ \t\n\f\r/]++|{_NAME}(?:{_BLANK}*+={_BLANK}*+{_VALUE})?+)*+>"
_START = rf"[a-z][^ \t\n\f\r/>]*+{_ATTRIBUTES}"
# elements whose content is text, up to their end tag
_TEXTUAL = ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
_RAW = "|".join(
    rf"{name}(?=[ \t\n\f\r/>]){_ATTRIBUTES}[\s\S]*?(?:(?=</{name}[ \t\n\f\r/>])|\Z)"
    for name in _TEXTUAL
)
_COMMENT = r"!--(?:-?>|[\s\S]*?(?:--!?>|\Z))"
_TOKEN = re.compile(rf"<(?:{_COMMENT}|{_RAW}|/?{_START}|[!?/][^>]*+>)", re.IGNORECASE)
_TAG = re.compile(rf"<([a-z][^ \t\n\f\r/>]*+)({_ATTRIBUTES})", re.IGNORECASE)
_TEMPLATE = re.compile(rf"<(/?)template[{_BLANKS}/>]", re.IGNORECASE)
_ATTRIBUTE = re.compile(rf"({_NAME})(?:{_BLANK}*+={_BLANK}*+({_VALUE}))?+")
_REFERENCE = re.compile(r"&(#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*)(;?)(?=(=?))")

_ADDRESSES = {"href", "src", "poster", "action", "formaction", "background", "xlink:href"}
_CANDIDATES = {"srcset", "imagesrcset"}
_STYLES = {
    *("style", "fill", "stroke", "filter", "mask", "clip-path", "cursor"),
    *("marker-start", "marker-mid", "marker-end"),
}
_PREVIEWS = {"og:image", "og:url", "twitter:image"}

_CSS = re.compile(
    r"""/\*[\s\S]*?(?:\*/|\Z)
    |(?P<word>@import\s+|url\(\s*)(?:"(?P<double>(?:[^"\\]|\\[\s\S])*)"|'(?P<single>(?:[^'\\]|\\[\s\S])*)')
    |url\(\s*(?P<bare>(?:[^\s"'()\\]|\\[\s\S])+)\s*\)
    |"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|([\s\S]))")


ANY = "*"  # stands among the ids of a page whose script reads any fragment


@dataclass(frozen=True)
class Markup:
    """The different links of a page in order, and the ids of its elements, entities resolved.

    ``base`` is the address that the links are relative to, "" for the page's own.
    """

    links: tuple[str, ...]
    ids: frozenset[str]
    base: str = ""


@dataclass(frozen=True)
class _Tag:
    """What one tag adds to a page's ``Markup``."""

    links: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    base: str = ""


def of_page(text: str) -> Markup:
    """The links and places of a page, without those in comments, scripts and templates."""
    tokens: Iterable[str] = _TOKEN.findall(text)
    different = dict.fromkeys(tokens)
    if any(map(_TEMPLATE.match, different)):
        different = dict.fromkeys(_outside_templates(tokens))
    links: dict[str, None] = {}
    ids: set[str] = set()
    base = ""
    for token in different:
        if "=" in token or token[:6].lower() == "<style":  # others say nothing
            tag = _tag(token)
            for link in tag.links:
                links[link] = None
            ids.update(tag.ids)
            base = base or tag.base  # the first counts
    return Markup(tuple(links), frozenset(ids), base)


def of_style(text: str) -> Iterator[str]:
    """The links of a style sheet: what ``url()`` and ``@import`` name."""
    for found in _CSS.finditer(text):
        value = found["bare"] or found["double"] or found["single"]
        if value:
            yield _CSS_ESCAPE.sub(_css_character, value)


def candidates(srcset: str) -> Iterator[str]:
    """The addresses in a ``srcset``, without their descriptors."""
    rest = srcset
    while found := re.match(rf"(?:{_BLANK}|,)*([^ \t\n\f\r]+)", rest):
        address, rest = found[1], rest[found.end() :]
        if address.endswith(","):
            yield address.rstrip(",")
        else:
            yield address
            rest = re.sub(r"\A(?:[^,(]|\([^)]*\)?)*", "", rest)


def _outside_templates(tokens: Iterable[str]) -> Iterator[str]:
    """The tokens that stand in no ``<template>``, whose content is no part of the page."""
    depth = 0
    for token in tokens:
        template = _TEMPLATE.match(token)
        if template and template[1]:
            depth = max(0, depth - 1)
        elif template:
            depth += 1
        elif not depth:
            yield token


@functools.lru_cache(maxsize=1 << 13)  # pages of one folder have many tags in common
def _tag(token: str) -> _Tag:
    """What a tag says, with the content of an element that holds text."""
    start = _TAG.match(token)
    if start is None:  # a comment, or the end of an element
        return _Tag()
    name = start[1].lower()
    attributes: dict[str, str] = {}
    for attribute, value in _ATTRIBUTE.findall(start[2][:-1]):
        attributes.setdefault(attribute.lower(), _resolved(value))
    ids = [attributes["id"]] if attributes.get("id") else []
    if "data-state-in-fragment" in attributes:
        ids.append(ANY)
    if name == "a" and attributes.get("name"):
        ids.append(attributes["name"])
    if name == "base":
        return _Tag((), tuple(ids), attributes.get("href", "").strip(_BLANKS))
    links: list[str] = []
    for attribute, value in attributes.items():
        if attribute in _ADDRESSES or (name == "object" and attribute == "data"):
            links.append(value.strip(_BLANKS))
        elif attribute in _CANDIDATES:
            links += candidates(value)
        elif attribute in _STYLES:
            links += of_style(value)
    if name == "meta":
        links += _links_of_meta(attributes)
    if name == "style":
        links += of_style(token[start.end() :])
    return _Tag(tuple(links), tuple(ids))


def _links_of_meta(attributes: dict[str, str]) -> Iterator[str]:
    """The picture and address that link previews show, and where a page sends its readers."""
    content = attributes.get("content", "")
    if (attributes.get("property") or attributes.get("name")) in _PREVIEWS:
        yield content
    if attributes.get("http-equiv", "").lower() == "refresh":
        found = re.match(
            r"""[\d.\s]*[;,]\s*(?:url\s*=\s*)?(["']?)(.+?)\1\Z""", content, re.IGNORECASE
        )
        if found:
            yield found[2]


def _resolved(value: str) -> str:
    """An attribute's value without its quotes, its character references resolved.

    Unlike in text, a name without a semicolon stays where a letter, a digit or "=" follows:
    ``?a=1&copy=2`` has no sign in it.
    """
    bare = value[1:-1] if value.startswith(('"', "'")) else value
    return _REFERENCE.sub(_character, bare) if "&" in bare else bare


def _character(found: re.Match[str]) -> str:
    name, end, equals = found.groups()
    known = name.startswith("#") or (name + end in html5 and (end or not equals))
    return html.unescape(found[0]) if known else found[0]


def _css_character(found: re.Match[str]) -> str:
    if not found[1]:
        return "" if found[2] == "\n" else found[2]
    return chr(int(found[1], 16)) if int(found[1], 16) < 0x110000 else "\ufffd"
