"""What hides parts of images, and where masks lie in the input frame."""

from __future__ import annotations

import numpy as np
from PIL import Image

from atlas.experiments.hiding import grey, in_frame, object_of
from atlas.images.preprocessing import Preprocessing

SEES = Preprocessing(20, (16, 12), (0.485, 0.456, 0.406), (0.2, 0.2, 0.2), "bicubic")


class Some:
    """Masks of one image."""

    description = "some"

    def __init__(self, **boxes: tuple[int, int, int, int]) -> None:
        self.boxes = boxes

    def indices(self) -> list[int]:
        return [0]

    def of(self, index: int) -> dict[str, Image.Image]:
        masks = {}
        for name, box in self.boxes.items():
            masks[name] = Image.new("L", (40, 40))
            masks[name].paste(255, box)
        return masks

    def identity(self) -> str:
        return "some"


def test_grey_is_what_the_normalisation_takes_to_zero() -> None:
    assert grey(SEES) == (124, 116, 104)


def test_a_mask_goes_the_way_of_its_image() -> None:
    mask = Image.new("L", (40, 40))
    mask.paste(255, (0, 0, 20, 12))  # half of 40 to 20, of which rows 2 to 17, columns 4 to 15
    found = in_frame(mask, SEES)
    wanted = np.zeros((16, 12), bool)
    wanted[:4, :6] = True
    assert (found == wanted).all()


def test_an_object_is_called_as_its_class_or_it_is_all_there_is() -> None:
    masks = Some(dog=(10, 10, 20, 20), ear=(10, 10, 14, 14), leaf=(26, 10, 30, 14))
    name, where = object_of(masks, 0, "dog", SEES) or ("", np.zeros(0))
    assert name == "dog" and where.sum() == 25
    name, where = object_of(masks, 0, "cat", SEES) or ("", np.zeros(0))
    assert name == "all that is annotated" and where.sum() == 25 + 4
    assert object_of(Some(), 0, "dog", SEES) is None
    assert object_of(Some(dog=(0, 0, 40, 40)), 0, "dog", SEES) is None  # nothing lies elsewhere
    assert object_of(Some(dog=(0, 0, 2, 2)), 0, "dog", SEES) is None  # cut away
