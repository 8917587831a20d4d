"""Ascent: where it must end is known for a filter; company and repetition change nothing."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from atlas.experiments.wants import ascent
from atlas.experiments.wants.ascent import (
    ascended,
    batches,
    excitations,
    moved,
    seed_of,
    texture,
    texture_layer,
    values_at,
)  # fmt: skip
from atlas.experiments.wants.frames import before, frame_of
from atlas.experiments.wants.painting import Pixels, Waves
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import Network, load_network, wrap
from tests.experiments.wants.test_colours import measured, smooth_pictures
from tests.support.networks import loaded

SIDE = 24
SEES = Preprocessing(None, (SIDE, SIDE), (0.5,) * 3, (0.25,) * 3)


def linear() -> Network:
    """One convolution, nothing else."""
    torch.manual_seed(4)
    return wrap(nn.Sequential(nn.Conv2d(3, 10, 7)).double().eval(), SEES)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    flat, wanted = one.ravel(), other.ravel()
    return float(flat @ wanted / np.linalg.norm(flat) / np.linalg.norm(wanted))


class Faint(Pixels):
    """Pixels that go a short way, so that none comes to black or white or is blurred."""

    START = 0.0
    DECAY = 0.02
    EVERY = 10**6


def test_on_one_filter_the_picture_is_the_filter() -> None:
    network = linear()
    (layer,) = network.layers.values()
    frame = frame_of(network, layer)
    paint = Faint(np.full(3, 0.5), frame.size, step=0.05)
    pictures = frame.cut(ascended(network, layer, range(8), paint, frame=frame))
    weights = network.graph.operations[layer.node].weight.numpy(force=True)  # type: ignore[attr-defined]
    for unit, picture in enumerate(pictures):
        assert picture.shape == (7, 7, 3)
        made = picture.astype(float) / 255 - 0.5
        assert cosine(made.transpose(2, 0, 1), weights[unit]) > 0.99
    least = frame.cut(ascended(network, layer, range(8), paint, frame=frame, sign=-1))
    assert cosine(least[3].astype(float) - 127.5, pictures[3].astype(float) - 127.5) < -0.99


def test_in_waves_it_ends_where_the_norm_is_bound_and_the_gradient_points() -> None:
    """A step towards a constant gradient, drawn back by a share: the fixed point is known."""
    network = linear()
    (layer,) = network.layers.values()
    frame = frame_of(network, layer)
    paint = Waves(measured(smooth_pictures()), frame.size, step=0.02, is_moved=False)
    seen: list[torch.Tensor] = []

    class Watched(Waves):
        START = 0.0

        def held(self, numbers: torch.Tensor, step: int) -> torch.Tensor:
            seen.append(super().held(numbers, step))
            return seen[-1]

    own = Watched(paint.colours, paint.size, paint.step, is_moved=False)
    ascended(network, layer, range(8), own, frame=frame, steps=300)
    numbers = torch.zeros_like(seen[-1]).requires_grad_()
    rows = torch.arange(8)
    value = excitations(network, layer, paint.pictures(numbers), rows, rows, frame).sum()
    (slope,) = torch.autograd.grad(value, numbers)
    for one, wanted in zip(seen[-1].numpy(), slope.numpy(), strict=True):
        assert cosine(one, wanted) > 0.99
        bound = paint.step * (1 - Waves.DECAY) / Waves.DECAY
        assert 0.97 * bound < np.linalg.norm(one) <= bound


def test_a_units_picture_depends_on_its_seed_and_not_on_its_company() -> None:
    network = loaded("demo")
    layer = network.layers["conv2"]
    frame = frame_of(network, layer)
    paint = Waves(measured(smooth_pictures()), frame.size)
    many = ascended(network, layer, [8, 1, 10, 3, 12, 5, 6, 7], paint, frame=frame, steps=4)
    few = ascended(network, layer, [3, 28], paint, frame=frame, steps=4)
    assert np.array_equal(many[3], few[0]) and not np.array_equal(many[4], few[1])
    again = ascended(network, layer, [3, 28], paint, frame=frame, steps=4)
    assert np.array_equal(few, again)
    other = ascended(network, layer, [3], paint, frame=frame, steps=4, stream=1)
    assert not np.array_equal(other[0], few[0])
    assert seed_of("conv2", 3) != seed_of("conv2", 28) != seed_of("conv3", 28)


def test_a_second_picture_is_unlike_the_first_and_depends_on_no_company() -> None:
    network = load_network("demo")  # to a random network all pictures are much alike
    layer = network.layers["conv3"]
    frame = frame_of(network, layer)
    paint = Waves(measured(smooth_pictures()), frame.size)

    def made(units: list[int], unlike: np.ndarray | None = None, stream: int = 1) -> np.ndarray:
        return ascended(
            network, layer, units, paint, frame=frame, slots=2, stream=stream, unlike=unlike
        )

    def textures(pictures: np.ndarray) -> np.ndarray:
        inputs = torch.tensor(pictures / np.float32(255)).permute(0, 3, 1, 2)
        node = before(network, layer)
        with torch.inference_mode():
            maps = values_at(network, inputs, {node})[node]
            found = texture(maps).numpy()
        active = np.maximum(maps.numpy(), 0).reshape(*maps.shape[:2], -1)
        grams = np.einsum("nip,njp->nij", active, active).reshape(len(maps), -1)
        assert np.allclose(found, grams / np.linalg.norm(grams, axis=1, keepdims=True), atol=1e-5)
        return found

    first = made([2, 3], stream=0)
    other, second = made([2, 3]), made([2, 3], unlike=first)
    alike = (textures(first) * textures(other)).sum(1)
    told = (textures(first) * textures(second)).sum(1)
    assert (told < alike - 0.2).all(), (alike, told)
    assert np.array_equal(made([3], unlike=first[1:])[0], second[1])


def test_scores_are_unlike_in_the_layer_below_that_has_positions() -> None:
    network = loaded("demo")
    for name, of in (("scores", "conv5"), ("conv2", "conv2")):
        assert texture_layer(network, network.layers[name]).id == of


def test_batches_have_each_unit_once_in_a_slot_of_its_own() -> None:
    units = [0, 8, 1, 3, 11, 19, 4]
    found = batches(units, 8)
    assert sorted(unit for batch in found for unit in batch) == sorted(units) and len(found) == 3
    assert all(len({unit % 8 for unit in batch}) == len(batch) for batch in found)
    assert batches(range(16), 8) == [tuple(range(8)), tuple(range(8, 16))]
    assert batches([], 8) == []


def test_it_climbs() -> None:
    network = loaded("demo")
    layer = network.layers["conv3"]
    frame = frame_of(network, layer)
    colours = measured(smooth_pictures())
    reached = []
    for steps in (1, 24):
        paint = Waves(colours, frame.size)
        pictures = ascended(network, layer, [5], paint, frame=frame, steps=steps)
        assert pictures.shape == (1, *frame.size, 3)
        whole = np.full_like(pictures, 128)
        down, across = frame.part
        whole[:, down, across] = frame.cut(pictures)
        assert whole[:, down, across].shape == (1, 51, 51, 3)
        inputs = torch.tensor(whole).permute(0, 3, 1, 2) / 255
        rows, unit = torch.tensor([0]), torch.tensor([5])
        with torch.inference_mode():
            reached.append(float(excitations(network, layer, inputs, rows, unit, frame)))
    assert reached[1] > reached[0] + 0.1


def test_moving_moves_turns_and_enlarges() -> None:
    picture = torch.zeros((1, 1, 48, 64), dtype=torch.float64)
    picture[0, 0, 20:28, 28:36] = 1  # in the middle, (24, 32)

    def centre(moves: list[float]) -> tuple[float, float, float]:
        shown = moved(picture, np.array([moves]))[0, 0].numpy()
        rows, columns = np.indices(shown.shape) + 0.5
        mass = shown.sum()
        return (rows * shown).sum() / mass, (columns * shown).sum() / mass, mass

    still = centre([0, 0, 0, 0])
    assert np.allclose(still, (24, 32, 64))
    down, across, _ = centre([1, -1, 0, 0])
    assert np.allclose((down - 24, across - 32), (-3, 3)), (down, across)  # a sixteenth of 48 px
    assert abs(centre([0, 0, 1, 0])[2] / 64 - (1 + ascent.GROWTH) ** 2) < 0.02
    picture = torch.zeros((1, 1, 48, 64), dtype=torch.float64)
    picture[0, 0, 22:26, 50:54] = 1  # twenty pixels to the right
    turned = centre([0, 0, 0, 1])
    far = np.hypot(turned[0] - 24, turned[1] - 32)
    assert abs(far - 20) < 0.1, "a turn of a picture that is no square keeps distances"
    angle = np.degrees(np.arctan2(turned[0] - 24, turned[1] - 32))
    assert abs(abs(angle) - ascent.TURN) < 0.2
