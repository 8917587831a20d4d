"""The stages of a build on a small demo: what runs when something that decides them changes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import atlas
from atlas.compute import keys
from atlas.compute.engine import compute
from atlas.compute.facts import describe
from atlas.compute.ledger import read_ledger
from atlas.compute.run import Run
from atlas.compute.stages import STAGES
from atlas.data.documents import IMAGES, NINE, SUMMARY, read_atlas, read_layer
from atlas.data.settings import Settings
from atlas.images.masks import DemoMasks
from atlas.images.sources import DemoImages
from atlas.networks.network import Network

SETTINGS = Settings(layers=("conv1", "conv3"), units=2, workers=0)
EVERY = [stage.name for stage in STAGES]


def demo(*weights: str, **options: Any) -> Network:
    """The demo network on pictures of a quarter of the pixels."""
    small = {"resize": 96, "crop": (96, 96)}
    return atlas.load_network("demo", *weights, preprocessing=small, **options)


def a_run(
    folder: Path,
    settings: Settings = SETTINGS,
    network: Network | None = None,
    images: DemoImages | None = None,
    with_masks: bool = True,
) -> Run:
    for part in ("atlas", "scratch"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    images = images or DemoImages(24)
    return Run.begin(
        network or demo(),
        images,
        settings,
        folder=folder / "atlas",
        scratch=folder / "scratch",
        masks=DemoMasks(images) if with_masks else None,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished small atlas, with the ledger of its stages."""
    folder = tmp_path_factory.mktemp("built")
    assert compute(a_run(folder), STAGES) == EVERY
    return folder


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "copy"))


ON_PLATES = ["summary", "small", "figures", "jpeg"]
CUT = ["close_ups", "reconstructions", "examples", *ON_PLATES]
PIXELS = ["close_ups", "reconstructions", "examples", "stimuli", *ON_PLATES]
NAMING = ["peaks", "things", "names", "faces", "telling"]
AFTER_NINE = ["nine", "connections", "contributions", "together", *PIXELS, *NAMING[2:]]

# what changes, what runs then, and a reason that is given
CHANGES: list[tuple[dict[str, Any], list[str], str]] = [
    ({"units": 3}, [*AFTER_NINE, "rules"], "nine again: units was 2 and is 3"),
    # conv1 has no max pooling below it, so by another rule its images do matter
    ({"rule": "gradient"}, ["layers", *CUT, "rules"], "rule was deconvnet and is gradient"),
    ({"tiles": "close"}, ["layers", *CUT, "rules"], "tiles was auto and is close"),
    (
        {"lean": True},
        ["reconstructions", "examples", "stimuli", *ON_PLATES, *NAMING, "rules"],
        "reconstructions again: without sharp now; without trials now",
    ),
    (
        {"images_policy": "pointers"},
        ["layers", *CUT[:3], "live", "stimuli", *ON_PLATES, "faces", "telling", "rules"],
        "images-policy was show and is pointers",
    ),
    (
        {"layers": ("conv1",)},
        [name for name in EVERY],
        "layers was conv1,conv3 and is conv1",
    ),
    ({"evidence": "none"}, [name for name in EVERY if name != "layers"], "evidence was all"),
]
# the same of changes that have nothing to do with each other: each is made on top of those before
ADDED: list[tuple[dict[str, Any], list[str], str]] = [
    ({"jpeg": False}, ["jpeg"], "jpeg again: without jpeg now"),
    ({"without": ("small",)}, ["small"], "small again: without small now"),
    ({"without": ("figures",)}, ["figures"], "figures again: without figures now"),
    ({"without": ("images",)}, ["stimuli"], "stimuli again: without images now"),
    (
        {"without": ("strips",)},
        ["examples", "summary", "faces"],
        "examples again: without strips now",
    ),
    ({"other_rules": ("guided",)}, ["rules"], "rules again: other-rules was not given"),
    ({"without": ("cards", "image-pages")}, [], ""),  # which are pages
    ({"near_duplicates": 0}, ["scan"], "near-duplicates was not given and is 0"),
    ({"workers": 1, "credit": "A. Friend", "name": "other"}, [], ""),
]


@pytest.mark.slow
@pytest.mark.parametrize(("changed", "runs", "reason"), CHANGES)
def test_a_setting_makes_those_stages_run_that_depend_on_it(
    copy: Path, changed: dict[str, Any], runs: list[str], reason: str
) -> None:
    said: list[str] = []
    settings = replace(SETTINGS, **changed)
    assert compute(a_run(copy, settings), STAGES, report=said.append) == runs
    assert reason in "\n".join(said)
    # and what comes of it is what a build from nothing gives
    fresh = copy.parent / "fresh"
    compute(a_run(fresh, settings), STAGES)
    assert contents(copy / "atlas") == contents(fresh / "atlas")


@pytest.mark.slow
def test_of_settings_added_one_after_another_each_makes_its_stages_run(copy: Path) -> None:
    settings = SETTINGS
    for changed, runs, reason in ADDED:
        without = (*settings.without, *changed.get("without", ()))
        settings = replace(settings, **changed | {"without": without})
        said: list[str] = []
        assert compute(a_run(copy, settings), STAGES, report=said.append) == runs, changed
        assert reason in "\n".join(said)
    fresh = copy.parent / "fresh"
    compute(a_run(fresh, settings), STAGES)
    assert contents(copy / "atlas") == contents(fresh / "atlas")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_other_images_other_weights_or_masks_make_run_what_looks_at_them(copy: Path) -> None:
    said: list[str] = []
    ran = compute(a_run(copy, with_masks=False), STAGES, report=said.append)
    assert ran == ["concepts", "summary", "things", "names", "faces"]  # so few overlap with any
    assert "the masks changed" in said[0]
    ran = compute(a_run(copy, images=DemoImages(25)), STAGES, report=said.append)
    assert "layers" not in ran and "scan" in ran and "the images changed" in "\n".join(said)
    said.clear()
    network = demo("none", seed=3)
    assert compute(a_run(copy, network=network), STAGES, report=said.append) == EVERY
    assert "the network changed (weights" in "\n".join(said)


@pytest.mark.parametrize("changed", EVERY)
def test_each_stage_runs_when_its_source_changed_and_nothing_after_an_equal_result(
    copy: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    stage = STAGES[EVERY.index(changed)]
    sources = keys.sources_of

    def edited(run: Any) -> dict[str, str]:
        module = f"atlas.compute.stages.{changed}"
        return sources(run) | ({module: "edited"} if run is stage.run else {})

    monkeypatch.setattr(keys, "sources_of", edited)
    said: list[str] = []
    assert compute(a_run(copy), STAGES, report=said.append) == [changed]
    assert said == [f"note: {changed} again: the source of atlas.compute.stages.{changed} changed"]


def test_the_facts_keep_the_parts_of_every_stages_key(copy: Path) -> None:
    folder = copy / "atlas"
    ledger = read_ledger(folder, copy / "scratch")
    described = describe(folder, SETTINGS, ledger, slots=16, date="2026-01-02")
    facts = read_atlas(folder)
    assert facts == described
    assert list(facts.stages) == EVERY
    for stage in STAGES:
        key = facts.stages[stage.name]
        assert set(key["settings"]) == set(stage.settings)
        assert set(key["kept"]) == set(stage.extras)
        assert set(key["inputs"]) == set(stage.inputs)
        assert set(key["needs"]) == set(stage.needs)
        assert key["source"] and key["libraries"]["torch"] and key["output"]
    assert facts.settings["units"] == 2 and facts.slots == 16 and facts.date == "2026-01-02"
    shutil.rmtree(copy / "scratch")  # as it is gone once an atlas is published
    assert compute(a_run(copy), STAGES) == []


def test_documents_say_what_the_scan_found(built: Path) -> None:
    run = a_run(built)
    found = atlas.scan(run.network, run.images, layers=["conv1", "conv3"])
    assert IMAGES.read(run.folder).hash == found.images_hash
    for name, record in found.records.items():
        kept = run.record(name)
        assert np.array_equal(kept.sketch, record.sketch)
        assert np.array_equal(kept.value, record.value) and kept.images == record.images
        assert [unit.unit for unit in NINE.read(run.folder, name).units] == [
            0, record.units // 2,
        ]  # fmt: skip
        layer = read_layer(run.folder, name)
        for unit in layer.top:
            assert [w.image for w in unit.nine] == [
                image for image in record.image[unit.unit].tolist() if image < 24
            ]
    assert [one.layer for one in SUMMARY.read(run.folder).layers] == ["conv1", "conv3"]
