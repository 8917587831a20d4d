"""Every measure of evidence on a network whose units are known, and so the right answers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from atlas.data import measures, records
from atlas.data.documents import read_layer
from atlas.data.settings import Settings
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import wrap
from tests.support.computing import computed

SIDE, COUNT = 48, 60
LINE, RED, BLIND, COPY = range(4)


class Planted(nn.Module):
    """Unit 0 is a line detector, 1 a colour detector, 2 ignores its input, 3 is a copy of 0."""

    def __init__(self, copies: bool) -> None:
        super().__init__()
        self.see = nn.Conv2d(3, 4 if copies else 3, 7, padding=3)
        with torch.no_grad():
            self.see.weight.zero_()
            self.see.bias.zero_()
            # bright along the falling diagonal, dark beside it
            line = 2 * torch.eye(7) - torch.diag(torch.ones(6), 1) - torch.diag(torch.ones(6), -1)
            self.see.weight[LINE] = line
            self.see.weight[RED] = torch.tensor([1.0, -0.5, -0.5])[:, None, None]
            self.see.bias[BLIND] = 1
            if copies:
                self.see.weight[COPY] = line

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.see(x))


class Plants:
    """Grey noise, in it a bright falling line or a red patch; the line's class is "line"."""

    description = "planted pictures"

    def __len__(self) -> int:
        return COUNT

    def draw(self, index: int) -> tuple[Image.Image, dict[str, Image.Image]]:
        rng = np.random.default_rng(index)
        image = Image.fromarray(rng.integers(96, 112, (SIDE, SIDE, 3)).astype(np.uint8))
        masks = {}
        for name in ("line", "red", "nothing"):
            if rng.random() < {"line": 0.5, "red": 0.5, "nothing": 1}[name]:
                mask = Image.new("L", (SIDE, SIDE))
                x, y = (int(n) for n in rng.integers(8, 28, 2))
                strength = int(rng.integers(150, 255))
                for canvas, ink in ((image, None), (mask, 255)):
                    pen = ImageDraw.Draw(canvas)
                    if name == "line":
                        pen.line([(x, y), (x + 11, y + 11)], ink or (strength,) * 3)
                    elif name == "red":
                        pen.rectangle([x, y, x + 11, y + 11], ink or (strength, 60, 60))
                    elif ink:
                        pen.rectangle([x, y, x + 9, y + 9], ink)
                masks[name] = mask
        return image, masks

    def __getitem__(self, index: int) -> Image.Image:
        if not 0 <= index < COUNT:
            raise IndexError(index)
        return self.draw(index)[0]

    def describe(self, count: int) -> str:
        return f"{count} planted pictures"

    def name(self, index: int) -> str:
        return str(index)

    def label(self, index: int) -> str:
        return "line" if "line" in self.draw(index)[1] else "none"

    # and their masks
    def indices(self) -> list[int]:
        return list(range(COUNT))

    def of(self, index: int) -> dict[str, Image.Image]:
        return self.draw(index)[1]

    def identity(self) -> str:
        return "planted"


Read = tuple[records.AtlasData, records.LayerData]


def built(folder: Path, copies: bool) -> Read:
    seen = Preprocessing(None, (SIDE, SIDE), (0.4,) * 3, (0.25,) * 3)
    plants = Plants()
    network = wrap(Planted(copies).eval(), seen)
    settings = Settings(name="planted", workers=0)
    facts = computed(network, plants, folder, settings, masks=plants)
    return facts, read_layer(folder / "atlas", "see")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Read:
    return built(tmp_path_factory.mktemp("alone"), copies=False)


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory) -> Read:
    return built(tmp_path_factory.mktemp("doubled"), copies=True)


def mean(layer: records.LayerData, unit: int, measure: str) -> float:
    tried = layer.unit(unit).evidence
    assert tried is not None
    found = measures.mean(tried[measure])
    assert found is not None
    return found


def test_a_line_detectors_marks_are_the_line(alone: Read) -> None:
    layer = alone[1]
    assert mean(layer, LINE, "kept") > 0.7 > 0.35 > mean(layer, LINE, "kept_elsewhere")
    assert mean(layer, LINE, "lost") > 0.7 > 0.35 > mean(layer, LINE, "lost_elsewhere")


def test_a_colour_survives_blurring(alone: Read) -> None:
    """The patch is larger than the receptive field, so whatever is blurred, it stays red."""
    layer = alone[1]
    assert min(mean(layer, RED, each) for each in ("kept", "kept_elsewhere")) > 0.7
    assert abs(mean(layer, RED, "lost")) < 0.2


def test_a_unit_that_ignores_its_input_has_nothing_to_show(alone: Read) -> None:
    layer = alone[1]
    blind = layer.unit(BLIND)
    assert blind.fired == COUNT and [w.image for w in blind.nine] == list(range(9))
    tried = blind.evidence
    assert tried is not None
    assert set(tried["kept"]) == {1} and set(tried["lost"]) == {0}
    assert all(set(tried[name]) == {None} for name in ("ssim", "rank", "own"))
    assert blind.effective is None and not blind.concepts and not blind.alike
    assert {sample.winner.value for sample in blind.spectrum if sample.winner} == {1.0}


def test_the_twin_doesnt_draw_the_line(alone: Read) -> None:
    assert mean(alone[1], LINE, "ssim") < 0.3
    # all weights of a channel of the colour detector's filter are the same number: only their
    # order within the layer changes, and the line's weights get among them
    assert mean(alone[1], RED, "ssim") < 0.9


def test_a_copys_picture_is_nobodys_own(alone: Read, doubled: Read) -> None:
    assert mean(alone[1], LINE, "own") > 0.95
    assert mean(doubled[1], LINE, "own") < 0.01 and mean(doubled[1], COPY, "own") < 0.01
    assert mean(doubled[1], RED, "own") > 0.95


def test_units_are_named_for_what_they_detect(alone: Read) -> None:
    atlas, layer = alone
    assert [name for name, _ in layer.unit(LINE).concepts] == ["line"]
    assert [name for name, _ in layer.unit(RED).concepts] == ["red"]
    assert atlas.concepts == records.ConceptFacts(
        "planted pictures", COUNT, ("line", "nothing", "red")
    )
    assert atlas.summary[0].concepts == (("line", 1), ("red", 1))


def test_a_copy_is_the_nearest_neighbour(doubled: Read) -> None:
    layer, unit, correlation = doubled[1].unit(LINE).alike[0]
    assert (layer, unit, correlation) == ("see", COPY, 1.0)


def test_classes_and_the_spectrum_follow_the_line(alone: Read) -> None:
    line = alone[1].unit(LINE)
    assert line.commonest == ("line", 9)
    strong, weak = line.spectrum[0].winner, line.spectrum[-1].winner
    assert strong and strong.label == "line" and weak and weak.label == "none"
    assert line.effective is not None
    assert all(winner.box == winner.true_box for winner in line.nine)


def test_without_evidence_nothing_is_tried(tmp_path: Path) -> None:
    seen = Preprocessing(None, (SIDE, SIDE), (0.4,) * 3, (0.25,) * 3)
    network = wrap(Planted(True).eval(), seen)
    settings = Settings(name="planted", workers=0, evidence="none")
    atlas = computed(network, Plants(), tmp_path, settings, masks=Plants())
    layer = read_layer(tmp_path / "atlas", "see")
    assert not atlas.evidence and atlas.concepts is None
    for unit in layer.top:
        assert not (unit.evidence or unit.spectrum or unit.alike or unit.concepts or unit.levels[1])
    assert not list(tmp_path.rglob("tried")) and not list(tmp_path.rglob("spectrum"))
