"""Other rules and deletion curves on pages: views, figures and charts of units."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from atlas.data.beside import RULES_BESIDE, LayerRules, UnitRules
from atlas.data.curves import CURVES, Between, LayerCurves, UnitCurves
from atlas.data.measures import MEASURES
from atlas.site.render import beside, unit_table, units
from atlas.site.render.base import Renderer
from atlas.site.render.view import AtlasView

SPARE = ("*.html", "*.jpg", "*.webp", "embed", "experiments", "live")


@pytest.fixture(scope="module")
def view(few: Path, tmp_path_factory: pytest.TempPathFactory) -> AtlasView:
    """An atlas where lrp keeps a tenth more than deconvnet in conv3, and guided came by itself."""
    folder = tmp_path_factory.mktemp("beside") / "small"
    shutil.copytree(few / "small", folder, ignore=shutil.ignore_patterns(*SPARE))
    layers = AtlasView.read(folder, Renderer()).layers
    for name, rule, asked in (("conv3", "lrp", True), ("conv4", "guided", False)):
        found = []
        for unit in layers[name].top:
            own = {
                one.name: tuple(
                    None if figure is None else figure + 0.1 * (one.name == "kept")
                    for figure in (unit.evidence or {}).get(one.name, ())
                )
                for one in MEASURES
            }
            found.append(UnitRules(unit.unit, {rule: own} if unit.evidence else {}))
        RULES_BESIDE.write(folder, LayerRules((rule,), asked, tuple(found)), name)
    half = UnitCurves(
        layers["conv3"].top[0].unit, (0.0, 0.5, 1.0), (1.0, 0.25, 0.0), (0.0, 0.25, 1.0),
        (1.0, 0.5, 0.0), Between(0.125, 0.0625), Between(-0.125, None),
    )  # fmt: skip
    CURVES.write(folder, LayerCurves((0.0, 0.5, 1.0), (half,)), "conv3")
    return AtlasView.read(folder, Renderer())


def test_a_units_page_offers_its_rules_as_views(view: AtlasView) -> None:
    for name, rule, word in (("conv3", "lrp", "LRP"), ("conv4", "guided", "Guided")):
        layer = view.layers[name]
        unit = next(one for one in layer.top if len(one.nine) == 9)
        page = units.unit_page(view, layer, unit)
        assert f'name="view" value="{rule}"><span>{word}</span>' in page
        source = f"rules/{rule}/{unit.unit}.webp"
        sheets = re.findall(
            rf'class="by by-{rule} (r. c.)"><img src="{source}" loading="lazy"', page
        )
        assert sheets == [f"r{rank // 3} c{rank % 3}" for rank in range(9)]
        (said,) = re.findall(rf'<p class="in-{rule}">(.*?)</p>', page)
        assert ("no image enters" in said) == (rule == "guided")
        kept = re.findall(r"keep (\d+) % \((\d+) %\)", said)
        assert [int(a) - int(b) in (9, 10, 11) for a, b in kept] == [True]
        assert f'<th scope="col">deconvnet</th><th scope="col">{rule}</th>' in page
    plain = view.layers["conv2"]
    assert "loading" not in units.unit_page(view, plain, plain.top[0]).partition("<details")[0]


def test_a_page_says_which_rule_wins(view: AtlasView) -> None:
    ((address, page),) = beside.files(view)
    assert address == "rules.html" and "conv2" not in page.partition("<section>")[2]
    conv3 = page[page.index("conv3</a></h2>") :].partition("</section>")[0]
    rows = dict(re.findall(r'<tr><th scope="row">(\w+)</th>(.*?)</tr>', conv3))
    assert list(rows) == ["deconvnet", "lrp"]
    cells = {rule: re.findall(r"<td>(.*?)</td>", row) for rule, row in rows.items()}
    assert cells["lrp"][0].startswith("<b>") and not cells["deconvnet"][0].startswith("<b>")
    assert not any(cell.startswith("<b>") for row in cells.values() for cell in row[1:])
    assert page.count("In conv3, better than every other rule by more than chance:") == 1
    best = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)
    assert best[0] == ("<b>lrp</b>", "by what is kept")
    others = "by what is lost, unlikeness to the control and what is the unit&#39;s own"
    assert best[1:] == [("no rule alone", others)]


def test_a_rule_that_draws_the_same_for_every_unit_is_not_compared(
    view: AtlasView, tmp_path: Path
) -> None:
    folder = shutil.copytree(view.folder, tmp_path / "small")
    for name, share in (("conv1", 0.0), ("conv4", 0.002)):
        alike = [
            UnitRules(one.unit, {"guided": one.evidence, "lrp": one.evidence | {
                "own": (share, None, 0.0), "ssim": (1.0, 1.0)
            }} if one.evidence else {})
            for one in view.layers[name].top
        ]  # fmt: skip
        RULES_BESIDE.write(folder, LayerRules(("guided", "lrp"), True, tuple(alike)), name)
    ((_, page),) = beside.files(AtlasView.read(folder, Renderer()))
    every, conv1, conv3, conv4 = page.split("<section>")[1:]
    rules = [re.findall(r'<th scope="row">(\w+)', one) for one in (every, conv1, conv3, conv4)]
    three = ["deconvnet", "guided", "lrp"]
    assert rules == [three, three[:2], ["deconvnet", "lrp"], three]
    said = "In conv1 lrp is left out: it draws the same for every unit"
    assert said in every and said in conv1 and "left out" not in conv3 + conv4
    tried = len([one for one in view.layers["conv4"].top if one.evidence])
    assert f"{tried} units. In conv1" in every  # those of conv1 count nowhere in it


def test_curves_stand_folded_and_curves_and_rules_in_the_table(view: AtlasView) -> None:
    layer = view.layers["conv3"]
    first, second = layer.top[:2]
    folded = units.unit_page(view, layer, first).partition("All that was tried")[2]
    chart = folded.partition("</figure>")[0]
    assert chart.count("<polyline") == 4 and chart.count("dashed") == 4  # and their keys
    assert "0.12 ± 0.06 by what is kept, −0.12 by what is blurred" in folded
    assert "<polyline" not in units.unit_page(view, layer, second).partition("</figure>")[0]
    table = dict(unit_table.files(view))["units.csv"]
    assert isinstance(table, str)
    rows = {(one["layer"], one["unit"]): one for one in csv.DictReader(table.splitlines())}
    found = rows["conv3", str(first.unit)], rows["conv3", str(second.unit)]
    assert [(one["kept_between"], one["left_between"]) for one in found] == [
        ("0.125", "-0.125"), ("", ""),
    ]  # fmt: skip
    kept = [(float(one["lrp_kept"]), float(one["kept"])) for one in found]
    assert all(lrp == pytest.approx(own + 0.1, abs=1e-5) for lrp, own in kept)
    assert found[0]["guided_kept"] == ""  # which came in another layer


def test_a_page_says_where_no_rule_wins(view: AtlasView, tmp_path: Path) -> None:
    shutil.copytree(view.folder, tmp_path / "small")
    even = tuple(
        UnitRules(unit.unit, {"lrp": unit.evidence} if unit.evidence else {})
        for unit in view.layers["conv3"].top
    )
    RULES_BESIDE.write(tmp_path / "small", LayerRules(("lrp",), True, even), "conv3")
    ((_, page),) = beside.files(AtlasView.read(tmp_path / "small", Renderer()))
    assert "In conv3 no rule is better than every other one by more than chance." in page
    assert "no rule alone" not in page and "<dt>" not in page


def test_an_atlas_without_has_neither(view: AtlasView) -> None:
    for layer in ("conv3", "conv4"):
        RULES_BESIDE.path(view.folder, layer).unlink()
    bare = AtlasView.read(view.folder, Renderer())
    assert list(beside.files(bare)) == []
    layer = bare.layers["conv3"]
    assert "by-lrp" not in units.unit_page(bare, layer, layer.top[0])
