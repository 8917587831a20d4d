"""Names, faces and answers of a network whose units are known, from its images to its documents."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from atlas.compute.engine import compute
from atlas.compute.run import Run
from atlas.compute.stages import concepts, faces, names, nine, peaks, scan, telling, things
from atlas.data.faces import FACES, faces_file
from atlas.data.names import GROUP, NAMES, THINGS, UnitName
from atlas.data.settings import Settings
from atlas.data.telling import TELLING
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import Network, wrap
from atlas.runtime.ranks import ALONE, Ranks
from tests.support.experiments import as_ranks

SIDE, COUNT = 8, 240
STAGES = (scan.STAGE, nine.STAGE, concepts.STAGE, peaks.STAGE, things.STAGE,
          names.STAGE, faces.STAGE, telling.STAGE)  # fmt: skip
RED, BOTH, EITHER, COPY, BLIND, NOISE = range(6)


ROWS = np.where(np.arange(SIDE) % 2, 1.0, -1.0)[:, None] * np.ones((1, SIDE))  # is "red"
COLUMNS = ROWS.T  # is "green"
BLOCKS = np.kron(np.where(np.indices((2, 2)).sum(0) % 2, 1.0, -1.0), np.ones((4, 4)))  # noise alone


class Planted(nn.Module):
    """Units by what an image shows: red; red and green; red or green; red again; nothing; noise."""

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Conv2d(3, 6, SIDE)
        with torch.no_grad():
            for unit, pattern, bias in (
                (RED, ROWS, 0.0), (BOTH, ROWS + COLUMNS, -1.0), (EITHER, ROWS + COLUMNS, 0.0),
                (COPY, ROWS, 0.0), (BLIND, 0 * ROWS, 1.0), (NOISE, BLOCKS, 0.2),
            ):  # fmt: skip
                filters = np.broadcast_to(pattern / pattern.size / 3 * 255 / 60, (3, SIDE, SIDE))
                self.see.weight[unit] = torch.tensor(filters.copy())
                self.see.bias[unit] = bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.see(x))


class Fields:
    """Grey noise, with stripes along the rows in what is red, and down the columns in green."""

    def __len__(self) -> int:
        return COUNT

    def shows(self, index: int) -> tuple[bool, bool]:
        drawn = np.random.default_rng(index).random(2)
        return bool(drawn[0] < 0.3), bool(drawn[1] < 0.3)

    def __getitem__(self, index: int) -> Image.Image:
        red, green = self.shows(index)
        noise = np.random.default_rng(1_000 + index).integers(-8, 8, (SIDE, SIDE, 3))
        grey = 128 + 30 * (red * ROWS + green * COLUMNS)[..., None] * 2 * 0.9 + noise
        return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))

    def describe(self, count: int) -> str:
        return f"{count} fields"

    def name(self, index: int) -> str:
        return f"{self.label(index)}/{index}.png"

    def label(self, index: int) -> str:
        """Of what is both the class is "amber", so that red is a group of two classes."""
        red, green = self.shows(index)
        return ("grey", "rose", "leaf", "amber")[red + 2 * green]

    def identity(self) -> str:
        return "fields"


def network() -> Network:
    return wrap(Planted().eval(), Preprocessing(None, (SIDE, SIDE), (0.0,) * 3, (1.0,) * 3))


def built(folder: Path, *, ranks: Ranks = ALONE, stages: int = len(STAGES)) -> Path:
    """The atlas's folder with what the first of the stages wrote."""
    tree = folder / "tree.tsv"
    parts = folder / "atlas", folder / "scratch"
    if ranks.leads:
        for part in parts:
            part.mkdir(parents=True, exist_ok=True)
        tree.write_text("rose\tred\namber\tred\nleaf\tgreen\namber2\tgreen\n")
    ranks.share(None)
    settings = Settings(name="planted", workers=0, hierarchy=tree)
    run = Run.begin(
        network(), Fields(), settings, folder=parts[0], scratch=parts[1], ranks=ranks
    )  # fmt: skip
    compute(run, STAGES[:stages])
    return parts[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("planted"))


def named(folder: Path, unit: int) -> UnitName:
    found = NAMES.read(folder, "see").of(unit)
    assert found
    return found


def test_classes_alone_name_units_and_a_group_of_them(folder: Path) -> None:
    known = THINGS.read(folder)
    assert {(one.name, one.kind) for one in known.things} >= {("red", GROUP), ("leaf", "class")}
    assert named(folder, RED).name == named(folder, COPY).name == "red"
    assert named(folder, BOTH).name == "amber"
    assert named(folder, EITHER).words == "leaf or red"  # one of the six twins follows it, too
    assert named(folder, RED).pearson.score > 0.95


def test_a_blind_unit_and_one_of_noise_have_no_name(folder: Path) -> None:
    assert named(folder, BLIND).terms == () and named(folder, BLIND).doubt == "weak"
    assert named(folder, NOISE).doubt and not named(folder, NOISE).name


def test_a_unit_that_is_two_things_has_both_faces(folder: Path) -> None:
    layer = FACES.read(folder, "see")
    copy, red = layer.unit(COPY), layer.unit(RED)
    assert copy and red and (copy.nearest, red.nearest) == (RED, COPY)
    assert copy.redundancy == pytest.approx(1, abs=1e-3)
    for unit in layer.units:
        there = (folder / faces_file("see", unit.unit)).is_file()
        assert there == bool(unit.faces)


def test_what_the_network_sees_is_told_and_noise_is_not_by_its_features(folder: Path) -> None:
    layer = TELLING.read(folder, "see")
    red, blind = layer.of(RED), layer.of(BLIND)
    assert red and red.features == 1 and red.pixels == 1
    assert blind and blind.features is None


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_ranks_find_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first, _ = as_ranks(2, lambda ranks: built(tmp_path, ranks=ranks))
    assert contents(first) == contents(folder)


def test_a_build_that_is_stopped_goes_on_to_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped once in the middle of each stage's work."""
    for stage in (peaks, names, faces, telling):
        work = stage.shared_work

        def stopped(run, pieces, work_, *, what, work=work):  # type: ignore[no-untyped-def]
            done = []

            def own(piece):  # type: ignore[no-untyped-def]
                if len(done) == max(1, len(pieces) // 2):
                    raise KeyboardInterrupt
                done.append(piece)
                return work_(piece)

            return work(run, pieces, own, what=what)

        with monkeypatch.context() as patched:
            patched.setattr(stage, "shared_work", stopped)
            try:
                built(tmp_path)
            except KeyboardInterrupt:
                continue
    assert contents(built(tmp_path)) == contents(folder)
    shutil.rmtree(tmp_path / "atlas")
