"""What a person sees in a browser is what is read, or a short reason why nothing is."""

import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from atlas.errors import UsageError
from atlas.images import reading
from atlas.images.reading import UnreadableImage, read_image, state_of
from atlas.images.sources import open_folder
from tests.support.rights import closed, folder_for_all


def header(width: int, height: int) -> bytes:
    """The first bytes of a PNG, up to its pixels."""
    data = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + data
    return start + struct.pack(">I", zlib.crc32(data)) + struct.pack(">I", 99) + b"IDAT"


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.jpg")
    return tmp_path / "whole.jpg"


def reason(path: Path) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read_image(path)
    assert str(caught.value) == f"{path} can't be read as an image: {caught.value.reason}"
    assert str(path.parent) not in caught.value.reason and "\n" not in caught.value.reason
    return caught.value.reason


def test_whatever_is_wrong_with_a_file_has_a_short_reason(jpeg: Path) -> None:
    path = jpeg.with_name("broken.jpg")
    assert reason(path) == "No such file or directory"
    path.symlink_to(path)
    assert reason(path) == "Too many levels of symbolic links"
    path.unlink()
    path.write_bytes(jpeg.read_bytes()[:1500])
    assert reason(path).startswith("image file is truncated")
    path.write_bytes(b"")
    assert reason(path) == "the file is empty"
    path.write_text("Dear diary")
    assert reason(path) == "no image, or of a kind that isn't read"
    path.write_bytes(header(20_000, 20_000))
    assert "decompression bomb" in reason(path)
    path.write_bytes(header(8, 8))
    assert reason(path)
    path.unlink()
    os.mkfifo(path)  # which would keep a reader waiting for ever
    assert reason(path) == "not a regular file"


def test_what_may_not_be_opened_has_a_reason_and_another_state_than_what_may(jpeg: Path) -> None:
    with folder_for_all() as folder:
        path = Path(shutil.copy(jpeg, folder / "a.jpg"))
        opened = state_of(path)
        with closed(path):
            assert state_of(path) != opened
            assert reason(path) == "Permission denied"
        assert state_of(path) == opened and read_image(path).size == (64, 64)


def test_nor_do_folders_get_lost_that_may_not_be_listed(jpeg: Path) -> None:
    with folder_for_all() as folder:
        (folder / "b").mkdir()
        shutil.copy(jpeg, folder / "a.jpg")
        shutil.copy(jpeg, folder / "b" / "b.jpg")
        with closed(folder / "b"):
            images = open_folder(folder)
            assert images.paths == ("a.jpg", "b")
            before = images.identity()
            assert reason(folder / "b") == "Permission denied"
        with closed(folder), pytest.raises(UsageError, match=f"--images {folder}: Permission"):
            open_folder(folder)
        assert open_folder(folder).identity() != before


def test_a_machine_without_handles_is_not_the_images_fault(
    jpeg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(reading.Image, "open", fail)
    with pytest.raises(OSError, match="Too many open files"):
        read_image(jpeg)


def test_a_file_has_another_state_when_it_changes_or_goes(jpeg: Path) -> None:
    states = [state_of(jpeg)]
    os.utime(jpeg, ns=(1, 1))
    states.append(state_of(jpeg))
    jpeg.write_bytes(jpeg.read_bytes()[:-1])
    os.utime(jpeg, ns=(1, 1))
    states.append(state_of(jpeg))
    jpeg.unlink()
    states.append(state_of(jpeg))
    assert len(set(states)) == 4 and states[-1] == "ENOENT"


# where a pixel of the file, 2 rows of 3, lies for a person: by EXIF 2.3, table "Orientation",
# which says what side of the picture the file's first row and first column are
SHOWN = {
    1: [[0, 1, 2], [3, 4, 5]],
    2: [[2, 1, 0], [5, 4, 3]],
    3: [[5, 4, 3], [2, 1, 0]],
    4: [[3, 4, 5], [0, 1, 2]],
    5: [[0, 3], [1, 4], [2, 5]],
    6: [[3, 0], [4, 1], [5, 2]],
    7: [[5, 2], [4, 1], [3, 0]],
    8: [[2, 5], [1, 4], [0, 3]],
}


@pytest.mark.parametrize("form", ["png", "webp", "tif"])
@pytest.mark.parametrize("orientation", [0, *SHOWN, 9])
def test_a_picture_stands_as_its_exif_data_say(tmp_path: Path, orientation: int, form: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    path = tmp_path / f"a.{form}"
    Image.fromarray(np.stack([pixels] * 3, 2)).save(path, exif=exif, lossless=True)
    shown = SHOWN.get(orientation, SHOWN[1])
    found = np.asarray(read_image(path).convert("RGB"))[..., 0]
    np.testing.assert_array_equal(found, np.array(shown) * 40)


def test_a_photograph_that_says_nothing_of_it_or_nonsense_stays_as_it_is(jpeg: Path) -> None:
    with Image.open(jpeg) as image:
        plain = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(read_image(jpeg), plain)
    nonsense = b"Exif\x00\x00II*\x00\xff\xff\xff\x7f"
    mark = b"\xff\xe1" + struct.pack(">H", len(nonsense) + 2) + nonsense
    content = jpeg.read_bytes()
    jpeg.write_bytes(content[:2] + mark + content[2:])
    np.testing.assert_array_equal(read_image(jpeg), plain)
