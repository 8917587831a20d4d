"""What units want, as a stage: what it says can be computed anew from the pictures it keeps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from atlas.compute.stage import Stage
from atlas.compute.stages import STAGES, stages_of
from atlas.compute.stages import wants as stage
from atlas.data.documents import NINE
from atlas.data.settings import Settings
from atlas.data.wants import FOURIER, MORE, NEGATIVE, WANTS, made_file
from atlas.drawing.made import decoded, placed
from atlas.experiments.wants import ascent
from atlas.experiments.wants.paths import rank_correlations
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.runtime.checkpoint import Checkpoint
from tests.support.experiments import Photographs, as_ranks, contents, experimented, tiny

BELOW = [one for one in STAGES if one.name not in ("live", "small", "figures", "jpeg", "stimuli")]
BEFORE: tuple[Stage, ...] = tuple(BELOW)
AFTER: tuple[Stage, ...] = (*BEFORE, stage.STAGE)
SETTINGS = Settings(workers=0, wants="all", wants_more=MORE)
LAYERS = ("conv1", "conv2", "fc1")


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ascent, "STEPS", 12)
        patch.setattr(
            ascent.ascended, "__kwdefaults__", {**ascent.ascended.__kwdefaults__, "steps": 12}
        )
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wants")
    assert "wants" in experimented(folder, AFTER, settings=SETTINGS)
    return folder


def test_what_is_reached_is_what_the_stored_picture_reaches(built: Path) -> None:
    network, atlas = tiny(), built / "atlas"
    seen = network.preprocessing
    model = torch.nn.Sequential(*list(network.module.children()))
    ends = {"conv1": 2, "conv2": 4, "fc1": 7}  # how many modules a layer's activations come from
    for name in LAYERS:
        wants = WANTS.read(atlas, name)
        assert [one.unit for one in wants.units] == list(range(network.layers[name].units))
        assert wants.kinds == (FOURIER, *MORE)
        for one in wants.units:
            assert one.natural == _strongest(atlas, name, one.unit)
            for made in one.made:
                content = (atlas / made_file(name, one.unit, made.kind)).read_bytes()
                picture = decoded(content, "RGB")
                assert picture.shape[:2] == wants.size
                whole = placed(picture, wants.box, seen.crop, seen.mean)
                with torch.no_grad():
                    value = model[: ends[name]](network.inputs(whole[None]))[0, one.unit]
                row, column = wants.position
                reached = float(value[row, column] if value.dim() else value)
                assert made.reached == pytest.approx(reached, rel=1e-4, abs=1e-5)
                if made.before > 0:
                    assert made.reached == pytest.approx(made.before)


def _strongest(atlas: Path, layer: str, unit: int) -> float:
    nine = NINE.read(atlas, layer).units[unit].nine
    return nine[0].value if nine else 0.0


def test_more_is_reached_than_by_the_opposite_and_pictures_differ(built: Path) -> None:
    for name in LAYERS:
        for one in WANTS.read(built / "atlas", name).units:
            by_kind = {made.kind: made.before for made in one.made}
            assert by_kind[FOURIER] > by_kind[NEGATIVE]
            files = {
                (built / "atlas" / made_file(name, one.unit, kind)).read_bytes() for kind in by_kind
            }
            assert len(files) == len(by_kind)


def test_paths_are_the_rank_correlations_of_what_is_seen(built: Path) -> None:
    network, atlas = tiny(), built / "atlas"
    assert WANTS.read(atlas, "conv1").below == ()
    wants = WANTS.read(atlas, "fc1")
    assert [one.layer for one in wants.below] == ["conv1", "conv2"]
    pixels, own = Photographs().pixels, wants.units[1]
    images = [winner.image for winner in NINE.read(atlas, "fc1").units[1].nine]
    content = (atlas / made_file("fc1", 1, FOURIER)).read_bytes()
    stimuli = np.concatenate([pixels[images], decoded(content, "RGB")[None]])
    made, natural = [], []
    layers = [network.layers["conv1"], network.layers["conv2"]]
    for _, maps in network.activations(network.inputs(stimuli), layers):
        means = maps.double().mean((2, 3)).numpy(force=True)
        found = rank_correlations(means, means)
        made.append(found[-1, :-1].mean())
        natural.append(np.mean([found[i, j] for j in range(len(images)) for i in range(j)]))
    assert own.made[0].path == pytest.approx(np.mean(made), abs=1e-3)
    assert own.path == pytest.approx(np.mean(natural), abs=1e-3)
    chance = []
    for _, maps in network.activations(network.inputs(pixels[:9]), layers):  # of twelve
        means = maps.double().mean((2, 3)).numpy(force=True)
        nine = next(_means(network, layers[len(chance)], pixels[images]))
        chance.append(rank_correlations(means, nine).mean())
    assert own.chance == pytest.approx(np.mean(chance), abs=1e-3)


def _means(network: Network, layer: Layer, pixels: np.ndarray) -> Iterator[np.ndarray]:
    for _, maps in network.activations(network.inputs(pixels), [layer]):
        yield maps.double().mean((2, 3)).numpy(force=True)


def test_representative_units_have_the_same_pictures_and_no_others(
    built: Path, tmp_path: Path
) -> None:
    settings = Settings(workers=0, wants="representative")
    experimented(tmp_path, AFTER, settings=settings)
    few, many = contents(tmp_path / "atlas"), contents(built / "atlas")
    made = [name for name in few if "/wants/" in name]
    assert made and all(few[name] == many[name] for name in made)
    wants = WANTS.read(tmp_path / "atlas", "fc1")
    assert {made.kind for one in wants.units for made in one.made} == {FOURIER}


def test_it_is_a_stage_where_it_is_asked_for(built: Path, tmp_path: Path) -> None:
    assert stage.STAGE not in stages_of(Settings()) and stage.STAGE in stages_of(SETTINGS)
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    assert experimented(tmp_path, AFTER, settings=SETTINGS) == []
    assert experimented(tmp_path, BEFORE, settings=SETTINGS) == []
    assert not [name for name in contents(tmp_path / "atlas") if "wants" in name]
    assert experimented(tmp_path, AFTER, settings=SETTINGS) == ["wants"]
    assert contents(tmp_path / "atlas") == contents(built / "atlas")


class Stopped(Exception):
    pass


def test_a_stopped_one_goes_on_and_ends_in_the_same_bytes(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experimented(tmp_path, BEFORE, settings=SETTINGS)
    done, commit = 0, Checkpoint.commit

    def stop(checkpoint: Checkpoint) -> None:
        nonlocal done
        commit(checkpoint)
        done += 1
        if done == 2:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "commit", stop)
        with pytest.raises(Stopped):
            experimented(tmp_path, AFTER, settings=SETTINGS)
    made, again = 0, ascent.ascended

    def counted(*args: object, **options: object) -> object:
        nonlocal made
        made += 1
        return again(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ascent, "ascended", counted)
    assert experimented(tmp_path, AFTER, settings=SETTINGS) == ["wants"]
    assert made == 1 * (1 + len(MORE)), "two of three layers' batches were there"
    assert contents(tmp_path / "atlas") == contents(built / "atlas")


def test_two_ranks_make_the_same_bytes(built: Path, tmp_path: Path) -> None:
    network = tiny()
    assert network.layers  # traced before there are threads

    def build(ranks: object) -> list[str]:
        own = tmp_path / f"rank-{ranks.rank}"  # type: ignore[attr-defined]
        return experimented(
            own,
            AFTER,
            network=network,
            settings=SETTINGS,
            ranks=ranks,  # type: ignore[arg-type]
        )

    as_ranks(2, build)
    assert contents(tmp_path / "rank-0" / "atlas") == contents(built / "atlas")
