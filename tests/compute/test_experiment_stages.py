"""Experiments as stages: added, taken away, stopped, shared, and without pixels of images."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from atlas.compute.stages import scan
from atlas.compute.stages.experiments import EXPERIMENT_STAGES as ALL
from atlas.data.settings import Settings
from atlas.runtime.checkpoint import Checkpoint
from tests.support.experiments import as_ranks, contents, experimented, tiny

FIRST = (scan.STAGE,)
# evolution needs other stages besides, and has tests of its own; the other two need a demo
EXPERIMENT_STAGES = [one for one in ALL if one.name not in ("evolution", "memorising", "maps")]
NAMES = [stage.name for stage in EXPERIMENT_STAGES]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All experiments on a tiny network, undisturbed."""
    folder = tmp_path_factory.mktemp("whole")
    assert experimented(folder, (*FIRST, *EXPERIMENT_STAGES)) == ["scan", *NAMES]
    return folder


def test_one_that_is_added_runs_alone_and_one_that_is_left_out_goes(
    whole: Path, tmp_path: Path
) -> None:
    assert experimented(tmp_path, FIRST) == ["scan"]
    for at, stage in enumerate(EXPERIMENT_STAGES):
        earlier = EXPERIMENT_STAGES[: at + 1]
        assert experimented(tmp_path, (*FIRST, *earlier)) == [stage.name]
    assert contents(tmp_path / "atlas") == contents(whole / "atlas")
    assert experimented(tmp_path, (*FIRST, EXPERIMENT_STAGES[0])) == []
    left = [name for name in contents(tmp_path / "atlas") if name.startswith("experiments/")]
    assert left and all(name.startswith(f"experiments/{NAMES[0]}") for name in left)
    assert experimented(tmp_path, FIRST) == []
    assert not any(name.startswith("experiments/") for name in contents(tmp_path / "atlas"))


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stage", EXPERIMENT_STAGES, ids=NAMES)
@pytest.mark.parametrize("commits", [1, 2])
def test_a_stopped_experiment_goes_on_and_ends_in_the_same_bytes(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: object, commits: int
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    rest = [one for one in EXPERIMENT_STAGES if one is not stage]
    experimented(tmp_path, (*FIRST, *rest))  # takes its data away
    done, commit = 0, Checkpoint.commit

    def stop(checkpoint: Checkpoint) -> None:
        nonlocal done
        commit(checkpoint)
        done += 1
        if done == commits:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "commit", stop)
        try:
            experimented(tmp_path, (*FIRST, *EXPERIMENT_STAGES))
        except Stopped:
            assert contents(tmp_path / "atlas") != contents(whole / "atlas")
    experimented(tmp_path, (*FIRST, *EXPERIMENT_STAGES))
    assert contents(tmp_path / "atlas") == contents(whole / "atlas")


def test_two_ranks_make_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    stages, network = (*FIRST, *EXPERIMENT_STAGES), tiny()
    assert network.layers  # traced before there are threads

    def build(ranks: object) -> list[str]:
        own = tmp_path / f"rank-{ranks.rank}"  # type: ignore[attr-defined]
        return experimented(own, stages, network=network, ranks=ranks)  # type: ignore[arg-type]

    one, other = as_ranks(2, build)
    assert one == other == ["scan", *NAMES]
    assert contents(tmp_path / "rank-0" / "atlas") == contents(whole / "atlas")
    assert contents(tmp_path / "rank-1" / "atlas") == {}


def test_where_images_may_not_be_shown_no_experiment_draws_any(tmp_path: Path) -> None:
    settings = Settings(workers=0, images_policy="pointers")
    experimented(tmp_path, (*FIRST, *EXPERIMENT_STAGES), settings=settings)
    names = [name for name in contents(tmp_path / "atlas") if name.startswith("experiments/")]
    names = sorted(name for name in names if not name.endswith("-map.webp"))  # reconstructions
    assert names == sorted(f"experiments/{name}.json" for name in NAMES)


def test_other_subjects_make_the_experiments_on_them_run(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    settings = Settings(workers=0, subjects=("bee/*",))
    ran = experimented(tmp_path, (*FIRST, *EXPERIMENT_STAGES), settings=settings)
    assert ran == [stage.name for stage in EXPERIMENT_STAGES if "subjects" in stage.settings]
    assert {"invariance", "fooling"} <= set(ran)
