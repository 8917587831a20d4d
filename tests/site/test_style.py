"""The style sheets say each thing once, so that no rule undoes another of the same name."""

import re
from collections import Counter
from collections.abc import Iterator

from atlas.site.own_files import TEMPLATES


def selectors(sheet: str) -> Iterator[str]:
    """Those of rules that hold whatever the screen is like."""
    depth = 0
    for text, brace in re.findall(r"([^{}]*)([{}])", re.sub(r"/\*.*?\*/", "", sheet, flags=re.S)):
        if brace == "{" and depth == 0 and not text.strip().startswith("@"):
            yield " ".join(text.split())
        depth += 1 if brace == "{" else -1


def test_a_selector_has_one_rule() -> None:
    sheets = sorted(TEMPLATES.glob("*.css"))
    rules = Counter(selector for sheet in sheets for selector in selectors(sheet.read_text()))
    assert len(sheets) > 3 and len(rules) > 400
    assert [name for name, count in rules.items() if count > 1] in ([], [":root"])  # more variables
