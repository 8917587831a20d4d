"""Masks in a documented layout, brought to the input frame as their images are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import atlas
from atlas.commands import cli
from atlas.compute.engine import compute
from atlas.compute.run import Run
from atlas.compute.stages import concepts, scan
from atlas.data.documents import COMPARISON, CONCEPTS
from atlas.data.settings import Settings
from atlas.demo.world import draw
from atlas.errors import AtlasError, UsageError
from atlas.images.masks import DemoMasks, cells_of, open_masks
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import DemoImages, open_folder

COUNT = 120  # images; fewer prove no name
SEES = Preprocessing(64, (56, 56), (0.5,) * 3, (0.25,) * 3)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three photographs, masks of two concepts for two of them."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    for name in ("cats/tom.jpg", "dogs/rex.jpg", "dogs/ben.jpg"):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (120, 80), "grey").save(images / name)
    for name, box in (("ear/dogs/rex", (0, 0, 60, 80)), ("ear/cats/tom", (60, 0, 120, 40)),
                      ("nose/dogs/rex", (50, 30, 70, 50))):  # fmt: skip
        (masks / name).parent.mkdir(parents=True, exist_ok=True)
        mask = Image.new("L", (120, 80))
        mask.paste(255, box)
        mask.save(masks / f"{name}.png")
    return images, masks


def test_masks_are_found_by_concept_and_the_images_path(folders: tuple[Path, Path]) -> None:
    images, masks = open_folder(folders[0]), open_masks(folders[1], open_folder(folders[0]))
    assert images.paths == ("cats/tom.jpg", "dogs/ben.jpg", "dogs/rex.jpg")
    assert masks.indices() == [0, 2]  # nobody has looked at Ben
    assert [sorted(masks.of(index)) for index in (0, 1, 2)] == [["ear"], [], ["ear", "nose"]]
    assert masks.description == "2 concepts of the folder masks"


def test_a_mask_goes_the_way_of_its_image(folders: tuple[Path, Path]) -> None:
    masks = open_masks(folders[1], open_folder(folders[0]))
    # 120 by 80 becomes 96 by 64, of which the middle 56 by 56 remains: columns 20 to 75
    left = cells_of(masks.of(2)["ear"], SEES)
    assert left.shape == (56, 56)
    assert left[:, :27].all() and not left[:, 30:].any()
    corner = cells_of(masks.of(0)["ear"], SEES)
    assert corner[:27, 29:].all() and not corner[30:].any() and not corner[:, :26].any()


def test_cells_are_as_many_as_fit(folders: tuple[Path, Path]) -> None:
    mask = Image.new("L", (200, 200))
    mask.paste(255, (0, 0, 100, 100))
    cells = cells_of(mask, Preprocessing(None, (200, 200), (0.5,), (0.25,), mode="L"))
    assert cells.shape == (50, 50)
    assert cells[:25, :25].all() and cells.sum() == 625


def test_the_demo_knows_its_parts() -> None:
    images = DemoImages(24)
    masks = DemoMasks(images)
    assert masks.indices() == list(range(24))
    wheel = next(i for i in range(24) if images.label(i) == "wheel")
    found = masks.of(wheel)
    assert {"wheel", "tyre", "hub"} <= set(found)
    hub, whole = (np.asarray(found[name]) > 0 for name in ("hub", "wheel"))
    assert whole.sum() > hub.sum() > 0 and not (hub & ~whole).any()


def test_what_is_wrong_is_told(folders: tuple[Path, Path], tmp_path: Path) -> None:
    images = open_folder(folders[0])
    with pytest.raises(UsageError, match="no such folder"):
        open_masks(tmp_path / "nowhere", images)
    with pytest.raises(UsageError, match=r"looked for CONCEPT/cats/tom\.png"):
        open_masks(folders[0], images)
    broken = folders[1] / "nose" / "cats" / "tom.png"
    broken.parent.mkdir()
    broken.write_text("no picture")
    with pytest.raises(AtlasError, match="can't be read as a mask"):
        open_masks(folders[1], images).of(0)


def test_other_masks_have_another_identity(folders: tuple[Path, Path]) -> None:
    images = open_folder(folders[0])
    before = open_masks(folders[1], images).identity()
    assert open_masks(folders[1], images).identity() == before
    (folders[1] / "nose" / "dogs" / "rex.png").unlink()
    assert open_masks(folders[1], images).identity() != before


@pytest.mark.slow
def test_a_folder_of_masks_names_units(tmp_path: Path) -> None:
    """The demo's own pictures and masks, as files: named as the demo world itself is."""
    for index in range(COUNT):
        drawing = draw(7, index, masks=True)
        image = tmp_path / "images" / drawing.name / f"{index:05d}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawing.pixels).save(image)
        for name, mask in drawing.masks.items():
            path = tmp_path / "masks" / name / drawing.name / image.name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    given = ["--layers", "conv5", "--units", "1", "--workers", "0", "--out", str(tmp_path / "out")]
    given += ["--experiments", "none", "--lean", "--name", "files"]
    folders = ["--images", str(tmp_path / "images"), "--masks", str(tmp_path / "masks")]
    assert cli.main([*given, *folders]) == 0
    images = DemoImages(COUNT)
    world = tmp_path / "world"
    world.mkdir()
    settings = Settings(layers=("conv5",), workers=0)
    network, masks = atlas.load_network("demo"), DemoMasks(images)
    run = Run.begin(network, images, settings, folder=world, scratch=tmp_path, masks=masks)
    compute(run, [scan.STAGE, concepts.STAGE])
    files = tmp_path / "out" / "files"
    told, known = (COMPARISON.read(folder).facts for folder in (files, world))
    assert told and known and told.names == known.names
    assert told.description.endswith("concepts of the folder masks")
    named, same = (
        {unit.unit: sorted(name for name, _ in unit.concepts)
         for unit in CONCEPTS.read(folder, "conv5").units}
        for folder in (files, world)
    )  # fmt: skip
    # the images come in another order, and so do the draws of chance
    agreed = [unit for unit, names in named.items() if names and names == same[unit]]
    assert len(agreed) >= 10
    page = (files / "conv5" / "index.html").read_text()
    assert "concepts of the folder masks" in page
