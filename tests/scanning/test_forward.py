import pytest
import torch
import torchvision
from torch import nn

from atlas.networks.graph import Graph
from atlas.networks.layers import find_layers
from atlas.networks.operations import BatchNorm, Node
from atlas.scanning.forward import Peaks, finish, prepared
from tests.support.smaller import smaller
from tests.support.walks import SLOTS, the_same


def restless(model: nn.Module) -> nn.Module:
    """A model whose batch norms have seen something."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            for numbers in (module.running_mean, module.weight.data, module.bias.data):
                numbers.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


FAMILIES = ["squeezenet1_1", "resnet18"]
MORE = (
    "regnet_y_400mf", "densenet121", "vgg11_bn", "googlenet", "mobilenet_v3_small",
    "shufflenet_v2_x0_5",
)  # fmt: skip
FAMILIES += [pytest.param(name, marks=pytest.mark.slow) for name in MORE]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_layer_is_the_same_to_the_last_bit(name: str) -> None:
    torch.manual_seed(0)
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    graph = Graph(restless(smaller(name, **options)), (3, 64, 64))
    forward = prepared(graph, [layer.node for layer in find_layers(graph).values()], SLOTS)
    inputs = torch.randn(SLOTS, 3, 64, 64)
    the_same(graph, forward, inputs.to(memory_format=torch.channels_last))
    the_same(graph, forward, inputs[:5])  # another batch and layout than it was made ready for


@pytest.mark.usefixtures("two_threads")
def test_every_layer_is_the_same_to_the_last_bit_with_two_threads() -> None:
    test_every_layer_is_the_same_to_the_last_bit("resnet18")


@pytest.mark.slow
def test_numbers_that_loops_do_not_serve_are_worked_on_in_place_by_torch() -> None:
    torch.manual_seed(0)
    graph = Graph(restless(smaller("resnet18")).bfloat16(), (3, 64, 64))
    forward = prepared(graph, [layer.node for layer in find_layers(graph).values()], SLOTS)
    assert not forward.scales and any(chain.rectifies for chain in forward.chains.values())
    inputs = torch.randn(SLOTS, 3, 64, 64).bfloat16()
    the_same(graph, forward, inputs.to(memory_format=torch.channels_last))


def test_what_follows_a_convolution_is_done_in_one_go() -> None:
    graph = Graph(restless(smaller("resnet18")), (3, 64, 64))
    layers = find_layers(graph)
    forward = prepared(graph, [layer.node for layer in layers.values()], SLOTS)
    inputs = torch.randn(SLOTS, 3, 64, 64).to(memory_format=torch.channels_last)
    found: dict[Node, bool] = {node: peak is not None for node, _, peak in forward.run(inputs)}
    assert all(found[layer.node] for layer in layers.values() if layer.kind != "linear")
    chain = forward.chains[layers["conv1"].node]
    assert chain.norm is not None and chain.rectifies
    chain = forward.chains[layers["layer1.0"].node]
    assert chain.term is not None and chain.rectifies


@pytest.mark.parametrize("count", [1, 2, 40])
def test_finishing_equals_one_operation_after_the_other(count: int) -> None:
    torch.manual_seed(count)
    shape = (count, 37, 61, 61)
    maps, term = (torch.randn(shape).to(memory_format=torch.channels_last) for _ in range(2))
    expected = (maps + term).relu()
    value, place = torch.empty(shape[:2]), torch.empty(shape[:2], dtype=torch.int32)
    finish(maps, term=term, rectifies=True, peaks=Peaks(value, place))
    assert torch.equal(maps, expected)
    flat = expected.flatten(2)
    assert torch.equal(value, flat.amax(2))
    first = (flat == value[:, :, None]).to(torch.int8).argmax(2)
    assert torch.equal(place.long(), first)


def test_what_is_no_number_is_not_lost() -> None:
    maps = torch.randn(2, 3, 5, 5).to(memory_format=torch.channels_last)
    maps[0, 1, 2, 2] = torch.nan
    maps[1, 2, 0, 0] = torch.inf
    value, place = torch.empty(2, 3), torch.empty((2, 3), dtype=torch.int32)
    finish(maps, rectifies=True, peaks=Peaks(value, place))
    assert value.isnan().nonzero().tolist() == [[0, 1]]
    assert value[1, 2] == torch.inf and place[1, 2] == 0


def test_a_batch_norm_that_loops_would_round_otherwise_is_left_to_torch(monkeypatch) -> None:
    graph = Graph(restless(torchvision.models.resnet18()), (3, 64, 64))
    evaluate = graph.evaluate

    def rounds_otherwise(node, values, images=None):
        found = evaluate(node, values, images)
        is_norm = isinstance(graph.operations[node], BatchNorm)
        return found * (1 + 2**-20) if is_norm else found

    monkeypatch.setattr(graph, "evaluate", rounds_otherwise)
    forward = prepared(graph, [list(graph.operations)[-1]], SLOTS)
    assert not forward.scales and not any(chain.norm for chain in forward.chains.values())
    inputs = torch.randn(SLOTS, 3, 64, 64).to(memory_format=torch.channels_last)
    the_same(graph, forward, inputs)
