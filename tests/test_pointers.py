"""An atlas of images that may not be passed on."""

import json
from pathlib import Path

import pytest
from PIL import Image

from atlas.commands import cli
from atlas.data.documents import read_atlas, read_layer
from tests.support.once import Shared


def build(out: Path) -> None:
    given = ["--limit", "24", "--units", "3", "--workers", "0", "--images-policy", "pointers"]
    given += ["--experiments", "first-layer"]
    assert cli.main([*given, "--images-licence", "may not be shown", "--out", str(out)]) == 0


@pytest.fixture(scope="module")
def pointers(shared: Shared) -> Path:
    return shared("pointers", build) / "demo"


def test_no_pixel_of_an_image_is_published(pointers: Path) -> None:
    assert not list((pointers / "images").rglob("*.webp"))
    for name in read_atlas(pointers).layers:
        layer = read_layer(pointers, name)
        height, width = layer.plate.size
        assert width < 4 * layer.plate.tile[1]  # three tiles across, not six
        for unit in layer.top:
            for form in ("webp", "jpg"):
                path = pointers / name / f"{unit.unit}.{form}"
                if unit.nine:
                    with Image.open(path) as plate:
                        assert plate.size == (width, height)


def test_what_points_to_the_images_is_published(pointers: Path) -> None:
    unit = json.loads((pointers / "conv4" / "0.json").read_text())
    winner = unit["nine"][0]
    page = (pointers / "conv4" / "0.html").read_text()
    assert winner["file"] in page and "withheld" in page and "may not be shown" in page
    assert "<image" in page  # the reconstructions, from the plate
    image = (pointers / "images" / "0" / f"{winner['image']}.html").read_text()
    assert "The image may not be shown here." in image and "<image" not in image
    assert "Pictures" in (pointers / "index.html").read_text()
