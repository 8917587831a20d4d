import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atlas.data.addresses import label_folder, label_page
from atlas.data.slugs import FOLDER, RESERVED, folder, slug


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


@pytest.mark.parametrize(
    "name", ["conv1", "layer1.0.conv2", "Mixed_5b.branch1x1", "features.0-2", "_x", "a..b", "index"]
)
def test_a_name_that_can_be_a_folders_is(name: str) -> None:
    assert folder(name) == name and folder(name, [name, "other"]) == name


STRANGE = (
    "", ".", "..", "a/b", "/etc", "../../x", "a\\b", "c:x", "con", "NUL", "aux.0", "com1.conv",
    "ends.", ".hidden", "-rf", "x" * 300, "a b", "a\nb", "<img src=x onerror=1>", "é", "images",
    "Live", "experiments", "search", "a\0b", "\ud800",
)  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_any_other_gets_one_that_is_fit_for_every_system(name: str) -> None:
    found = folder(name)
    assert FOLDER.fullmatch(found) and len(found) < 100 and found != name
    assert found.split(".")[0].casefold() not in RESERVED and ".." not in found


def test_names_that_differ_in_case_alone_get_different_folders() -> None:
    taken: list[str] = []
    for name in ("conv1", "Conv1", "CONV1", "conv2"):
        taken.append(folder(name, taken))
    assert taken[0] == "conv1" and taken[3] == "conv2"
    assert len({one.casefold() for one in taken}) == 4
