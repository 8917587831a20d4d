"""Properties that hold for any network whatever: random ones, drawn by hypothesis.

To draw and trace a network takes longer than to check a property of it, so all are checked of each.
"""

import copy
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

import atlas
from atlas.data.rules import RULES
from atlas.networks.batching import CPU_SLOTS
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Node
from atlas.reconstruction.deconvnet import one_hot_signal, project_back
from atlas.reconstruction.projection import Recording
from atlas.reconstruction.recording import record
from atlas.reconstruction.windows import Window, whole
from atlas.scanning.topk import NINE
from tests.support.by_windows import by_windows
from tests.support.parts import taken_apart
from tests.support.random_networks import QUIET, Drawn, inputs, maps, networks, wrapped
from tests.support.walks import any_nodes_are_the_same


@pytest.mark.slow
@settings(max_examples=25, **QUIET)
@given(networks(), st.integers(0, 2**31), st.data())
def test_what_is_promised_holds(drawn: Drawn, seed: int, data: st.DataObject) -> None:
    model, shape = drawn
    what_holds_to_the_last_bit(model, shape, seed, data)
    # a copy, which has the trace of the model as that now is
    what_holds_in_exact_numbers(wrapped(copy.deepcopy(model).double(), shape), seed, data)


def what_holds_in_exact_numbers(network: Network, seed: int, data: st.DataObject) -> None:
    """Or nearly so, in float64."""
    layer = data.draw(st.sampled_from(list(network.layers.values())))
    receptive_fields_and_reconstructions(network, layer, seed, data)
    windows_give_what_the_whole_network_gives(network, layer, seed, data)
    parts_add_up_to_the_pre_activation(network, seed)
    any_nodes_are_the_same(network.graph, seed)
    below_a_layer_is_what_its_value_comes_of(network, layer)


def below_a_layer_is_what_its_value_comes_of(network: Network, layer: Layer) -> None:
    """Each operation once, as values that depend on each other tell, from the image upwards."""
    operations = network.graph.operations  # in order of execution
    comes_of: dict[Node, set[Node]] = {}
    for node, operation in operations.items():
        comes_of[node] = {node}.union(*(comes_of[below] for below in operation.inputs))
    found = [operation.node for operation in network.graph.below(layer.node)]
    assert len(found) == len(set(found)) and set(found) == comes_of[layer.node]


def receptive_fields_and_reconstructions(
    network: Network, layer: Layer, seed: int, data: st.DataObject
) -> None:
    """Both invariants, homogeneity, and windows against whole tensors."""
    shape = network.graph.input_shape
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
    top = Window(full_start.values)
    full = whole(project_back(recording, layer.node, top, **by_rule), shape).values[0]
    torch.testing.assert_close(found, full, rtol=1e-9, atol=1e-12)


def windows_give_what_the_whole_network_gives(
    network: Network, layer: Layer, seed: int, data: st.DataObject
) -> None:
    """Even where what is given beyond the image is not zero."""
    x = inputs(network.graph.input_shape, seed, 2)
    places = st.tuples(st.integers(0, 1), *(st.integers(0, n - 1) for n in layer.shape))
    at = torch.tensor(data.draw(st.lists(places, min_size=1, max_size=5)))
    wanted = maps(network, x, layer)[at[:, 0], at[:, 1], at[:, 2], at[:, 3]]
    torch.testing.assert_close(by_windows(network, layer, x, at), wanted, rtol=1e-9, atol=1e-11)


def parts_add_up_to_the_pre_activation(network: Network, seed: int) -> None:
    found = taken_apart(network, inputs(network.graph.input_shape, seed, 2))
    assert found
    for name, (_, where, parts) in found.items():
        np.testing.assert_allclose(parts.sum, parts.whole, rtol=1e-6, atol=1e-9, err_msg=name)
        assert len(parts.whole) == len(where.unit)


def what_holds_to_the_last_bit(
    model: nn.Module, shape: tuple[int, int, int], seed: int, data: st.DataObject
) -> None:
    """In float32."""
    in_place = data.draw(st.booleans())
    work_in_place(model, in_place)
    twin = copy.deepcopy(model)
    network = wrapped(model, shape)
    tracing_gives_what_the_model_gives_and_leaves_it_alone(network, model, twin, seed)
    the_top_nine_are_those_of_brute_force(network, seed, data.draw(st.integers(1, 40)))
    any_nodes_are_the_same(network.graph, seed)
    if seed % 8 < 5:  # the twin is traced, too
        work_in_place(twin, not in_place)
        rule, x = data.draw(st.sampled_from(list(RULES))), inputs(shape, seed).float()
        twins_give_the_same_bytes(network, wrapped(twin, shape), x, rule)


def work_in_place(model: nn.Module, in_place: bool) -> None:
    for module in model.modules():
        if hasattr(module, "inplace"):
            module.inplace = in_place


def tracing_gives_what_the_model_gives_and_leaves_it_alone(
    network: Network, model: nn.Module, before: nn.Module, seed: int
) -> None:
    x = inputs(network.graph.input_shape, seed, 3).float()
    with torch.inference_mode():
        (output,) = network.graph.outputs(x)
        assert torch.equal(output, model(x.clone()))
    state = model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in before.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks
                   for m in model.modules())  # fmt: skip


def the_top_nine_are_those_of_brute_force(network: Network, seed: int, count: int) -> None:
    channels, height, width = network.graph.input_shape
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 3, (count, height, width, channels), np.uint8) * 120
    pixels[count // 2] = pixels[0]
    found = atlas.scan(network, Pictures(pixels))
    layers = list(network.layers.values())
    best: dict[tuple[str, int], list[tuple[float, int, int]]] = defaultdict(list)
    for start in range(0, count, CPU_SLOTS):  # each image in its own slot
        slots = np.zeros((CPU_SLOTS, *pixels.shape[1:]), np.uint8)
        slots[: len(pixels[start : start + CPU_SLOTS])] = pixels[start : start + CPU_SLOTS]
        nodes = [layer.node for layer in layers]
        recording = record(network.graph, network.inputs(slots), nodes, "deconvnet")
        for layer in layers:
            maps = layer.maps(recording.activations[layer.node]).flatten(2).numpy()
            for index in range(start, min(start + CPU_SLOTS, count)):
                if index and index == count // 2:
                    continue  # the same pixels as the first
                one = maps[index - start]
                for unit, place in enumerate(one.argmax(1).tolist()):
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


class Pictures:
    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index].squeeze())


def twins_give_the_same_bytes(network: Network, twin: Network, x: Tensor, rule: str) -> None:
    """One works in place, the other doesn't: activations and reconstructions are the same."""
    assert list(network.layers) == list(twin.layers)
    one, other = (
        record(of.graph, x, [layer.node for layer in of.layers.values()], rule)
        for of in (network, twin)
    )
    for name, layer in network.layers.items():
        same = twin.layers[name]
        assert torch.equal(
            layer.maps(one.activations[layer.node]), same.maps(other.activations[same.node])
        )
        assert torch.equal(middle(one, layer, rule), middle(other, same, rule))


def middle(recording: Recording, layer: Layer, rule: str) -> Tensor:
    """A reconstruction from the middle of a layer's first map."""
    _, height, width = layer.shape
    row, column = height // 2, width // 2
    value = layer.maps(recording.activations[layer.node])[:, 0, row, column]
    at = {"units": torch.tensor([0]), "positions": torch.tensor([[row, column]])}
    signal, only = one_hot_signal(layer, value, **at), torch.zeros(1, dtype=torch.long)
    projected = project_back(recording, layer.node, signal, stimulus=only, rule=rule)
    return whole(projected, recording.graph.input_shape).values
