from collections.abc import Callable
from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.site import checked_links, links
from atlas.site.links import Files


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A new atlas of one page, and a site with another atlas."""
    new, out = tmp_path / "new", tmp_path / "out"
    (new / "conv1").mkdir(parents=True)
    (new / "conv1" / "0.html").write_text('<p id="top"><img src="plate.webp">')
    (new / "conv1" / "plate.webp").write_bytes(b"a picture")
    (out / "other").mkdir(parents=True)
    (out / "other" / "index.html").write_text('<p id="here">')
    (out / "other" / "plate.webp").write_bytes(b"another")
    return new, out


HOME = '<a href="a/conv1/0.html#top"><a href="other/index.html#here"><img src="other/plate.webp">'


def site(places: tuple[Path, Path], home: str = HOME) -> Files:
    new, out = places
    return Files({"index.html": home}, {"a/": new}, out)


def checks(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, home: str = HOME, base: str = ""
) -> int:
    """Check once more; returns how often the links themselves were looked at."""
    looked: list[Files] = []
    check = links.check

    def counted(files: Files, base: str = "") -> int:
        looked.append(files)
        return check(files, base)

    with monkeypatch.context() as patch:
        patch.setattr(links, "check", counted)
        checked_links.check(site(places, home), base, places[0])
    return len(looked)


def test_nothing_is_looked_at_twice(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [checks(places, monkeypatch) for _ in range(3)] == [1, 0, 0]


CHANGES: list[Callable[[Path, Path], object]] = [
    lambda new, _: (new / "conv1" / "0.html").write_text('<b id="top"><img src="plate.webp">'),
    lambda new, _: (new / "conv1" / "1.html").write_text("<p>"),
    lambda new, _: (new / "conv1" / "more.json").write_text("{}"),
    lambda new, _: (new / "mine.css").write_text("p {}"),
    lambda _, out: (out / "other" / "index.html").write_text('<b id="here">'),
    lambda _, out: (out / "other" / "plate.webp").write_bytes(b"changed"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_anything_that_decides_is_looked_at(
    places: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path, Path], object],
) -> None:
    assert checks(places, monkeypatch) == 1
    change(*places)
    assert [checks(places, monkeypatch) for _ in range(2)] == [1, 0]


def test_another_home_page_and_another_base_are_looked_at(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checks(places, monkeypatch) == 1
    assert checks(places, monkeypatch, home=HOME + "!") == 1
    assert checks(places, monkeypatch, home=HOME + "!", base="https://example.org/") == 1


BREAKS: list[Callable[[Path, Path], object]] = [
    lambda new, _: (new / "conv1" / "plate.webp").unlink(),
    lambda new, _: (new / "conv1" / "0.html").write_text("<p>"),
    lambda _, out: (out / "other" / "plate.webp").unlink(),
    lambda _, out: (out / "other" / "index.html").write_text("<p>"),
]


@pytest.mark.parametrize("broken", BREAKS)
def test_a_link_that_breaks_is_found_after_a_check_without_fault(
    places: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[Path, Path], object],
) -> None:
    assert checks(places, monkeypatch) == 1
    broken(*places)
    for _ in range(2):  # a fault isn't remembered as a check without one
        with pytest.raises(AtlasError, match="links to"):
            checks(places, monkeypatch)
