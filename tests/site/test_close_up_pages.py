"""What pages say and draw of close-ups: the demo's last layer sees the whole image."""

import json
import re
from pathlib import Path

from atlas.data.documents import read_layer
from atlas.data.records import Corners
from atlas.drawing import figures
from atlas.site.phrases import boxes

LAST, MIDDLE = "scores", "conv3"


def outline(kind: str, box: Corners) -> str:
    top, left, bottom, right = box
    return f'<path class="{kind}" d="M{left} {top}H{right}V{bottom}H{left}z"/>'


def test_pages_of_a_unit_show_its_close_ups_and_say_so(site: Path) -> None:
    layer = read_layer(site / "small", LAST)
    some = [unit for unit in layer.top if unit.nine and unit.nine[0].close_box]
    assert some and figures.title(layer).endswith("; close-ups")
    for unit in some:
        page = (site / "small" / LAST / f"{unit.unit}.html").read_text()
        data = json.loads((site / "small" / LAST / f"{unit.unit}.json").read_text())
        for winner, said in zip(unit.nine, data["nine"], strict=True):
            assert winner.close_box is not None
            assert said["close_box"] == list(winner.close_box) != said["box"]
            top, left, bottom, right = winner.close_box
            assert (
                f'<svg class="tile patch" viewBox="{left} {top} {right - left} {bottom - top}"'
                in page
            )
            assert outline("box", winner.box) in page
            assert outline("close", winner.close_box) in page
        side = right - left
        assert f"The tiles are close-ups of {side}×{side} pixels" in " ".join(page.split())
        assert "the yellow one the close-up" in page


def test_pages_of_a_unit_with_the_papers_crops_say_so(site: Path) -> None:
    layer = read_layer(site / "small", MIDDLE)
    assert "close-ups" not in figures.title(layer)
    unit = next(unit for unit in layer.top if unit.nine)
    page = (site / "small" / MIDDLE / f"{unit.unit}.html").read_text()
    data = json.loads((site / "small" / MIDDLE / f"{unit.unit}.json").read_text())
    assert "The tiles show all that the unit sees" in page and 'class="close"' not in page
    assert "close_box" not in data["nine"][0] and "yellow" not in boxes([unit])
    for winner in unit.nine:
        top, left, bottom, right = winner.box
        assert (
            f'<svg class="tile patch" viewBox="{left} {top} {right - left} {bottom - top}"' in page
        )


def test_layers_say_that_tiles_are_close_ups(site: Path) -> None:
    said = {
        name: "The tiles are close-ups" in (site / "small" / name / "index.html").read_text()
        for name in (LAST, MIDDLE)
    }
    assert said == {LAST: True, MIDDLE: False}


def test_the_dashed_box_is_the_effective_field_on_every_page(site: Path) -> None:
    """Of an image's page, each winner's group of boxes; of a unit's page, each small picture."""
    groups = {}
    for path in (site / "small" / "images").rglob("*.html"):
        found = re.findall(r'<g id="([^"]+)">(.*?)</g>', path.read_text(), re.DOTALL)
        groups |= {(int(path.stem), mark): inside for mark, inside in found}
    darkened = 0
    for name in (LAST, MIDDLE):
        for unit in read_layer(site / "small", name).top:
            page = (site / "small" / name / f"{unit.unit}.html").read_text()
            for winner in unit.nine:
                group = groups[winner.image, f"{name}-{unit.unit}"]
                assert unit.effective is not None
                rows, columns = winner.box[0], winner.box[1]
                top, left, bottom, right = unit.effective
                dashed = outline(
                    "inner", (top + rows, left + columns, bottom + rows, right + columns)
                )
                for one in (group, page):
                    assert dashed in one
                assert group.count('class="inner"') == 1
                assert ('class="beyond"' in group) == (winner.reach != winner.box)
                darkened += winner.reach != winner.box
                assert ('class="close"' in group) == (winner.close_box is not None)
    assert darkened
