import os
from pathlib import Path

import pytest
from PIL import Image

from atlas.errors import AtlasError, UsageError
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import DemoImages, label_of, name_of, open_folder

PREPROCESSING = Preprocessing(None, (8, 8), (0.5,) * 3, (0.5,) * 3)


def photograph(path: Path, colour: tuple[int, int, int], **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photograph(tmp_path / "b dog" / "2.png", (1, 2, 3))
    photograph(tmp_path / "b dog" / "10.JPG", (9, 9, 9))
    photograph(tmp_path / "a" / "deep" / "x.webp", (5, 5, 5), lossless=True)
    photograph(tmp_path / "flat.bmp", (1, 2, 3))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image")
    return tmp_path


def test_a_folder_is_listed_in_the_order_of_its_paths(folder: Path) -> None:
    images = open_folder(folder)
    assert images.paths == ("a/deep/x.webp", "b dog/10.JPG", "b dog/2.png", "flat.bmp")
    assert [label_of(images, i) for i in range(4)] == ["a", "b dog", "b dog", None]
    assert name_of(images, 2) == "b dog/2.png"
    assert images[2].getpixel((0, 0)) == (1, 2, 3)


def test_a_limit_spreads_over_the_folder(folder: Path) -> None:
    assert open_folder(folder, 2).paths == ("a/deep/x.webp", "b dog/2.png")
    assert len(open_folder(folder, 99)) == 4


def test_what_is_no_folder_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        open_folder(tmp_path / "none")
    with pytest.raises(UsageError, match="no image in it"):
        open_folder(tmp_path)


def test_a_broken_file_is_named(folder: Path) -> None:
    (folder / "b dog" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with pytest.raises(AtlasError, match=r"2\.png can't be read as an image"):
        open_folder(folder)[2]


def test_another_folder_has_another_identity(folder: Path) -> None:
    one = open_folder(folder).identity()
    assert open_folder(folder).identity() == one
    assert open_folder(folder, 2).identity() != one
    photograph(folder / "flat.bmp", (1, 2, 4))
    assert open_folder(folder).identity() != one


def test_names_that_are_no_utf_8_are_escaped_and_the_files_still_found(tmp_path: Path) -> None:
    photograph(tmp_path / os.fsdecode(b"th\xe9") / os.fsdecode(b"caf\xe9\n.png"), (1, 2, 3))
    images = open_folder(tmp_path)
    assert (images.name(0), images.label(0)) == ("th\\xe9/caf\\xe9\\x0a.png", "th\\xe9")
    assert images[0].getpixel((0, 0)) == (1, 2, 3)
    assert images.identity() == open_folder(tmp_path).identity()
    root = tmp_path / os.fsdecode(b"\xff")
    photograph(root / "a.png", (1, 2, 3))
    assert open_folder(root).describe(3) == "3 photographs of the folder \\xff"


def test_demo_pictures_have_names_and_classes() -> None:
    images = DemoImages(3)
    assert name_of(images, 1) == f"{images.label(1)}/00001.png"
    assert label_of(images, 1) == images.label(1)
    assert name_of([Image.new("RGB", (2, 2))], 0) == "0"
