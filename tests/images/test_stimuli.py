from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from atlas.errors import AtlasError
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import open_folder
from atlas.images.stimuli import StimulusCache, Unread, stimuli, stimuli_and_unread

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


@pytest.mark.parametrize("workers", [0, 2])
def test_stimuli_come_in_order_with_digests_of_their_decoded_pixels(
    folder: Path, workers: int
) -> None:
    found = list(stimuli(open_folder(folder), PREPROCESSING, [3, 0, 2], workers=workers))
    assert [s.index for s in found] == [3, 0, 2]
    digests = [s.identity.digest for s in found if s.identity]
    assert digests[0] == digests[2] != digests[1]  # a BMP and a PNG, same pixels
    np.testing.assert_array_equal(found[1].pixels, np.full((8, 8, 3), 5))


def test_what_was_kept_is_not_decoded_again(folder: Path, tmp_path: Path) -> None:
    kept = StimulusCache(tmp_path / "kept", (8, 8, 3), limit=3 * (8 * 8 * 3 + 8))
    images = open_folder(folder)
    first = list(stimuli(images, PREPROCESSING, range(4), cache=kept))
    for path in images.paths[:3]:
        (folder / path).unlink()
    again = list(stimuli(images, PREPROCESSING, [2, 0, 3, 1], cache=kept, again=True))
    assert [s.index for s in again] == [2, 0, 3, 1]
    for stimulus in again:  # there was no room for the last one
        np.testing.assert_array_equal(stimulus.pixels, first[stimulus.index].pixels)
    assert kept.get(3) is None and kept.path.stat().st_size <= kept.limit


def test_what_was_kept_by_half_is_not_taken_for_whole(tmp_path: Path) -> None:
    kept = StimulusCache(tmp_path / "kept", (8, 8, 3))
    assert kept.get(0) is None
    kept.put(2, np.full((8, 8, 3), 7, np.uint8))
    assert kept.get(1) is None  # a hole before it
    with kept.path.open("r+b") as file:
        file.truncate(2 * 200 + 199)  # all but the last byte of its digest
    assert kept.get(2) is None


def test_what_was_kept_and_changed_meanwhile_is_decoded_again(tmp_path: Path) -> None:
    kept = StimulusCache(tmp_path / "kept", (8, 8, 3))
    for index in range(3):
        kept.put(index, np.full((8, 8, 3), index, np.uint8))
    content = kept.path.read_bytes()
    for bit in (200 * 8 + 5, 200 * 8 + 8 * 150, 8 * 399 + 7):  # pixels, and the digest
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        kept.path.write_bytes(changed)
        assert kept.get(1) is None and kept.get(0) is not None and kept.get(2) is not None
    kept.path.write_bytes(content[200:] + content[:200])  # of other images
    assert [kept.get(index) for index in range(3)] == [None] * 3
    kept.path.write_bytes(content)
    other = StimulusCache(kept.path.rename(tmp_path / "of other images"), (8, 8, 3))
    assert other.get(1) is None


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_worker_passes_on_what_went_wrong(folder: Path, workers: int) -> None:
    (folder / "flat.bmp").write_bytes(b"BM")
    images = open_folder(folder)
    with pytest.raises(AtlasError, match=r"flat\.bmp can't be read"):
        list(stimuli(images, PREPROCESSING, range(4), workers=workers))
    *read, unread = stimuli_and_unread(images, PREPROCESSING, range(4), workers=workers)
    assert [one.index for one in read] == [0, 1, 2] and isinstance(unread, Unread)
    assert unread.index == 3 and unread.error.reason == str(unread.error).rpartition(": ")[2]


def test_the_network_sees_a_photograph_the_way_up_that_a_browser_shows_it(tmp_path: Path) -> None:
    pixels = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the camera was held upright
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(np.rot90(pixels, -1)).save(tmp_path / "b.png")
    one, other = stimuli(open_folder(tmp_path), PREPROCESSING, range(2))
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert one.identity and other.identity and one.identity.digest == other.identity.digest


def test_pixels_that_do_not_turn_grey_are_not_read(tmp_path: Path) -> None:
    Image.new("LAB", (8, 8)).save(tmp_path / "a.tif")
    grey = Preprocessing(None, (8, 8), (0.5,), (0.5,), mode="L")
    (only,) = stimuli_and_unread(open_folder(tmp_path), grey, [0])
    assert isinstance(only, Unread) and "conversion" in only.error.reason


def test_a_full_disk_keeps_no_stimulus_and_stops_nothing() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    StimulusCache(Path("/dev/full"), (8, 8, 3)).put(0, np.zeros((8, 8, 3), np.uint8))
