from dataclasses import replace
from pathlib import Path

import atlas
from atlas.commands.projecting import size_of
from atlas.compute.stages import STAGES
from atlas.data.plan import LayerPlan, Plan
from atlas.site.files import size
from atlas.site.pages import PAGES


def test_the_demo_is_about_as_large_as_projected(site: Path) -> None:
    network = atlas.load_network("demo")
    layers = [LayerPlan(layer.units, layer.field.size) for layer in network.layers.values()]
    plan = Plan(tuple(layers), 96, network.preprocessing.crop)
    found = size(site / "small")
    assert 0.6 < size_of(plan, STAGES, PAGES) / found < 1.6
    few = replace(plan, layers=tuple(replace(layer, units=2) for layer in layers))
    assert size_of(few, STAGES, PAGES) < found / 5
    assert size_of(replace(plan, jpeg=False), STAGES, PAGES) < 0.9 * found


def test_every_stage_and_page_has_its_part_in_the_projection() -> None:
    plan = Plan((LayerPlan(10, (51, 51)),), 100, (128, 128))
    parts = [part.estimate(plan) for part in (*STAGES, *PAGES)]
    assert size_of(plan, STAGES, PAGES) == sum(parts) > 0 and min(parts) >= 0
