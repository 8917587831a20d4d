"""The control twin: other weights, nothing else."""

import copy

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from atlas.evidence.control import control_twin
from atlas.networks.graph import Graph


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(3)
    model = resnet18(num_classes=7).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(values, 0.5, 2)
    return model


def test_every_tensor_keeps_its_values_but_not_their_order(model: nn.Module) -> None:
    before = copy.deepcopy(model.state_dict())
    graph = Graph(model, (3, 64, 64))
    twin = control_twin(graph)
    assert list(twin.operations) == list(graph.operations)  # the same nodes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for node, operation in graph.operations.items():
        own, other = operation.module, twin.operations[node].module
        for (name, one), (_, two) in zip(
            own.state_dict().items() if own else (), other.state_dict().items() if other else (),
            strict=True,
        ):  # fmt: skip
            assert torch.equal(one.flatten().sort().values, two.flatten().sort().values)
            assert one.numel() < 9 or not torch.equal(one, two), f"{node} {name}"


def test_a_batch_norm_stays_one(model: nn.Module) -> None:
    """Scale and variance of a channel go together."""
    graph = Graph(model, (3, 64, 64))
    twin = control_twin(graph)
    (node,) = (n for n in graph.operations if n.target == "layer1.0.bn1")
    scales = []
    for each in (graph, twin):
        module = each.operations[node].module
        assert isinstance(module, nn.BatchNorm2d) and module.running_var is not None
        scales.append((module.weight / module.running_var.sqrt()).sort().values)
    torch.testing.assert_close(*scales)


def test_the_same_seed_draws_the_same_twin(model: nn.Module) -> None:
    graph = Graph(model, (3, 64, 64))
    twins = [control_twin(graph, seed) for seed in (0, 0, 1)]
    (node,) = (n for n in graph.operations if n.target == "conv1")
    one, same, other = (twin.operations[node].module.weight for twin in twins)  # type: ignore[union-attr]
    assert torch.equal(one, same) and not torch.equal(one, other)
