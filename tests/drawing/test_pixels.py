import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from atlas.data.geometry import Box
from atlas.data.records import Plate
from atlas.drawing import pixels


@pytest.mark.parametrize(
    ("box", "tile"),
    [
        ((7, 7), (91, 91)),  # 13 times
        ((11, 11), (88, 88)),
        ((32, 16), (96, 48)),
        ((51, 51), (96, 96)),
        ((400, 200), (96, 48)),
        ((1, 1), (96, 96)),
    ],
)
def test_tiles_keep_small_pixels_whole(box: tuple[int, int], tile: tuple[int, int]) -> None:
    assert pixels.tile_size(*box) == tile


def test_a_patch_is_the_box_cut_from_the_stimulus() -> None:
    stimulus = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    found = pixels.patch(stimulus, Box(3, 5, 9, 12), (6, 7))
    np.testing.assert_array_equal(found, stimulus[3:9, 5:12])


def test_what_lies_outside_the_image_is_a_quiet_pattern() -> None:
    stimulus = np.zeros((10, 10, 1), np.uint8)  # black, and grey
    found = pixels.patch(stimulus, Box(-4, -2, 12, 6), (16, 8))
    assert found.shape == (16, 8, 3)
    np.testing.assert_array_equal(found[4:14, 2:], 0)
    outside = np.concatenate([found[:4].ravel(), found[14:].ravel(), found[:, :2].ravel()])
    assert set(outside.tolist()) == {138, 150}


def test_a_reconstruction_undoes_the_scale_and_not_the_mean() -> None:
    signal = np.zeros((3, 8, 8), np.float32)
    signal[:, 2, 2] = (1.0, 1.0, 1.0)
    signal[:, 3, 3] = (-1.0, 0.0, 0.0)
    found = pixels.reconstruction(signal, std=(0.2, 0.1, 0.4), box=Box(-1, -1, 5, 5), size=(6, 6))
    assert found.shape == (6, 6, 3)
    quiet = found.copy()
    quiet[3, 3] = quiet[4, 4] = 128
    assert (quiet == 128).all()  # zero is mid-grey, outside the image too
    assert found[3, 3].tolist()[2] == 255
    assert found[3, 3, 0] - 128 == pytest.approx((found[3, 3, 2] - 128) / 2, abs=1)
    assert found[3, 3, 0] - 128 == 128 - found[4, 4, 0]


@given(st.floats(1e-20, 1e20))
def test_contrast_is_the_pictures_own(scale: float) -> None:
    values = np.random.default_rng(1).normal(size=(9, 9, 3))
    np.testing.assert_allclose(
        pixels.signed(values * scale).astype(int), pixels.signed(values), atol=1
    )


def test_nothing_is_grey() -> None:
    assert (pixels.signed(np.zeros((4, 4, 3))) == 128).all()


def test_every_tile_stands_in_its_own_place() -> None:
    layout = Plate((6, 5), gap=2, gutter=7)
    tiles = np.arange(18, dtype=np.uint8).reshape(9, 2, 1, 1, 1) + np.zeros(
        (9, 2, 6, 5, 3), np.uint8
    )
    sheet = np.asarray(pixels.plate(layout, tiles, count=7))
    assert sheet.shape[:2] == layout.size == (22, 45)
    assert (sheet[..., 3] > 0).sum() == 14 * 6 * 5
    for rank in range(9):
        for side in (False, True):
            top, left = layout.place(rank, side)
            cut = sheet[top : top + 6, left : left + 5]
            expected = [2 * rank + side] * 3 + [255] if rank < 7 else [0] * 4
            assert (cut == expected).all()


def test_small_patches_are_enlarged_pixel_by_pixel() -> None:
    small = np.random.default_rng(2).integers(0, 255, (7, 7, 3), np.uint8)
    large = pixels.patch(small, Box(0, 0, 7, 7), pixels.tile_size(7, 7))
    np.testing.assert_array_equal(large[6::13, 6::13], small)
    assert len(np.unique(large.reshape(-1, 3), axis=0)) <= 49
    corner = pixels.patch(small, Box(-3, -3, 4, 4), pixels.tile_size(7, 7))
    np.testing.assert_array_equal(corner[6::13, 6::13][3:, 3:], small[:4, :4])


@pytest.mark.parametrize("side", [40, 83, 300, 2071])
def test_a_box_of_any_size_is_drawn_to_scale(side: int) -> None:
    stimulus = np.full((100, 60, 3), 255, np.uint8)
    box = Box(50 - side // 2, 30 - side // 2, 50 - side // 2 + side, 30 - side // 2 + side)
    tile = pixels.patch(stimulus, box, (128, 128))
    white = (tile == 255).all(2)
    inside = min(side, 100) / side, min(side, 60) / side
    for axis, share in zip((1, 0), inside, strict=True):
        assert white.any(axis).sum() == pytest.approx(128 * share, abs=1)
    middle = np.argwhere(white).mean(0)
    assert np.abs(middle - 63.5).max() <= 2


def test_a_part_of_a_reconstruction_is_laid_where_it_belongs() -> None:
    frame = np.zeros((1, 50, 50), np.float32)
    frame[0, 20:30, 12:22] = np.random.default_rng(4).normal(size=(10, 10))
    box = Box(10, 5, 45, 40)
    whole = pixels.reconstruction(frame, std=(1.0,), box=box, size=(35, 35))
    window = pixels.reconstruction(
        frame[:, 18:33, 8:25], std=(1.0,), box=box, size=(35, 35), corner=(18, 8)
    )
    np.testing.assert_array_equal(whole, window)


def test_filters_stand_in_rows_of_twelve() -> None:
    weight = np.random.default_rng(3).normal(size=(14, 3, 7, 7)).astype(np.float32)
    sheet = np.asarray(pixels.filter_sheet(weight, (0.5, 0.5, 0.5)))
    height, width, across = pixels.filter_layout(weight.shape)
    assert (height, width, across) == (91, 91, 12)
    assert sheet.shape == (2 * 93 - 2, 12 * 93 - 2, 4)
    last = sheet[93 : 93 + 91, 93 : 93 + 91, :3][6::13, 6::13].astype(float)
    signal = weight[13].transpose(1, 2, 0)
    assert np.corrcoef(last.ravel(), signal.ravel())[0, 1] > 0.99


def test_a_plate_takes_no_more_room_than_it_may() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (292, 594, 3), np.uint8))
    smooth = Image.fromarray(np.full((292, 594, 3), 90, np.uint8))
    best, least = max(pixels.QUALITIES), min(pixels.QUALITIES)
    for picture, quality in ((smooth, best), (noise, least)):
        file = io.BytesIO()
        picture.save(file, "WEBP", method=2, quality=quality)
        assert pixels.encoded(picture, (99, 99)) == file.getvalue()
    exact = Image.open(io.BytesIO(pixels.encoded(noise, (11, 11)))).convert("RGB")
    np.testing.assert_array_equal(np.asarray(exact), np.asarray(noise))


@pytest.mark.parametrize("box", [(3, 3), (7, 7), (11, 5), (27, 27), (32, 32), (33, 60), (224, 224)])
def test_tiles_of_strips_are_smaller_and_keep_pixels_where_plates_do(box: tuple[int, int]) -> None:
    height, width = pixels.strip_tile(box)
    assert max(height, width) <= max(pixels.tile_size(*box))
    if pixels.is_crisp(box):
        assert height % box[0] == 0 and height // box[0] == width // box[1]
    tiles = np.full((5, height, width, 3), 90, np.uint8)
    shown = [True, False, True, True, True]
    strip = Image.open(io.BytesIO(pixels.strip(tiles, shown, box)))
    assert strip.size == pixels.strip_size((height, width), 5)[::-1]
    clear = np.asarray(strip.convert("RGBA"))[..., 3]
    assert clear[0, 0] == 255 and clear[0, width + pixels.GAP] == 0


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_the_robust_maximum_is_numpys_percentile(seed: int, zeros: float) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 20, 3))
    values = (rng.standard_normal(shape) * (rng.random(shape) >= zeros)).astype(np.float32)
    some = np.abs(values[values != 0])
    most = np.percentile(some, 99.5) if some.size else 0.0
    assert pixels.robust_maximum(np.abs(values).ravel()) == pytest.approx(most, rel=1e-5)
