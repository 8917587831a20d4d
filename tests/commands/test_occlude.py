"""The command that slides a square over one image, for one unit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import atlas
from atlas.commands import cli
from atlas.demo.world import ATLAS_SEED, draw
from atlas.drawing.heat import COLOURS
from atlas.experiments import occlusion


@pytest.mark.slow
def test_a_units_map_is_drawn_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(occlusion, "PLACES", 4)
    file = tmp_path / "picture.png"
    pixels = draw(ATLAS_SEED, 11).pixels
    Image.fromarray(pixels).save(file)
    to = tmp_path / "map.png"
    words = ["occlude", str(file), "--unit", "conv5/22", "--occluder", "40", "--to", str(to)]
    assert cli.main(words) == 0
    first = capsys.readouterr().out
    assert "a square of 40 pixels at 4 x 4 places, 32 apart, of levels 128, 128, 128" in first
    network = atlas.load_network("demo")
    sums = {}
    for row in range(16, 128, 32):
        for column in range(16, 128, 32):
            hidden = pixels.copy()
            hidden[max(0, row - 20) : row + 20, max(0, column - 20) : column + 20] = 128
            with torch.no_grad():
                maps = network.module[:12](network.inputs(hidden[None]))  # up to relu5
            sums[row, column] = float(maps[0, 22].sum())
    at = min(sums, key=sums.__getitem__)
    assert f"row {at[0]}, column {at[1]}" in first
    said = re.search(r"lowest ([\d.]+)", first)
    assert said and float(said[1]) == pytest.approx(sums[at], rel=0.005)
    with Image.open(to) as picture:
        shown = {tuple(colour) for colour in np.asarray(picture.convert("RGB")).reshape(-1, 3)}
    assert {tuple(bytes.fromhex(colour[1:])) for colour in COLOURS} <= shown
    assert cli.main(["occlude", "dog/00011.png", *words[2:]]) == 0  # the same, by its name
    assert capsys.readouterr().out == first


def test_the_style_sheet_has_the_same_colours() -> None:
    style = (Path(atlas.__file__).parents[1] / "templates" / "experiments.css").read_text("utf-8")
    assert [f".h{level} {{ --k: {colour}; }}" in style for level, colour in enumerate(COLOURS)] == (
        [True] * 10
    )


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["nobody.png", "--unit", "conv5/22"], "nobody.png: there is no such file, and none of"),
        (["dog/00011.png", "--unit", "conv5"], "--unit conv5: a layer and a number are wanted"),
        (["dog/00011.png", "--unit", "conv5/96"], "--unit conv5/96: conv5 has 96 units"),
        (["dog/00011.png", "--unit", "conv9/1"], "demo has no layer 'conv9'"),
        (["dog/00011.png", "--unit", "conv5/1", "--to", "a.jpg"], "--to a.jpg: a file that ends"),
        (["dog/00011.png", "--unit", "conv5/1", "--occluder", "0"], "--occluder 0: must be"),
    ],
)
def test_what_is_not_there_is_told(
    capsys: pytest.CaptureFixture[str], words: list[str], error: str
) -> None:
    assert cli.main(["occlude", *words]) == 2
    assert error in capsys.readouterr().err
