"""The page on units during training, and the row on each unit's page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from atlas.commands import cli
from atlas.data.experiments.evolution import EVOLUTION, UNITS, Evolution, LayerEvolution
from atlas.demo.files import WEIGHTS
from atlas.site.render.experiments.evolution import findings, settles
from atlas.site.render.training import names
from tests.support.once import Shared


@pytest.fixture(scope="module")
def site(shared: Shared) -> Path:
    """A small atlas of the demo, with two checkpoints: its weights, more and less disturbed."""

    def build(folder: Path) -> None:
        checkpoints = folder / "checkpoints"
        checkpoints.mkdir(parents=True)
        generator = torch.Generator().manual_seed(0)
        for name, much in (("e2", 2.0), ("e10", 0.3)):
            state = {
                key: value + much * value.std() * torch.randn(value.shape, generator=generator)
                for key, value in load_file(WEIGHTS).items()
            }
            save_file(state, checkpoints / f"{name}.safetensors")
        words = ["--limit", "24", "--units", "3", "--layers", "conv1,conv2", "--workers", "0",
                 "--checkpoints", str(checkpoints), "--experiments", "evolution",
                 "--evidence", "none",
                 "--name", "small", "--out", str(folder / "site")]  # fmt: skip
        assert cli.main(words) == 0

    return shared("evolution", build) / "site" / "small"


def test_the_page_has_a_row_for_each_unit_of_the_figure(site: Path) -> None:
    result = EVOLUTION.read(site).result
    assert result is not None and result.moments == ("e2", "e10")
    page = (site / "experiments/evolution.html").read_text()
    for sentence in findings(result):
        assert sentence.replace("'", "&#39;").replace(" %", "\u00a0%") in page
    rows = re.findall(r'<svg class="evolving".*?aria-label="([^"]+)">(.*?)</div>', page, re.S)
    assert [name for name, _ in rows] == [
        f"{layer.layer}/{unit}" for layer in result.layers for unit in layer.figure
    ]
    units = {
        f"{layer.layer}/{one.unit}": one
        for layer in result.layers
        for one in UNITS.read(site, layer.layer).units
    }
    for name, row in rows:
        marks = [units[name].changed(moment) for moment in range(3)]
        assert row.count('class="cut"') == sum(marks)
        for one in units[name].strongest:
            assert one is None or one.name in row
    for layer in result.layers:  # each figure of the curves stands in a table
        for figures in (layer.same, layer.activations, layer.likeness):
            cells = "".join(f"<td>{value:.2f}</td>" for value in figures)
            assert cells in page


def test_a_units_page_has_its_row(site: Path) -> None:
    for layer in ("conv1", "conv2"):
        for one in UNITS.read(site, layer).units:
            page = (site / layer / f"{one.unit}.html").read_text()
            part = page.partition('id="training"')[2].partition("</section>")[0]
            items = re.findall(r"<li.*?</li>", part, re.S)
            names = [re.search(r"<b>(.*?)</b>", item)[1] for item in items]  # type: ignore[index]
            assert names == ["e2", "e10", "the end"]
            count = sum(one.changed(moment) for moment in range(3))
            words = {
                0: "The same image",
                1: "changes once at",
                2: "changes 2 times, the last time at",
            }
            assert words[count] in part or not one.ends
            marked = ['class="changed"' in item for item in items]
            assert marked == [one.changed(moment) for moment in range(3)]


def test_a_moment_is_called_as_people_write_it() -> None:
    files = ("step211", "epoch_3", "iter-0010", "e10", "final", "20", "run3_step5")
    assert names(Evolution(files, len(files), 9, 9, ())) == (
        "step 211", "epoch 3", "iter 0010", "e10", "final", "20", "run3_step5", "the end",
    )  # fmt: skip


def layer(name: str, activations: tuple[float, ...]) -> LayerEvolution:
    zeros = (0.0,) * (len(activations) - 1) + (1.0,)
    return LayerEvolution(name, 4, (8, 8), (), zeros, zeros, activations, zeros)


def test_when_a_layer_settles() -> None:
    assert settles(layer("a", (0.9, 0.7, 0.85, 0.9, 1.0))) == 2
    assert settles(layer("a", (0.8, 0.8, 1.0))) == 0
    assert settles(layer("a", (0.9, 0.7, 1.0))) == 2


def test_findings_say_whether_the_paper_says_the_same() -> None:
    early, late = (0.9, 0.9, 1.0), (0.1, 0.2, 1.0)
    for curves, like in (((early, early, late), True), ((late, late, early), False)):
        layers = tuple(layer(f"conv{n}", curve) for n, curve in enumerate(curves))
        said = findings(Evolution(("e1", "e2"), 2, 9, 9, layers))
        assert ("as in the paper" in said[1]) == like
    assert said[0] == ("Activations have settled in conv2 at e1; in conv0, conv1 only at the end.")
    assert "only" not in findings(Evolution(("e1", "e2"), 2, 9, 9, layers[2:]))[0]
