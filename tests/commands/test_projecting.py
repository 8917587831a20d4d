"""How large an atlas will be, and what of it fits into a budget."""

from dataclasses import replace
from pathlib import Path

import pytest

import atlas
from atlas.commands.projecting import Fit, fit, plan_of, size_of
from atlas.compute.stages import STAGES
from atlas.compute.stages.experiments import EXPERIMENT_STAGES
from atlas.data.extras import NAMES
from atlas.data.plan import LayerPlan, Plan
from atlas.data.settings import Settings
from atlas.images.masks import DemoMasks
from atlas.images.sources import DemoImages
from atlas.site.files import size
from atlas.site.pages import PAGES
from tests.support.sites import EACH

IMAGES = DemoImages(96)
LAYERS = (LayerPlan(10, (27, 27)), LayerPlan(10, (51, 51), name="conv3", beside=1))
PLAN = Plan(LAYERS, 100, (128, 128), checkpoints=3)
EVERY = (*STAGES, *EXPERIMENT_STAGES)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """What the tests' small atlas holds."""
    return plan_of(
        atlas.load_network("demo"), IMAGES, Settings(units=EACH), masks=DemoMasks(IMAGES)
    )


def test_an_atlas_is_as_large_as_projected(site: Path, plan: Plan) -> None:
    assert 0.9 < size_of(plan, STAGES, PAGES) / size(site / "small") < 1.1
    weights = (site / "small" / "live").glob("weights-*.js")
    assert plan.live == sum(file.stat().st_size for file in weights)
    few = replace(plan, layers=tuple(replace(layer, units=2) for layer in plan.layers))
    assert size_of(few, STAGES, PAGES) < size(site / "small") / 3


def test_a_network_that_no_page_runs_takes_no_room(plan: Plan) -> None:
    off = plan_of(atlas.load_network("demo"), IMAGES, Settings(units=EACH, live="off"))
    assert off.live == 0 and size_of(replace(plan, live=0), STAGES, PAGES) < size_of(
        plan, STAGES, PAGES
    )


def test_every_stage_and_page_has_its_part_in_the_projection() -> None:
    parts = [part.estimate(PLAN) for part in (*STAGES, *PAGES)]
    assert size_of(PLAN, STAGES, PAGES) == sum(parts) > 0 and min(parts) >= 0


@pytest.mark.parametrize("name", NAMES)
def test_every_extra_takes_room(name: str) -> None:
    without = replace(PLAN, kept=PLAN.kept - {name})
    assert size_of(without, EVERY, PAGES) < size_of(PLAN, EVERY, PAGES)


def fitted(plan: Plan, budget: int) -> Fit:
    return fit(plan, budget, STAGES, PAGES)


def test_a_smaller_budget_leaves_out_more_the_last_first() -> None:
    full = size_of(PLAN, STAGES, PAGES)
    assert fitted(PLAN, full).left_out == frozenset()
    assert fitted(PLAN, full - 1).left_out == {"jpeg"}
    bare = fitted(PLAN, 1)
    assert bare.left_out == set(NAMES) and bare.size == size_of(bare.plan, STAGES, PAGES) > 1
    for budget in range(bare.size, full, (full - bare.size) // 20):
        assert fitted(PLAN, budget).size <= budget


def test_the_settings_of_what_fits_say_what_is_left_out() -> None:
    asked = Settings(without=("cards",))
    found = Fit(PLAN, 0, frozenset({"jpeg", "figures"}))
    assert found.of(asked).without == ("cards", "figures", "jpeg")
    assert Fit(PLAN, 0, frozenset()).of(asked) == asked


def test_a_large_network_fits_into_what_a_host_takes() -> None:
    """The 26,560 convolutional units of ResNet-50, by how many see how much."""
    units = {
        7: 64, 11: 320, 19: 384, 27: 384, 35: 960, 43: 768, 59: 768, 75: 768, 91: 1920,
        107: 1536, 139: 1536, 171: 1536, 203: 1536, 235: 1536, 267: 3840, 299: 3072, 363: 3072,
        427: 2560,
    }  # fmt: skip
    assert sum(units.values()) == 26_560
    layers = tuple(
        LayerPlan(count, (side, side), 0, min(side, 224) if side > 168 else None, "layer3.2.conv1")
        for side, count in units.items()
    )
    found = fitted(Plan(layers, 500, (224, 224)), 1_000_000_000)
    assert {"images"} <= found.plan.kept < set(NAMES) and found.size <= 1_000_000_000
    assert size_of(replace(found.plan, kept=frozenset()), STAGES, PAGES) < 36_000 * 26_560
