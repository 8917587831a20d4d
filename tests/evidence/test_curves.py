"""Deletion curves against stimuli put together by pixels, and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from atlas.compute.curving import SHARES, layer_curves
from atlas.compute.descending import Descent, Piece, Place, descent, pieces_of
from atlas.data.curves import area, between
from atlas.data.documents import UnitNine
from atlas.data.records import Winner
from atlas.drawing.pixels import blurred
from atlas.evidence import curves as deletion
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import Network, wrap
from atlas.reconstruction.windows import Window, whole
from tests.support.experiments import SIDE, Photographs, tiny

PIXELS = Photographs().pixels


def going_down(network: Network, layer: str, count: int = 6) -> tuple[Piece, Descent]:
    """The strongest activations of some images, at any of a layer's units and positions."""
    chosen, places = network.layers[layer], []
    with torch.no_grad():
        ((_, maps),) = network.activations(network.inputs(PIXELS), [chosen])
    for image in range(count):
        unit, row, column = np.unravel_index(int(maps[image].argmax()), maps.shape[1:])
        places.append(Place(int(unit), 0, image, (int(row), int(column))))
    piece = Piece(layer, tuple(places))
    return piece, descent(network, network.graph, piece, PIXELS[piece.images], ["gradient"])


@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc1"])
def test_they_are_what_stimuli_put_together_give(layer: str) -> None:
    network = tiny(double=True)
    piece, down = going_down(network, layer)
    windows = down.by("gradient")
    found = deletion.curves(
        down.winners, windows, layer=down.layer, graph=network.graph, inputs=down.inputs
    )
    values = whole(windows, network.graph.input_shape).values
    ends = {"conv1": 2, "conv2": 4, "fc1": 7}
    model, compared = network.module[: ends[layer]], 0
    for row, place in enumerate(piece.places):
        box = down.layer.held.true_box(*place.position)
        energy = values[row].square().sum(0)[box.top : box.bottom, box.left : box.right].numpy()
        order = np.argsort(-energy.ravel(), kind="stable")  # a cell is a pixel here
        pictures = PIXELS[place.image], blurred(PIXELS[place.image])
        both = tuple(network.inputs(one[None]) for one in pictures)

        def seen(marks: np.ndarray, at: Place = place, pair: tuple = both) -> float:
            mask = torch.from_numpy(marks)
            with torch.no_grad():
                out = model(torch.where(mask, *pair))[0, at.unit]
            return float((out[at.position] if out.dim() else out).clamp_min(0))

        strength = seen(np.ones((SIDE, SIDE), bool))
        for number, share in enumerate(SHARES):
            count = 0 if share == 0 else max(1, round(share * energy.size))
            if share < 1 and count > (energy > 0).sum():
                continue  # cells without energy come in an order by chance
            inside = np.zeros(energy.size, bool)
            inside[order[:count]] = True
            marks = np.zeros((SIDE, SIDE), bool)
            marks[box.top : box.bottom, box.left : box.right] = inside.reshape(energy.shape)
            assert found.kept[row, number] == pytest.approx(seen(marks) / strength, abs=1e-5)
            assert found.left[row, number] == pytest.approx(seen(~marks) / strength, abs=1e-5)
            compared += 1
        assert found.kept[row, 0] == found.kept_elsewhere[row, 0]
        assert found.left[row, -1] == found.left_elsewhere[row, -1]
    assert compared >= 5 * len(piece.places)


def planted() -> Network:
    """A unit that is excited by two red pixels in one row of a wide window, and by nothing else."""
    model = nn.Sequential(nn.Conv2d(3, 1, 9, bias=False), nn.ReLU())
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].weight[0, 0, 4, 2:4] = 1.0
    seen = Preprocessing(None, (SIDE, SIDE), (0.0,) * 3, (1.0,) * 3)
    return wrap(model.double().eval(), seen)


def test_what_points_at_what_matters_lies_above_a_shifted_order_and_noise_doesnt() -> None:
    network = planted()
    piece, down = going_down(network, "conv1", count=9)
    given = dict(layer=down.layer, graph=network.graph, inputs=down.inputs)
    found = deletion.curves(down.winners, down.by("gradient"), **given)
    assert torch.allclose(found.kept[:, 1:], torch.ones_like(found.kept[:, 1:]))  # two of 81 pixels
    dice = torch.Generator().manual_seed(5)
    noise = torch.rand(len(piece.places), 3, SIDE, SIDE, generator=dice, dtype=torch.float64)
    chance = deletion.curves(down.winners, Window(noise), **given)
    for of, low, high in ((found, 0.02, 1.0), (chance, -0.15, 0.15)):
        parts = {
            name: getattr(of, name).numpy()
            for name in ("kept", "left", "kept_elsewhere", "left_elsewhere")
        }
        (unit,) = layer_curves("conv1", [piece], [parts]).units
        assert low < unit.kept_between.mean < high
        assert low < unit.left_between.mean < high


def test_an_area_and_an_interval() -> None:
    assert area((0.0, 0.5, 1.0), (0.0, 1.0, 1.0)) == pytest.approx(0.75)
    assert area(SHARES, [0.3] * len(SHARES)) == pytest.approx(0.3)
    nine = [0.1, 0.4, 0.2, 0.3, 0.0, 0.2, 0.1, 0.5, 0.2]
    found = between(nine)
    assert found.mean == pytest.approx(np.mean(nine), abs=5e-5)  # it is rounded
    assert found.error == pytest.approx(2.306 * np.std(nine, ddof=1) / 3, rel=2e-3)
    assert between([0.4]).error is None


def test_pieces_hold_every_winner_once() -> None:
    box = (0, 0, 3, 3)
    nine = tuple(Winner(n, "a.png", None, 1.0, (n, 0), box, box) for n in range(9))
    units = [UnitNine(unit, 9, nine, (0, ())) for unit in range(20)]
    pieces = pieces_of(tiny(), [("conv1", units), ("conv2", units[:1])], 16)
    places = [(piece.layer, one.unit, one.rank) for piece in pieces for one in piece.places]
    wanted = [("conv1", unit, rank) for unit in range(20) for rank in range(9)]
    assert places == wanted + [("conv2", 0, rank) for rank in range(9)]
    assert max(len(piece.places) for piece in pieces) <= 64
    assert len(pieces_of(tiny(), [("conv1", units)], 1)) == 45  # four at once
