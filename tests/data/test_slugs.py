import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atlas.data.addresses import label_folder, label_page
from atlas.data.slugs import slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dog", "dog"),
        ("great white shark", "great-white-shark"),
        ("n01440764", "n01440764"),
        ("7", "7"),
        ("Dog", "dog--"),
        ("t-shirt", "t-shirt--"),
        ("index", "index--"),
        ("con", "con--"),
        ("../up", "up--"),
        ("tench, Tinca tinca", "tench-tinca-tinca--"),
        ("Hündin", "hundin--"),
        ("犬", "name--"),
        ("", "name--"),
    ],
)
def test_names_that_can_be_read_stay_readable(name: str, expected: str) -> None:
    if "--" in expected:
        assert slug(name).startswith(expected.partition("--")[0] + "--")
    else:
        assert slug(name) == expected


@given(st.sets(st.text(st.characters(codec=None), max_size=90), max_size=30))
@example({"dog", "Dog", "DOG", "dog ", " dog", "dog.", "do g", "do-g", "do  g", "do_g"})
@example({"\u00e9", "e\u0301", "e", "\u00c9", "\udce9", "\\xe9"})
@example({"x" * 200, "x" * 201, "x" * 60, "x" * 61, "index", "con", "nul", "com1", "."})
def test_no_two_names_share_a_file_on_any_file_system(names: set[str]) -> None:
    slugs = [slug(name) for name in names]
    assert len({one.casefold() for one in slugs}) == len(names)
    for one in slugs:
        assert re.fullmatch(r"[a-z0-9_]+(-{1,2}[a-z0-9_]+)*", one) and len(one) < 80
        assert one not in ("index", "con", "prn", "aux", "nul", "com1", "lpt9")
        assert Path(f"{one}.html").name == f"{one}.html"


def test_a_layer_of_the_folders_name_keeps_its_addresses() -> None:
    assert label_folder("classes", ["conv1", "classifier.0"]) == "classes"
    taken = label_folder("classes", ["Classes", "classes_", "conv1"])
    assert taken == "classes__"
    assert label_page(taken, "3") == "classes__/3.html"
