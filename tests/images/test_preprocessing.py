import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms._presets import ImageClassification

from atlas.demo.world import draw
from atlas.errors import UsageError
from atlas.images.preprocessing import Preprocessing


@pytest.mark.parametrize("size", [(341, 256), (200, 300), (100, 90), (640, 480), (224, 224)])
def test_equals_torchvisions_preset(size: tuple[int, int]) -> None:
    image = Image.fromarray(np.asarray(draw(0, 3).pixels)).resize(size)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ours = Preprocessing(256, (224, 224), mean, std)
    preset = ImageClassification(crop_size=224, resize_size=256, mean=mean, std=std)
    stimulus = ours.stimulus(image)
    assert stimulus.shape == (224, 224, 3) and stimulus.dtype == np.uint8
    found = ours.inputs(stimulus[None], torch.device("cpu"), torch.float32)[0]
    torch.testing.assert_close(found, preset(image), rtol=1e-6, atol=1e-6)


def test_grey_images_have_one_channel() -> None:
    image = Image.new("RGBA", (40, 30), (255, 0, 0, 255))
    stimulus = Preprocessing(16, (16, 12), (0.5,), (0.5,), mode="L").stimulus(image)
    assert stimulus.shape == (16, 12, 1)
    assert (stimulus == 76).all()  # ITU-R 601 luma of red


def test_fields_that_follow_from_others_are_adjusted() -> None:
    usual = Preprocessing(256, (224, 224), (0.4, 0.5, 0.6), (0.2, 0.2, 0.5))
    assert usual.adjusted({}) == usual
    assert usual.adjusted({"crop": (112, 140)}).resize == 128
    assert usual.adjusted({"crop": (112, 112), "resize": 200}).resize == 200
    grey = usual.adjusted({"mode": "L"})
    assert grey.mean == (0.5,) and grey.std == (0.3,)
    assert grey.input_shape == (1, 224, 224)
    assert grey.adjusted({"mode": "RGB"}).mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    "fields", [{"mean": (0.5,)}, {"std": (1.0, 1.0)}, {"std": (1.0, 0.0, 1.0)}]
)
def test_numbers_that_can_not_be_meant_are_refused(fields: dict) -> None:
    with pytest.raises(UsageError, match=r"--(mean|std)"):
        Preprocessing(256, (224, 224), (0.4, 0.5, 0.6), (0.2, 0.2, 0.5)).adjusted(fields)
