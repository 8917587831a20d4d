"""The command that paints into an image what a layer sees in it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlas.commands import cli


def test_a_photograph_is_dreamed_at_its_own_proportions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photograph = tmp_path / "wide.png"
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((150, 100)).save(photograph)
    to = tmp_path / "dream.png"
    words = ["dream", str(photograph), "--layer", "conv3", "--unit", "17", "--octaves", "2"]
    assert cli.main([*words, "--steps", "2", "--to", str(to)]) == 0
    said = capsys.readouterr().out
    rise = re.search(r"conv3/17: mean squared activation ([\d.]+) to ([\d.]+)", said)
    assert rise and float(rise[2]) > float(rise[1])
    with Image.open(to) as picture:
        assert picture.size == (round(192 * 1.4), round(128 * 1.4))


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--layer", "conv9"], "conv9"),
        (["--layer", "conv3", "--unit", "999"], "--unit 999: conv3 has 112 units"),
        (["--layer", "conv3", "--octaves", "0"], "--octaves 0: must be at least 1"),
        (["--layer", "conv3", "--to", "dream.jpg"], "--to dream.jpg: a file that ends in .png"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["dream", "dog/00011.png", *words]) == 2
    said = capsys.readouterr().err
    assert error in said and len(said.strip().splitlines()) == 1
