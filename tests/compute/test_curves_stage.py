"""Deletion curves as a stage: for the units asked for, by any ranks, and verified."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from atlas.compute import verify_curves
from atlas.compute.stages import STAGES as ALL
from atlas.compute.stages import stages_of
from atlas.compute.stages.curves import STAGE
from atlas.data.curves import CURVES
from atlas.data.documents import NINE, SUMMARY
from atlas.data.settings import Settings
from atlas.networks.batching import Running
from tests.support.experiments import Photographs, as_ranks, contents, experimented, tiny

SPARE = ("live", "small", "figures", "jpeg", "stimuli", "peaks", "things", "names", "faces",
         "telling", "rules")  # fmt: skip
STAGES = [*(one for one in ALL if one.name not in SPARE), STAGE]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curves")
    assert STAGE in stages_of(Settings(curves="all")) and STAGE not in stages_of(Settings())
    assert "curves" in experimented(folder, STAGES, settings=Settings(workers=0, curves="all"))
    return folder / "atlas"


def test_all_units_that_fire_have_them_or_those_that_stand_for_their_layer(
    built: Path, tmp_path: Path
) -> None:
    few = Settings(workers=0, curves="representative")
    experimented(tmp_path, STAGES, settings=few)
    standing = {one.layer: one.representative for one in SUMMARY.read(built).layers}
    for name in tiny().layers:
        firing = [one.unit for one in NINE.read(built, name).units if one.nine]
        every = CURVES.read(built, name)
        assert [one.unit for one in every.units] == firing
        assert every.shares[0] == 0 and every.shares[-1] == 1
        for one in every.units:
            assert len(one.kept) == len(one.left) == len(every.shares)
            assert one.kept[-1] == pytest.approx(1, abs=2e-3)  # all of the box is sharp
        some = CURVES.read(tmp_path / "atlas", name).units
        assert [one.unit for one in some] == [u for u in firing if u in standing[name]]


def test_two_ranks_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    settings = Settings(workers=0, curves="all")
    as_ranks(2, lambda ranks: experimented(tmp_path, STAGES, settings=settings, ranks=ranks))
    there, here = contents(tmp_path / "atlas"), contents(built)
    names = [name for name in here if name.endswith("curves.json")]
    assert len(names) == 3 and all(there[name] == here[name] for name in names)


def test_verifying_finds_them_again_and_what_was_changed(built: Path) -> None:
    facts: Any = SimpleNamespace(rule="deconvnet")
    units = [one.unit for one in CURVES.read(built, "conv1").units]

    def differences() -> dict[tuple[str, int], list[str]]:
        found = verify_curves.differences(
            built, facts, {"conv1": units}, tiny(), Photographs(), running=Running(16)
        )
        return {key: differs for key, differs in found.items() if differs}

    assert differences() == {}
    path = CURVES.path(built, "conv1")
    before = path.read_bytes()
    said = msgspec.json.decode(before)
    said["units"][0]["left_between"]["mean"] += 0.1
    path.write_bytes(msgspec.json.encode(said))
    try:
        ((key, (differs,)),) = differences().items()
    finally:
        path.write_bytes(before)
    assert key == ("conv1", units[0]) and differs.startswith("the area between what is left")
