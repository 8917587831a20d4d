"""The control twin: other weights, nothing else."""

import copy

import pytest
import torch
from torch import nn

from atlas.evidence.control import control_twin
from atlas.networks.graph import Graph
from atlas.networks.operations import Convolution
from tests.support.smaller import smaller


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(3)
    model = smaller("resnet18").eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(values, 0.5, 2)
    return model


@pytest.fixture(scope="module")
def graph(model: nn.Module) -> Graph:
    return Graph(model, (3, 64, 64))


def test_every_tensor_keeps_its_values_but_not_their_order(model: nn.Module, graph: Graph) -> None:
    before = copy.deepcopy(model.state_dict())
    twin = control_twin(graph)
    assert list(twin.operations) == list(graph.operations)  # the same nodes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    names = {node: name for node, name in graph.trace.stored.items() if node in graph.constants}
    assert set(names.values()) == {n for n in before if not n.endswith("num_batches_tracked")}
    for node, name in names.items():
        one, two = before[name], twin.constants[node]
        assert torch.equal(one.flatten().sort().values, two.flatten().sort().values)
        assert one.numel() < 9 or not torch.equal(one, two), name


def test_a_batch_norm_stays_one(graph: Graph) -> None:
    """Scale and variance of a channel go together."""
    twin = control_twin(graph)
    at = {name: node for node, name in graph.trace.stored.items()}
    weight, variance = at["layer1.0.bn1.weight"], at["layer1.0.bn1.running_var"]
    scales = [
        (each.constants[weight] / each.constants[variance].sqrt()).sort().values
        for each in (graph, twin)
    ]
    torch.testing.assert_close(*scales)


def test_the_same_seed_draws_the_same_twin(graph: Graph) -> None:
    twins = [control_twin(graph, seed) for seed in (0, 0, 1)]
    (node,) = (n for n, operation in graph.operations.items() if operation.path == "conv1")
    weights = []
    for twin in twins:
        operation = twin.operations[node]
        assert isinstance(operation, Convolution)
        weights.append(operation.weight)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
