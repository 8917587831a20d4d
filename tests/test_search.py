"""The search in a real browser: what is found, in which order, and with what patience."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from atlas.site.assembling import whole
from atlas.site.info import SiteContents
from atlas.site.publishing import write_shared
from tests.support.browsers import COLOURS, NEEDED, Watched, barriers

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = NEEDED


class Search:
    """The search's dialog on a page."""

    def __init__(self, page: "playwright.Page") -> None:
        self.page = page
        self.field = page.get_by_role("searchbox")
        self.links = page.locator(".results a")
        self.status = page.locator(".search [role=status]")

    def found(self, text: str) -> list[str]:
        """What the results for a text say, one after the other."""
        self.field.fill(text)
        self.status.filter(has_text=re.compile(r"(found|shown|117\.)$")).wait_for()
        return [said.strip() for said in self.links.all_inner_texts()]

    def titles(self, text: str) -> list[str]:
        self.found(text)
        return self.page.locator(".results b").all_inner_texts()


@pytest.fixture(scope="module")
def window(browser: "playwright.Browser") -> Iterator[Watched]:
    """A window for one search after another."""
    with browser.new_context(viewport={"width": 1440, "height": 800}) as context:
        yield Watched(context, "")


@contextmanager
def searching(window: Watched, base: str, page: str = "index.html") -> Iterator[Search]:
    window.own = base
    window.page.goto(f"{base}/{page}")
    window.page.keyboard.press("/")
    yield Search(window.page)
    window.page.goto("about:blank")
    assert window.told() == []


UNIT = re.compile(r"\w+/\d+")


def units(titles: list[str]) -> list[str]:
    return [title for title in titles if UNIT.fullmatch(title)]


def test_a_unit_at_the_address_that_was_typed_comes_first(window: Watched, address: str) -> None:
    with searching(window, address) as search:
        for text in ("conv5/48", "conv5 48", "small/conv5/48", "CONV5 / 48"):
            search.titles("dog")
            assert search.titles(text)[0] == "conv5/48", text
        search.field.press("Enter")
        search.page.wait_for_url("**/small/conv5/48.html")


def test_pages_come_before_units(window: Watched, address: str) -> None:
    with searching(window, address) as search:
        assert search.titles("how to read")[0] == "How to read it"
        assert search.titles("quiz conv4") == ["Quiz of conv4"]
        assert search.titles("conv4")[:2] == ["conv4", "Quiz of conv4"]
        assert search.titles("a note")[0] == "A note"
        assert "small" in search.titles("small")[:2]
        found = search.titles("patch")  # which pages say, and no unit is called
        assert "How to read it" in found and not units(found)
        assert "patch" in search.found("patch")[found.index("How to read it")]


def one_error(word: str) -> set[str]:
    """A word with one typing error."""
    places = range(len(word))
    return {
        *(word[:i] + word[i + 1 :] for i in places),
        *(word[:i] + "q" + word[i + 1 :] for i in places),
        *(word[:i] + "q" + word[i:] for i in (*places, len(word))),
        *(word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in places[:-1]),
        "bycicle",  # two letters changed places over another
    }


def test_one_typing_error_is_forgiven_and_told(window: Watched, address: str) -> None:
    with searching(window, address) as search:
        right = units(search.titles("bicycle"))
        assert right
        for wrong in sorted(one_error("bicycle")):
            # so many results are shown in all, and pages that say the right word take some
            found = units(search.titles(wrong))
            some = min(len(found), len(right))
            assert some > 8 and found[:some] == right[:some], wrong
        search.found("bycicle")
        assert "No match for “bycicle”. Shown is “bicycle”." in search.status.inner_text()
        for text in ("bqciqle", "bccleyi", "dgo", "conv9"):  # two errors, too short, no word
            assert units(search.titles(text)) == [], text


MEANT = {
    "bicycles": "bicycle", "butterflies": "butterfly", "houses": "house", "stripe": "stripes",
    "bike": "bicycle", "bikes": "bicycle", "Automobile": "car", "toadstools": "mushroom",
}  # fmt: skip


def test_plurals_and_synonyms_find_what_they_mean(window: Watched, address: str) -> None:
    with searching(window, address) as search:
        for text, name in MEANT.items():
            right = set(units(search.titles(name)))
            assert right and set(units(search.titles(text))) == right, text


def test_every_word_counts(window: Watched, address: str) -> None:
    with searching(window, address) as search:
        both = search.found("conv5 dog")
        found = [said for said in both if re.match(r"conv\d/\d", said)]  # and pages
        assert found and all("conv5/" in said and "dog" in said for said in found)


def test_own_synonyms_and_own_names_are_found(window: Watched, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    shutil.copytree(root, out, ignore=shutil.ignore_patterns("embed", "tried"))
    contents = SiteContents(synonyms={"velo": ("bicycle",), "tractor": ("no such thing",)})
    write_shared(out, whole(out, contents=contents).files.texts)
    shard = out / "small" / "search" / "0.js"
    text = re.sub(r'"classes":\[', '"classes":["Zebra crossings",', shard.read_text(), count=1)
    # every name moves by one place; the first row is given the new one as its authors' own
    head, rows = text.split('"layers":')
    rows = re.sub(r"\[(\d+,\d(?:,\d+,\d+)*)\]", moved, rows)
    shard.write_text(head + '"layers":' + re.sub(r"(\[\[\"conv1\",\[\[[^]]+)", r"\1,0,-1", rows))
    with searching(window, out.as_uri()) as search:
        assert units(search.titles("velo")) == units(search.titles("bicycle")) != []
        assert units(search.titles("tractor")) == []
        assert search.titles("zebra crossing") == ["conv1/0 “Zebra crossings”"]
        assert "the authors' name" in search.found("zebra")[0]


def moved(row: re.Match[str]) -> str:
    numbers = row[1].split(",")
    numbers[2::2] = [str(int(number) + 1) for number in numbers[2::2]]
    return f"[{','.join(numbers)}]"


def test_small_plates_are_loaded_when_they_are_seen(window: Watched, address: str) -> None:
    with searching(window, address) as search:
        asked: list[str] = []
        search.page.on("request", lambda request: asked.append(request.url))
        titles = search.titles("conv")
        pictures = search.page.locator(".sight img")
        assert pictures.count() == len(units(titles)) - 3 > 40  # three never fired
        search.page.wait_for_load_state("networkidle")
        early = [url for url in asked if "/small/conv" in url]
        assert 0 < len(early) < pictures.count()
        pictures.last.scroll_into_view_if_needed()
        pictures.last.evaluate("picture => picture.decode()")  # or it fails
        assert len([url for url in asked if "/small/conv" in url]) > len(early)
        assert search.titles("conv2/74")[0] == "conv2/74"  # which never fired
        assert search.links.first.locator("img").count() == 0


@pytest.mark.parametrize("over", ["http", "file"])
def test_the_keyboard_is_enough(window: Watched, root: Path, address: str, over: str) -> None:
    base = address if over == "http" else root.as_uri()
    with searching(window, base, "small/conv4/16.html") as search:
        titles = search.titles("dog")
        press = search.page.keyboard.press
        focused = (
            "document.activeElement.querySelector('b')?.textContent || document.activeElement.type"
        )
        for key, place in {"ArrowDown": 0, "ArrowDown ": 1, "ArrowUp": 0}.items():
            press(key.strip())
            assert search.page.evaluate(focused) == titles[place]
        press("ArrowUp")
        assert search.page.evaluate(focused) == "search"
        press("ArrowDown")
        press("s")  # typing goes on
        assert search.field.input_value() == "dogs" and search.page.evaluate(focused) == "search"
        press("Escape")
        assert not search.page.get_by_role("dialog").is_visible()
        press("/")
        press("ArrowDown")
        press("Enter")
        search.page.wait_for_url(lambda url: "16.html" not in url)


def test_results_fit_a_narrow_screen_and_are_accessible(
    browser: "playwright.Browser", address: str
) -> None:
    """The scheme decides colours, and nothing else."""
    viewport = {"width": 320, "height": 640}
    with browser.new_context(viewport=viewport, color_scheme="light") as context:
        page = context.new_page()
        page.goto(f"{address}/small/conv4/16.html")
        page.keyboard.press("/")
        search = Search(page)
        assert len(search.found("dog")) > 1 and search.found("patch")
        for text in ("patch", "dog"):
            search.found(text)
            for selector in ("html", ".search", ".results"):
                fits = page.locator(selector).evaluate("e => e.scrollWidth <= e.clientWidth")
                assert fits, selector
        assert barriers(page) == []
        page.emulate_media(color_scheme="dark")
        assert barriers(page, COLOURS) == []
