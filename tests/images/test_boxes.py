"""Boxes in a CSV file, as masks of the photographs that it names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlas.commands.inputs import masks_of
from atlas.data.settings import Settings
from atlas.errors import AtlasError, UsageError
from atlas.images.boxes import open_boxes
from atlas.images.sources import Folder, open_folder

TEXT = """\
Image,Part,Top,Left,Bottom,Right
dogs/rex.jpg, nose, 10, 20, 30, 50

dogs/rex.jpg, "eye, left", 0, 0, 5, 5
dogs/rex.jpg, nose, 60, 0, 200, 10
cats/nobody.jpg, nose, 1, 1, 2, 2
"""


@pytest.fixture
def images(tmp_path: Path) -> Folder:
    root = tmp_path / "images"
    for name in ("cats/tom.jpg", "dogs/rex.jpg"):
        (root / name).parent.mkdir(parents=True)
        Image.new("RGB", (120, 80), "grey").save(root / name)
    return open_folder(root)


def test_boxes_are_masks(images: Folder, tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text(TEXT)
    masks = masks_of(Settings(images="photos", masks=path), images)
    assert masks is not None and masks.description == "2 parts by their boxes in parts.csv"
    assert masks.indices() == [1] and masks.of(0) == {}
    found = masks.of(1)
    assert list(found) == ["nose", "eye, left"]
    nose = np.asarray(found["nose"])
    wanted = np.zeros((80, 120), np.uint8)
    wanted[10:30, 20:50] = wanted[60:80, 0:10] = 255  # what lies outside is nowhere
    assert (nose == wanted).all()
    before = masks.identity()
    path.write_text(TEXT.replace("200", "70"))
    assert open_boxes(path, images).identity() != before


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("dogs/rex.jpg, nose, 1, 2, 3", "parts.csv:2: image, part, top, left, bottom, right are"),
        ("dogs/rex.jpg, nose, 1, 2, 3, x", "parts.csv:2: 1, 2, 3, x: four whole numbers"),
        ("dogs/rex.jpg, nose, 5, 2, 5, 9", "parts.csv:2: 5, 2, 5, 9: the box is empty"),
        ("dogs/rex.jpg, , 1, 2, 5, 9", "parts.csv:2: an image and a part are wanted"),
        ('dogs/rex.jpg, "nose, 1, 2, 5, 9', "parts.csv:2: unexpected end of data"),
    ],
)
def test_a_line_that_cannot_be_meant_is_told(
    images: Folder, tmp_path: Path, line: str, error: str
) -> None:
    path = tmp_path / "parts.csv"
    path.write_text(f"image, part, top, left, bottom, right\n{line}")
    with pytest.raises(AtlasError) as told:
        open_boxes(path, images)
    assert error in str(told.value)


def test_a_file_of_other_images_is_told(images: Folder, tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text("birds/tweety.jpg, beak, 1, 2, 5, 9")
    with pytest.raises(UsageError, match="no line names any image"):
        open_boxes(path, images)
