"""The part of the frame that is enough: the same activation as in the whole frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from atlas.experiments.wants.frames import MARGIN, before, frame_of
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import Network, wrap
from tests.support.networks import loaded

SEES = Preprocessing(None, (64, 56), (0.5,) * 3, (0.25,) * 3)


class Gated(nn.Module):
    """A layer whose activations are scaled by what the whole image is like."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        found = self.one(image).relu()
        gate = torch.sigmoid(self.two(found.mean((2, 3), keepdim=True)))
        scaled: torch.Tensor = (found * gate).relu()
        return scaled


def plain() -> Network:
    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(3, 4, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(4, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU(),
    )  # fmt: skip
    return wrap(body.double().eval(), SEES)


def test_the_part_gives_the_activation_of_the_whole_frame_with_anything_around_it() -> None:
    network = plain()
    for layer in network.layers.values():
        frame = frame_of(network, layer)
        assert frame.size < SEES.crop
        down, _ = frame.part
        assert down.start >= MARGIN and down.stop <= frame.size[0] - MARGIN
        node = before(network, layer)
        (top, left), (height, width) = frame.corner, frame.size
        whole = torch.randn((1, 3, *SEES.crop), dtype=torch.float64)
        part = whole[:, :, top : top + height, left : left + width]
        other = torch.zeros_like(whole)
        box = frame.box
        at = slice(box.top, box.bottom), slice(box.left, box.right)
        other[..., at[0], at[1]] = whole[..., at[0], at[1]]
        found = []
        for inputs, place in ((whole, frame.position), (part, frame.own), (other, frame.position)):
            values = dict[object, torch.Tensor]()
            for _, values in network.graph.run(inputs.contiguous(), until=node):
                pass
            found.append(layer.maps(values[node])[0, :, place[0], place[1]])
        assert torch.allclose(found[0], found[1], atol=1e-12)
        assert torch.allclose(found[0], found[2], atol=1e-12)


def test_behind_a_gate_and_a_linear_layer_the_whole_frame_is_taken() -> None:
    torch.manual_seed(0)
    gated = wrap(Gated().eval(), SEES)
    last = list(gated.layers.values())[-1]
    assert frame_of(gated, last).size == SEES.crop
    demo = loaded("demo")
    scores = frame_of(demo, demo.layers["scores"])
    assert scores.size == (128, 128) and scores.box.as_tuple() == (0, 0, 128, 128)
    assert scores.position == (0, 0)


@pytest.mark.parametrize("name", ["conv1", "conv5"])
def test_values_are_taken_before_the_rectification(name: str) -> None:
    demo = loaded("demo")
    layer = demo.layers[name]
    values: dict[object, torch.Tensor] = {}
    node = before(demo, layer)
    inputs = torch.tensor(np.random.default_rng(0).normal(size=(1, 3, 128, 128)).astype("f4"))
    with torch.inference_mode():
        for _, values in demo.graph.run(inputs, until=layer.node):
            pass
    assert node is not layer.node and float(values[node].min()) < 0
    assert torch.equal(values[node].relu(), values[layer.node])
