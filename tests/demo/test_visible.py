import numpy as np
import pytest
from PIL import Image, ImageDraw

from atlas.demo import canvas, world
from atlas.demo.visible import Visible


class OneByOne:
    """The same by another way: every shape is drawn into every part's mask, or out of it."""

    def __init__(self, size):
        self.size, self.pens = size, {}

    def polygon(self, corners, parts):
        self._all(parts, lambda pen, ink: pen.polygon(corners, fill=ink))

    def line(self, corners, width, parts):
        self._all(parts, lambda pen, ink: pen.line(corners, ink, width, joint="curve"))

    def text(self, centre, text, font, parts):
        self._all(parts, lambda pen, ink: pen.text(centre, text, fill=ink, font=font, anchor="mm"))

    def _all(self, parts, draw):
        for name in parts:
            if name not in self.pens:
                mask = Image.new("L", self.size)
                self.pens[name] = mask, ImageDraw.Draw(mask)
        for name, (_, pen) in self.pens.items():
            draw(pen, 255 if name in parts else 0)

    def masks(self, reduction):
        found = {}
        for name, (mask, _) in sorted(self.pens.items()):
            pixels = np.asarray(mask.reduce(reduction)) >= 128
            if pixels.any():
                found[name] = pixels
        return found


@pytest.mark.parametrize("index", range(len(world.CLASSES)))
def test_one_sheet_holds_all_masks_and_a_picture_needs_none_of_them(index, monkeypatch):
    drawn = world.draw(11, index, masks=True).masks
    monkeypatch.setattr(canvas, "Visible", OneByOne)
    expected = world.masks(11, index)
    assert list(drawn) == list(expected) and len(drawn) > 0
    assert all(np.array_equal(drawn[name], expected[name]) for name in drawn)


def test_more_parts_than_a_pixel_can_hold():
    visible = Visible((600, 4))
    for left in range(300):
        visible.polygon([(2 * left, 0), (2 * left + 1, 3)], (f"{left:03}",))
    masks = visible.masks(2)
    assert len(masks) == 300
    assert all(mask[:, int(name)].all() and mask.sum() == 2 for name, mask in masks.items())
