"""Names made fit for other languages: LaTeX and BibTeX, Markdown, URLs, keys and labels.

Layers, classes, titles and authors are called what people like. Each function takes any text and
folds white space; the language then shows the text itself, not what its special characters mean.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from urllib.parse import quote

_TEX = {
    **{letter: f"\\{letter}" for letter in "_&%$#"},
    "\\": "\\textbackslash{}",
    "{": "\\textbraceleft{}",  # BibTeX counts the brace of "\{", too
    "}": "\\textbraceright{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    **{"–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "…": "\\dots{}"},
    **{"·": "\\textperiodcentered{}", "×": "\\texttimes{}", "−": "\\textminus{}"},
    **{"°": "\\textdegree{}", "µ": "\\textmu{}", "§": "\\S{}", "€": "\\texteuro{}"},
    **{"©": "\\textcopyright{}", "®": "\\textregistered{}", "™": "\\texttrademark{}"},
    **{"ß": "{\\ss}", "æ": "{\\ae}", "Æ": "{\\AE}", "œ": "{\\oe}", "Œ": "{\\OE}", "ø": "{\\o}"},
    **{"Ø": "{\\O}", "ł": "{\\l}", "Ł": "{\\L}", "ı": "{\\i}"},
}
_TEX_ACCENTS = {
    **{"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0307": "."},
    **{"\u0308": '"', "\u0306": "u ", "\u030a": "r ", "\u030b": "H ", "\u030c": "v "},
    **{"\u0323": "d ", "\u0327": "c ", "\u0331": "b "},
}
_TEX_SPECIAL = re.compile(r"[_&%$#\\{}~^<>|]|-(?=-)|[^\x20-\x7e]+")
_MARKDOWN = {
    **{letter: f"\\{letter}" for letter in "\\`*_[]"},
    **{letter: f"&#{ord(letter)};" for letter in "~$|{}"},  # of its many extensions
    **{"&": "&amp;", "<": "&lt;", ">": "&gt;"},
}
# what a URL may hold beside letters, digits and "_.-"; a parenthesis would end Markdown's links
_IN_URL = ":/?#[]@!$&*+,;=%~"


def latex(text: str) -> str:
    """A text as LaTeX and BibTeX: every engine compiles it, without packages.

    Accents are written as commands, for BibTeX cuts names after bytes. Letters that pdfTeX has no
    font for stand there as themselves for XeTeX and LuaTeX, and else as their numbers.
    """
    return _TEX_SPECIAL.sub(_tex, unicodedata.normalize("NFC", folded(text)))


def _tex(found: re.Match[str]) -> str:
    """A special character of ASCII, or a run of others, in commands that TeX has, where it has."""
    if found[0] in _TEX:
        return _TEX[found[0]]
    if found[0] == "-":
        return "-{}"  # two would become a longer dash
    done, unknown = "", ""
    for letter in found[0]:
        known = _TEX.get(letter) or _accented(letter)
        if known is None:
            unknown += letter
        else:
            done, unknown = done + _by_number(unknown) + known, ""
    return done + _by_number(unknown)


def _accented(letter: str) -> str | None:
    """A Latin letter with its accents as commands; None for any other."""
    base, *accents = list(unicodedata.normalize("NFD", letter))
    if not (base.isascii() and base.isalpha() and accents and set(accents) <= set(_TEX_ACCENTS)):
        return None
    for accent in accents:
        base = f"{{\\{_TEX_ACCENTS[accent]}{base}}}"
    return base


def _by_number(letters: str) -> str:
    """Letters that only newer engines can set, and their code points for the others."""
    if not letters:
        return ""
    numbers = " ".join(f"U+{ord(letter):04X}" for letter in letters)
    return f"{{\\ifdefined\\Umathchar {letters}\\else [{numbers}]\\fi}}"


def markdown(text: str) -> str:
    """A text within a paragraph or a link of Markdown."""
    return "".join(_MARKDOWN.get(letter, letter) for letter in folded(text))


def key(text: str) -> str:
    """A name of ASCII letters, digits, dots, dashes and underscores; such names stay as they are.

    Other names get a check sum, so that two that differ only in other characters stay apart.
    """
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", text)
    return (
        kept if kept == text else f"{kept.strip('-')}-{zlib.crc32(text.encode()):08x}".lstrip("-")
    )


def url(address: str) -> str:
    """A whole URL of nothing but characters that may stand in one; what is encoded stays so."""
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", address), safe=_IN_URL)


def folded(text: str) -> str:
    """A text in one line, without control characters and marks that can't be seen."""
    line = " ".join(text.split())
    return "".join(one for one in line if unicodedata.category(one) not in {"Cc", "Cf", "Cs"})
