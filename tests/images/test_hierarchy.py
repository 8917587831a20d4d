from __future__ import annotations

from pathlib import Path

import pytest

from atlas.errors import UsageError
from atlas.images.hierarchy import read_hierarchy

TREE = "# breeds\npug\tdog\nboxer\tdog\n\ndog\tanimal\ntabby\tcat\ncat\tanimal\nboat\tthing\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "tree.tsv"
    path.write_text(text)
    return path


def test_groups_hold_all_classes_below_them(tmp_path: Path) -> None:
    tree = written(tmp_path, TREE)
    groups = read_hierarchy(tree, ["pug", "boxer", "tabby", "boat"])
    assert groups == {"dog": {"pug", "boxer"}, "animal": {"pug", "boxer", "tabby"}}
    assert read_hierarchy(tree, ["pug", "tabby"]) == {}  # all of them are animals


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pug dog\n", "line 1: not of the form"),
        ("pug\tdog\npug\tcat\n", "line 2: pug has two parents"),
        ("pug\tdog\ndog\tpug\n", "above itself"),
        ("fish\tanimal\n", "no class of the images"),
    ],
)
def test_what_is_no_tree_is_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_hierarchy(written(tmp_path, text), ["pug"])
    with pytest.raises(UsageError, match="can't be read"):
        read_hierarchy(tmp_path / "none", ["pug"])
