import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from atlas.drawing import lit, pixels

GREY = np.full((96, 64, 3), 128, np.uint8)


def test_a_patch_is_dark_where_its_reconstruction_is_zero_and_lit_where_it_is_strong() -> None:
    reconstruction = GREY.copy()
    reconstruction[40:56, 24:40] = 255
    patch = np.full_like(GREY, 200)
    shown = lit.lit(reconstruction, patch)
    assert (shown[48, 32] == 200).all()
    assert abs(int(shown[0, 0, 0]) - 200 * lit.DARK) <= 4  # mid-grey is no whole number
    assert shown.dtype == np.uint8 and shown.shape == patch.shape


def test_light_drops_the_sign() -> None:
    signal = np.random.default_rng(0).integers(1, 256, GREY.shape).astype(np.uint8)
    np.testing.assert_allclose(lit.light(signal), lit.light(255 - signal), atol=1e-12)


def test_light_is_a_blurred_magnitude_with_gain() -> None:
    signal = np.random.default_rng(1).integers(90, 160, GREY.shape).astype(np.uint8)
    magnitude = np.abs(2 * (signal / 255) - 1).mean(2)
    sigma = [lit.BLUR * side for side in magnitude.shape]
    # only what lies inside counts at the edges
    blurred = ndimage.gaussian_filter(magnitude, sigma, mode="constant", truncate=12)
    blurred /= ndimage.gaussian_filter(np.ones_like(magnitude), sigma, mode="constant", truncate=12)
    expected = np.minimum(1, lit.DARK + (1 - lit.DARK) * lit.GAIN * blurred)
    np.testing.assert_allclose(lit.light(signal), expected, atol=1e-6)


@pytest.mark.parametrize("count", [9, 2])
def test_a_lit_plate_keeps_its_patches_and_what_is_empty(count: int) -> None:
    layout = pixels.plate_of((40, 60))
    tiles = np.random.default_rng(2).integers(0, 256, (9, 2, *layout.tile, 3)).astype(np.uint8)
    plate = pixels.plate(layout, tiles, count)
    shown = np.asarray(lit.lit_plate(layout, plate, count))
    beyond = layout.place(0, True)[1]
    np.testing.assert_array_equal(shown[:, beyond:], np.asarray(plate)[:, beyond:])
    np.testing.assert_array_equal(shown[..., 3], np.asarray(plate)[..., 3])
    for rank in range(count):
        top, left = layout.place(rank, False)
        tile = shown[top : top + layout.tile[0], left : left + layout.tile[1], :3]
        np.testing.assert_array_equal(tile, lit.lit(*tiles[rank]))
    assert isinstance(lit.lit_plate(layout, plate, count), Image.Image)
