"""Properties that hold for any network whatever: random ones, drawn by hypothesis."""

import copy
from collections import defaultdict

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import atlas
from atlas.data.rules import RULES
from atlas.reconstruction.deconvnet import one_hot_signal, project_back
from atlas.reconstruction.recording import record
from atlas.reconstruction.windows import Window, whole
from atlas.scanning.topk import NINE
from tests.support.random_networks import QUIET, Drawn, inputs, maps, networks, wrapped


@settings(max_examples=80, **QUIET)
@given(networks(), st.data())
def test_receptive_fields_and_reconstructions(drawn: Drawn, data: st.DataObject) -> None:
    """Both invariants, homogeneity, and windows against whole tensors."""
    model, shape = drawn
    network = wrapped(model.double(), shape)
    layer = data.draw(st.sampled_from(list(network.layers.values())))
    seed = data.draw(st.integers(0, 2**31))
    unit, row, column = (data.draw(st.integers(0, n - 1)) for n in layer.shape)
    x, other = inputs(shape, seed), inputs(shape, seed + 1)
    box = layer.field.true_box(row, column)
    inside = (..., slice(box.top, box.bottom), slice(box.left, box.right))
    other[inside] = x[inside]
    value = maps(network, x, layer)[0, unit, row, column]
    assert torch.equal(value, maps(network, other, layer)[0, unit, row, column])

    rule = data.draw(st.sampled_from(list(RULES)))
    recording = record(network.graph, x, [layer.node], rule)
    at = {"units": torch.tensor([unit]), "positions": torch.tensor([[row, column]])}
    by_rule = {"stimulus": torch.zeros(1, dtype=torch.long), "rule": rule}
    first = one_hot_signal(layer, value[None], **at)
    found = whole(project_back(recording, layer.node, first, **by_rule), shape).values[0]
    outside = found.clone()
    outside[inside] = 0
    assert outside.abs().max() == 0

    thrice = one_hot_signal(layer, 3 * value[None], **at)
    tripled = whole(project_back(recording, layer.node, thrice, **by_rule), shape).values[0]
    torch.testing.assert_close(tripled, 3 * found, rtol=1e-9, atol=1e-12)

    full_start = whole(first, tuple(network.graph.shapes[layer.node]))
    full = project_back(recording, layer.node, Window(full_start.values), **by_rule).values[0]
    torch.testing.assert_close(found, full, rtol=1e-9, atol=1e-12)


@settings(max_examples=80, **QUIET)
@given(networks(), st.integers(0, 2**31), st.integers(1, 40))
def test_the_top_nine_are_those_of_brute_force(drawn: Drawn, seed: int, count: int) -> None:
    """And tracing gives what the model gives, and leaves it alone."""
    model, shape = drawn
    state = {key: value.clone() for key, value in model.state_dict().items()}
    network = wrapped(model, shape)
    with torch.inference_mode():
        x = inputs(shape, seed, 3).float()
        (output,) = network.graph.outputs(x)
        assert torch.equal(output, model(x))
    channels, height, width = shape
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 3, (count, height, width, channels), np.uint8) * 120
    pixels[count // 2] = pixels[0]
    found = atlas.scan(network, Pictures(pixels))
    layers = list(network.layers.values())
    best: dict[tuple[str, int], list[tuple[float, int, int]]] = defaultdict(list)
    for index in range(count):
        if index and index == count // 2:
            continue  # the same pixels as the first
        batch = network.inputs(np.repeat(pixels[index][None], 16, 0))
        recording = record(network.graph, batch, [layer.node for layer in layers], "deconvnet")
        for layer in layers:
            one = layer.maps(recording.activations[layer.node])[index % 16].flatten(1).numpy()
            for unit in range(layer.units):
                place = int(one[unit].argmax())
                if one[unit, place] > 0:
                    best[layer.id, unit].append((-float(one[unit, place]), index, place))
    for layer in layers:
        record_ = found.records[layer.id]
        for unit in range(layer.units):
            fired = best[layer.id, unit]
            wanted = sorted(fired)[:NINE]
            kept = record_.count(unit)
            assert record_.fired[unit] == len(fired) and kept == len(wanted)
            assert record_.image[unit, :kept].tolist() == [image for _, image, _ in wanted]
            assert record_.value[unit, :kept].tolist() == [-value for value, _, _ in wanted]
            places = [list(divmod(place, layer.shape[2])) for _, _, place in wanted]
            assert record_.position[unit, :kept].tolist() == places
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks
                   for m in model.modules())  # fmt: skip


class Pictures:
    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index].squeeze())


@settings(max_examples=50, **QUIET)
@given(networks(), st.sampled_from(list(RULES)), st.integers(0, 2**31))
def test_in_place_and_out_of_place_twins_give_the_same_bytes(
    drawn: Drawn, rule: str, seed: int
) -> None:
    model, shape = drawn
    twin = copy.deepcopy(model)
    for one in (model, twin):
        for module in one.modules():
            if hasattr(module, "inplace"):
                module.inplace = one is twin
    x = inputs(shape, seed).float()[0]
    network, other = wrapped(model, shape), wrapped(twin, shape)
    assert list(network.layers) == list(other.layers)
    for layer in network.layers.values():
        assert torch.equal(
            maps(network, x[None], layer), maps(other, x[None], other.layers[layer.id])
        )
        _, height, width = layer.shape
        where = height // 2, width // 2
        assert torch.equal(
            atlas.reconstruct(network, x, layer.id, 0, where, rule),
            atlas.reconstruct(other, x, layer.id, 0, where, rule),
        )
