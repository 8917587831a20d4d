"""Units during training, against loops over images, units and moments with the plain modules."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import torch
from PIL import Image

from atlas.compute.engine import compute
from atlas.compute.run import Run
from atlas.compute.stages import STAGES
from atlas.compute.stages.experiments import evolution as stage
from atlas.data.experiments.evolution import EVOLUTION, UNITS, UnitEvolution, strip_file
from atlas.data.settings import Settings
from atlas.drawing import pixels
from atlas.experiments import evolution
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import DemoImages
from atlas.networks.checkpoints import open_checkpoints
from atlas.networks.network import Network, wrap
from atlas.reconstruction.deconvnet import reconstruct
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.ranks import Ranks

SEES = Preprocessing(28, (24, 20), (0.4, 0.5, 0.6), (0.3, 0.25, 0.2))
IMAGES = DemoImages(20)
NEEDED = [one for one in STAGES if one.name in ("scan", "layers", "nine", "close_ups")]
ALL = [*NEEDED, stage.STAGE]
SETTINGS = Settings(layers=("one", "two"), workers=0)
NAMES = ("e2", "e9", "e10", "")


def module(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    parts = torch.nn.Sequential()
    parts.add_module("one", torch.nn.Conv2d(3, 5, 3, padding=1))
    parts.add_module("relu1", torch.nn.ReLU())
    parts.add_module("pool", torch.nn.MaxPool2d(3, 2))
    parts.add_module("two", torch.nn.Conv2d(5, 7, 3))
    parts.add_module("relu2", torch.nn.ReLU())
    parts.get_submodule("two").bias.data[2] = -99.0 if seed in (0, 9) else 0.0  # silent
    parts.get_submodule("two").bias.data[4] = -99.0 if seed in (2, 10) else 0.0
    return parts.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkpoints."""
    root = tmp_path_factory.mktemp("checkpoints")
    for seed in (2, 9, 10):
        torch.save(module(seed).state_dict(), root / f"e{seed}.pt")
    return root


def begin(place: Path, checkpoints: Path | None, settings: Settings = SETTINGS) -> Run:
    for part in ("atlas", "scratch"):
        (place / part).mkdir(parents=True, exist_ok=True)
    return Run.begin(
        wrap(module(0), SEES, "tiny"), IMAGES, settings,
        folder=place / "atlas", scratch=place / "scratch",
        checkpoints=open_checkpoints(checkpoints) if checkpoints else None,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "MOST_IMAGES", 13)
    monkeypatch.setattr(stage, "BLOCK", 5)
    monkeypatch.setattr(stage, "UNITS_TOGETHER", 3)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    place = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        small_pieces.__wrapped__(patch)  # type: ignore[attr-defined]
        compute(begin(place, folder), ALL)
    return place / "atlas"


def contents(atlas: Path) -> dict[str, bytes]:
    found = [*atlas.rglob("evolution.json"), *atlas.glob("experiments/evolution/*/*.webp")]
    return {path.relative_to(atlas).as_posix(): path.read_bytes() for path in found}


def looked_at() -> list[int]:
    return evolution.spread(range(len(IMAGES)), 13)


def maps(of: torch.nn.Module, image: int) -> dict[str, np.ndarray]:
    """The feature maps of the two layers on an image."""
    x = torch.tensor(SEES.stimulus(IMAGES[image])).permute(2, 0, 1)[None] / 255
    x = (x - torch.tensor(SEES.mean).view(3, 1, 1)) / torch.tensor(SEES.std).view(3, 1, 1)
    found = {}
    with torch.no_grad():
        for name, part in of.named_children():
            x = part(x)
            found[name] = x[0].numpy()
    return {"one": found["relu1"], "two": found["relu2"]}


def units(built: Path, layer: str) -> tuple[UnitEvolution, ...]:
    return UNITS.read(built, layer).units


def networks() -> list[Network]:
    return [wrap(module(seed), SEES, "tiny") for seed in (2, 9, 10, 0)]


@pytest.mark.parametrize(("layer", "count"), [("one", 5), ("two", 7)])
def test_each_unit_is_as_the_modules_compute_it(built: Path, layer: str, count: int) -> None:
    courses = networks()
    seen = [{i: maps(one.module, i)[layer] for i in looked_at()} for one in courses]
    found = units(built, layer)
    assert [one.unit for one in found] == list(range(count))
    for one in found:
        best = [max(looked_at(), key=lambda i: (at[i][one.unit].max(), -i)) for at in seen]
        peaks = [at[i][one.unit].max() for at, i in zip(seen, best, strict=True)]
        for said, at, image, value in zip(one.strongest, seen, best, peaks, strict=True):
            if value <= 0:
                assert said is None
                continue
            assert said is not None and said.image == image and said.name == IMAGES.name(image)
            assert said.value == pytest.approx(value, rel=1e-3)
            flat = at[image][one.unit].argmax()
            assert said.position == divmod(flat, at[image].shape[2])
        if peaks[-1] <= 0:
            assert not one.ends and not one.activations and not one.likeness
            continue
        last = one.strongest[-1]
        assert last is not None
        every = [[at[i][one.unit].max() for i in looked_at()] for at in seen]
        pictures = [
            reconstruct(network, SEES.stimulus(IMAGES[last.image]), layer, one.unit, last.position)
            for network in courses
        ]
        there = [at[last.image][one.unit][last.position] for at in seen]
        for moment in range(4):
            constant = np.ptp(every[moment]) == 0
            r = 0.0 if constant else np.corrcoef(every[moment], every[-1])[0, 1]
            assert one.activations[moment] == pytest.approx(r, abs=2e-4)
            a, b = pictures[moment].double().flatten(), pictures[-1].double().flatten()
            alike = float(a @ b / (a.norm() * b.norm())) if there[moment] > 0 else 0.0
            assert one.likeness[moment] == pytest.approx(alike, abs=2e-4)


def test_something_of_each_kind_is_among_them(built: Path) -> None:
    every = units(built, "two")
    assert any(not one.ends for one in every)  # unit 2
    assert any(one.ends and None in one.strongest for one in every)  # unit 4
    flags = [one.changed(moment) for one in every for moment in range(4)]
    assert any(flags) and not all(flags[1:])


def test_curves_follow_from_the_units(built: Path) -> None:
    result = EVOLUTION.read(built).result
    assert result is not None
    assert (*result.moments, "") == NAMES and result.given == 3
    assert (result.images, result.of) == (13, 20)
    for layer in result.layers:
        alive = [one for one in units(built, layer.layer) if one.strongest[-1]]
        assert layer.units == len(alive) and set(layer.figure) <= {one.unit for one in alive}
        for moment in range(4):
            images = [
                [one.strongest[m] and one.strongest[m].image for m in range(4)] for one in alive
            ]
            same = [some[moment] == some[-1] for some in images]
            changed = [moment > 0 and some[moment] != some[moment - 1] for some in images]
            assert layer.same[moment] == pytest.approx(np.mean(same), abs=1e-4)
            assert layer.changed[moment] == pytest.approx(np.mean(changed), abs=1e-4)
            for name in ("activations", "likeness"):
                middle = median(getattr(one, name)[moment] for one in alive)
                assert getattr(layer, name)[moment] == pytest.approx(middle, abs=1e-4)


def test_strips_show_patches_beside_reconstructions(built: Path) -> None:
    result = EVOLUTION.read(built).result
    assert result is not None
    for layer in result.layers:
        height, width = layer.tile
        for one in units(built, layer.layer):
            path = built / strip_file(layer.layer, one.unit)
            if not any(one.strongest):
                assert not path.exists()
                continue
            picture = np.asarray(Image.open(path).convert("RGBA"), np.float64)
            assert picture.shape[:2] == pixels.strip_size((height, width), 8)
            for moment, said in enumerate(one.strongest):
                for half in (0, 1):
                    left = (half * 4 + moment) * (width + pixels.GAP)
                    tile = picture[:, left : left + width]
                    assert (tile[..., 3] > 128).all() == (said is not None)
                if said:
                    top, left, bottom, right = said.box
                    if min(top, left) < 0 or bottom > 24 or right > 20:
                        continue
                    patch = SEES.stimulus(IMAGES[said.image])[top:bottom, left:right]
                    assert np.abs(tile[..., :3].mean((0, 1)) - patch.mean((0, 1))).max() < 8


def test_a_changed_checkpoint_runs_this_experiment_alone(tmp_path: Path, folder: Path) -> None:
    root = tmp_path / "checkpoints"
    root.mkdir()
    for path in folder.iterdir():
        (root / path.name).write_bytes(path.read_bytes())
    said: list[str] = []
    place = tmp_path / "place"
    assert len(compute(begin(place, root), ALL)) == len(ALL)
    assert compute(begin(place, root), ALL, report=said.append) == []
    torch.save(module(5).state_dict(), root / "e9.pt")
    assert compute(begin(place, root), ALL, report=said.append) == ["evolution"]
    (root / "e10.pt").unlink()
    assert compute(begin(place, root), ALL, report=said.append) == ["evolution"]
    assert said == [
        "note: evolution again: the checkpoints changed (e9.pt)",
        "note: evolution again: the checkpoints changed (order)",
    ]
    assert compute(begin(place, None), ALL, report=said.append) == ["evolution"]
    outcome = EVOLUTION.read(place / "atlas")
    assert outcome.result is None and "--checkpoints" in outcome.reason
    assert list(contents(place / "atlas")) == ["experiments/evolution.json"]


class Stopped(Exception):
    pass


@pytest.mark.parametrize("commits", [2, 5])
def test_a_stopped_experiment_goes_on_and_ends_in_the_same_bytes(
    built: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    compute(begin(tmp_path, folder), NEEDED)
    done, commit, pieces = 0, Checkpoint.commit, 0

    def stop(checkpoint: Checkpoint) -> None:
        nonlocal done
        done += 1
        if done == commits:
            raise Stopped
        commit(checkpoint)

    monkeypatch.setattr(Checkpoint, "commit", stop)
    with pytest.raises(Stopped):
        compute(begin(tmp_path, folder), ALL)
    monkeypatch.setattr(Checkpoint, "commit", lambda checkpoint: (commit(checkpoint), count()))

    def count() -> None:
        nonlocal pieces
        pieces += 1

    assert compute(begin(tmp_path, folder), ALL) == ["evolution"]
    assert pieces == 3 + 5 - (commits - 1)  # blocks of images, and of units; those done are kept
    assert contents(tmp_path / "atlas") == contents(built)


@dataclass(frozen=True)
class Threads(Ranks):
    """Ranks that are threads of one process."""

    table: tuple[list[object], threading.Barrier] = ([], threading.Barrier(1))

    def gather(self, value: object) -> list:
        places, barrier = self.table
        places[self.rank] = value
        barrier.wait()
        found = list(places) if self.leads else []
        barrier.wait()
        return found

    def share(self, value: object) -> object:
        places, barrier = self.table
        if self.leads:
            places[0] = value
        barrier.wait()
        found = places[0]
        barrier.wait()
        return found


def together(count: int, work: Callable[[Ranks], object]) -> None:
    places: list[object] = [None] * count
    table = places, threading.Barrier(count, timeout=120)
    threads = [
        threading.Thread(target=work, args=(Threads(rank, count, table),)) for rank in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_ranks_end_in_the_same_bytes(built: Path, folder: Path, tmp_path: Path) -> None:
    compute(begin(tmp_path, folder), NEEDED)
    runs = [begin(tmp_path, folder) for _ in range(2)]  # threads share what weights are drawn from
    together(2, lambda ranks: compute(replace(runs[ranks.rank], ranks=ranks), ALL))
    assert contents(tmp_path / "atlas") == contents(built)


def test_what_may_not_be_shown_and_what_has_no_room_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "FIGURE", 2)
    settings = replace(SETTINGS, images_policy="pointers", lean=True)
    compute(begin(tmp_path, folder, settings), ALL)
    result = EVOLUTION.read(tmp_path / "atlas").result
    assert result is not None
    strips = {path.stem for path in (tmp_path / "atlas/experiments/evolution/two").iterdir()}
    two = result.layers[1]
    assert strips == {str(unit) for unit in two.figure} and len(strips) == 2
    for unit in two.figure:
        with Image.open(tmp_path / "atlas" / strip_file("two", unit)) as picture:
            assert (picture.height, picture.width) == pixels.strip_size(two.tile, 4)


def test_few_units_stand_for_each_of_many_layers() -> None:
    counts = [len(stage._figure(range(90), layers=layers)) for layers in (1, 8, 13, 24, 200)]
    assert counts == [6, 6, 3, 2, 2]
    assert stage._figure([4, 7, 9], layers=200) == [4, 7] and stage._figure([], layers=1) == []


def test_of_many_checkpoints_some_are_looked_at(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MOST_MOMENTS", 2)
    compute(begin(tmp_path, folder), ALL)
    result = EVOLUTION.read(tmp_path / "atlas").result
    assert result is not None and result.moments == ("e2", "e9") and result.given == 3


def test_images_are_spread_over_kinds_that_take_turns() -> None:
    for count in (48, 100, 256):
        chosen = evolution.spread(range(2_400), count)
        assert len(set(chosen)) == count and chosen == sorted(chosen)
        kinds = np.bincount([one % 24 for one in chosen], minlength=24)
        thirds = np.histogram(chosen, 3, (0, 2_400))[0]
        assert kinds.min() >= count // 24 - 3 and kinds.max() <= count // 24 + 5
        assert np.ptp(thirds) <= 1
    assert evolution.spread([3, 5], 9) == [3, 5]
