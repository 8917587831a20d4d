"""An atlas for a host with little room: what a budget leaves out, and that it comes back."""

import re
from pathlib import Path

import pytest

from atlas.commands import cli
from atlas.data.documents import read_atlas, read_layer
from atlas.data.extras import NAMES
from atlas.site.files import size
from tests.support.once import Shared

DOCUMENTS = (
    "layer", "nine", "reconstructions", "connections", "contributions", "together", "examples",
    "concepts",
)  # fmt: skip
SHOWN = ["--experiments", "none", "--limit", "36", "--workers", "0", "--layers", "conv2,conv4"]
FEW = [*SHOWN, "--units", "3"]


def build(out: Path) -> None:
    # numbers of the network aren't a unit's
    lean = ["--lean", "--units", "24", "--live", "off", "--base-url", "https://a.b/"]
    assert cli.main([*SHOWN, *lean, "--out", str(out)]) == 0


@pytest.fixture(scope="module")
def lean(shared: Shared) -> Path:
    return shared("lean", build) / "demo"  # every link of it was checked


def test_a_unit_is_its_page_its_plate_and_its_data(lean: Path) -> None:
    for name in read_atlas(lean).layers:
        layer = read_layer(lean, name)
        units = [str(unit.unit) for unit in layer.top]
        files = {path.relative_to(lean / name).as_posix() for path in (lean / name).rglob("*")}
        plates = {f"{unit.unit}.webp" for unit in layer.top if unit.nine}
        assert files == {f"{unit}.html" for unit in units} | plates | {
            "index.html", "kit.js", "record.npz", *(f"{document}.json" for document in DOCUMENTS),
        }  # fmt: skip
    assert not (lean / "images").exists()


def test_patches_come_from_the_plate_and_evidence_is_told(lean: Path) -> None:
    layer = read_layer(lean, "conv4")
    unit = next(unit for unit in layer.top if len(unit.nine) == 9)
    page = (lean / "conv4" / f"{unit.unit}.html").read_text()
    assert page.count('<use href="#plate"/>') == 18 and page.count("<image") == 1
    assert "Can you trust these pictures?" in page and "nine.json" in page


def test_it_takes_few_bytes_and_files_a_unit(lean: Path) -> None:
    units = sum(summary.shown for summary in read_atlas(lean).summary)
    assert size(lean) / units < 36_000
    assert sum(path.is_file() for path in lean.rglob("*")) / units < 4


def test_it_can_be_verified(lean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(lean / "conv4"), "--sample", "6", "--workers", "0"]) == 0
    assert "6 of 6" in capsys.readouterr().out


@pytest.mark.slow
def test_a_budget_leaves_out_and_a_larger_one_brings_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site"
    command = [*FEW, "--out", str(out)]
    assert cli.main(command) == 0
    full = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert "left out" not in capsys.readouterr().err
    assert cli.main([*command, "--budget", "1", "--without", "image-pages"]) == 0
    said = capsys.readouterr()
    told = re.search(r"note: left out for the --budget of 1 MB: (.*); a larger one", said.err)
    assert told and "plates as JPEG (build.py figure makes PNG and SVG)" in told[1]
    assert "jpeg again: without jpeg now" in said.out
    assert not re.search(r"\b(scan|nine|contributions) again", said.out)
    left = read_atlas(out / "demo").settings["without"]
    assert left == [name for name in NAMES if name in left] and left[-1] == "jpeg"
    assert not list(out.rglob("*.jpg"))
    assert "image-pages" in left  # and what was published still has a page
    gone = [
        path for path in full if path.parts[:2] == ("demo", "images") and path.suffix == ".html"
    ]
    assert gone and all("not shown any more" in (out / path).read_text() for path in gone)
    assert cli.main(command) == 0
    assert "scan again" not in capsys.readouterr().out
    back = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert back.keys() == full.keys()
    assert [name for name in full if full[name] != back[name]] == []


@pytest.mark.slow
def test_jpeg_alone_is_brought_back_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*FEW, "--evidence", "none", "--out", str(tmp_path)]
    assert cli.main([*command, "--no-jpeg"]) == 0
    capsys.readouterr()
    assert cli.main(command) == 0
    again = re.findall(r"note: (\w+) again", capsys.readouterr().out)
    assert again == ["jpeg"] and len(list(tmp_path.rglob("*.jpg"))) == 5  # one unit never fired


def test_a_name_of_no_part_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--without", "jpegs"]) == 2
    assert "'jpegs' is not among images, names, circuits, trials" in capfd.readouterr().err
