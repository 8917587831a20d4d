"""Each rule is a row in two tables, and does at a nonlinearity what its paper says."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import atlas
from atlas.data.rules import RULES, Rule
from atlas.errors import UsageError
from atlas.images.preprocessing import Preprocessing
from atlas.networks.graph import Graph
from atlas.networks.network import wrap
from atlas.networks.operations import Nonlinearity, Operation
from atlas.reconstruction.adjoints import Parts
from atlas.reconstruction.extensions import image_free
from atlas.reconstruction.projection import Projection
from atlas.reconstruction.recording import record
from atlas.reconstruction.rules import BEHAVIOURS, Behaviour, behaviour
from atlas.reconstruction.windows import Window

SIGNAL = [3.0, -2.0, 5.0, -1.0, 0.0]
STIMULUS = [1.0, 2.0, -1.0, -3.0, 4.0]  # where the forward signal was above zero
EXPECTED = {
    "deconvnet": [3.0, 0.0, 5.0, 0.0, 0.0],  # by the sign of the signal going down
    "gradient": [3.0, -2.0, 0.0, 0.0, 0.0],  # by the sign of the one that went up
    "guided": [3.0, 0.0, 0.0, 0.0, 0.0],  # by both
    "lrp": SIGNAL,  # as it is
}


def test_every_rule_has_a_behaviour_and_every_behaviour_a_rule() -> None:
    assert list(RULES) == list(BEHAVIOURS)
    assert all(name == rule.name and rule.source for name, rule in RULES.items())


@pytest.mark.parametrize("rule", EXPECTED)
def test_a_rule_does_what_its_paper_says(rule: str) -> None:
    graph = Graph(nn.ReLU(), (1, 1, 5))
    (node,) = (n for n, o in graph.operations.items() if isinstance(o, Nonlinearity))
    recording = record(graph, torch.tensor([[[STIMULUS]]]), [node], rule)
    assert bool(recording.inputs) == (rule in ("gradient", "guided"))
    projection = Projection(recording, torch.tensor([0]))
    signal = Window(torch.tensor([[[SIGNAL]]]))
    ((_, passed),) = behaviour(rule).step(projection, graph.operations[node], signal)
    assert passed.values.flatten().tolist() == EXPECTED[rule]


def network() -> atlas.Network:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.SiLU(), nn.Conv2d(3, 2, 3)
    )
    return wrap(model.eval(), Preprocessing(None, (12, 12), (0.5,) * 3, (0.5,) * 3))


def test_a_rule_that_is_not_known() -> None:
    with pytest.raises(UsageError, match="unknown rule 'grad': choose one of deconvnet, guided"):
        atlas.reconstruct(network(), torch.zeros(3, 12, 12), "conv1", 0, (0, 0), rule="grad")


@pytest.mark.parametrize("halve", [True, False])
def test_a_rule_more_is_one_row_in_each_table(monkeypatch: pytest.MonkeyPatch, halve: bool) -> None:
    """One that lets signals pass as they are; or halves them, at both nonlinearities."""

    def passed(projection: Projection, operation: Operation, signal: Window) -> Parts:
        values = signal.values / 2 if halve else signal.values
        return [(operation.inputs[0], replace(signal, values=values))]

    monkeypatch.setitem(RULES, "pass", Rule("pass", "a test"))
    kinds = frozenset({Nonlinearity})
    monkeypatch.setitem(BEHAVIOURS, "pass", Behaviour({Nonlinearity: passed}, kinds))
    one, x = network(), torch.randn(3, 12, 12)
    down = atlas.reconstruct(one, x, "conv3", 1, (2, 2), rule="pass")
    linear = nn.Sequential(*(m for m in one.module if isinstance(m, nn.Conv2d)))
    inputs = x[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(linear(inputs)[0, 1, 2, 2], inputs)
    value = one.module(x[None])[0, 1, 2, 2].detach()
    torch.testing.assert_close(down, gradient[0] * value / (4 if halve else 1))
    assert image_free(one.graph, one.layers["conv3"].node, "pass")
