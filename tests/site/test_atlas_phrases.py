"""What pages say of an atlas."""

import json
from pathlib import Path

from msgspec import structs

import atlas
from atlas.data.documents import read_atlas
from atlas.demo import world
from atlas.demo.files import WEIGHTS
from atlas.demo.shipped import TESTED
from atlas.site import atlas_phrases


def test_the_demos_accuracy_is_what_its_training_wrote_down(site: Path) -> None:
    small = read_atlas(site / "small")
    of_demo = structs.replace(small, name="demo")
    record = json.loads(WEIGHTS.with_suffix(".json").read_text())
    said = atlas_phrases.accuracy(of_demo)
    assert f"{100 * record['accuracy on 2400 pictures of the test seed']:.1f} % of 2,400" in said
    assert of_demo.network.weights == atlas.load_network("demo").weights
    assert len({world.ATLAS_SEED, world.TRAINING_SEED, world.TEST_SEED}) == 3 and TESTED == 2_400
    assert {one.term: one.value for one in atlas_phrases.made(of_demo)}["Accuracy"] == said


def test_nothing_is_said_of_an_accuracy_that_was_not_measured(site: Path) -> None:
    small = read_atlas(site / "small")
    other = structs.replace(small.network, weights="my/own.safetensors")
    assert not atlas_phrases.accuracy(structs.replace(small, name="demo", network=other))
    other = structs.replace(small.network, name="squeezenet1_1")
    assert not atlas_phrases.accuracy(structs.replace(small, network=other))
