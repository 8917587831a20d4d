"""The rule lrp: relevance adds up, and is what one gets contribution by contribution."""

import functools
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import atlas
from atlas.evidence.control import control_twin
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import wrap
from atlas.networks.operations import BatchNorm, Convolution
from atlas.reconstruction import windows
from atlas.reconstruction.adjoints import batch_norm_factor
from atlas.reconstruction.deconvnet import one_hot_signal, project_back
from atlas.reconstruction.projection import Projection
from atlas.reconstruction.recording import record
from atlas.reconstruction.relevance import EPSILON
from tests.support.networks import loaded


@functools.cache
def tangle(size: int = 14) -> atlas.Network:
    return network(Tangle(), size)


def network(model: nn.Module, size: int = 14) -> atlas.Network:
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -1, 1)  # factors below zero, too
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    preprocessing = Preprocessing(None, (size, size), (0.5,) * 3, (0.5,) * 3)
    return wrap(model.double().eval(), preprocessing)


def stimulus(size: int = 14) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, size, size, generator=generator, dtype=torch.float64)


def strongest(one: atlas.Network, layer: str, x: Tensor) -> tuple[int, tuple[int, int], float]:
    node = one.layers[layer].node
    maps = one.layers[layer].maps(record(one.graph, x[None], [node], "lrp").activations[node])[0]
    place = np.unravel_index(int(maps.argmax()), maps.shape)
    return int(place[0]), (int(place[1]), int(place[2])), float(maps.max())


class Tangle(nn.Module):
    """Sums, concatenations, gates, norms, and poolings of either kind, some of uneven windows."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.deep = nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=2)
        self.norm2 = nn.BatchNorm2d(6)
        self.wide = nn.Conv2d(6, 4, (2, 3), padding="same")
        self.gate = nn.Conv2d(10, 10, 1)
        self.last = nn.Conv2d(10, 8, 3, stride=2)
        self.own = nn.GroupNorm(2, 8)
        self.out = nn.Linear(8, 5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.norm(self.first(x)).relu(), 3, 2, ceil_mode=True)
        y = self.norm2(self.deep(x)) + x  # below zero here and there
        x = torch.cat([F.avg_pool2d(x + 1, 3, 1, 1), F.silu(self.wide(y.relu()))], 1)
        x = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        x = self.own(self.last(F.pad(x, (1, 0, 2, 1)) / 2)).relu()
        return self.out(F.adaptive_avg_pool2d(x, 1).flatten(1))


@pytest.mark.parametrize("layer", ["first", "deep", "add", "wide", "cat", "last", "out"])
def test_relevance_adds_up_to_the_activation(layer: str) -> None:
    one, x = tangle(), stimulus()
    unit, position, value = strongest(one, layer, x)
    assert value > 0
    down = atlas.reconstruct(one, x, layer, unit, position, "lrp")
    assert float(down.sum()) == pytest.approx(value, rel=1e-3 if layer == "out" else 1e-4)
    assert down.abs().max() > 0


def test_what_a_bias_takes_is_lost_in_linear_layers_alone() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(4 * 10 * 10, 3),
    )  # fmt: skip
    one, x = network(model), stimulus()
    with torch.no_grad():
        model[0].bias.fill_(5.0)
        model[2].bias.fill_(7.0)
        model[5].bias.fill_(2.0)
    unit, position, value = strongest(one, "conv2", x)
    assert float(atlas.reconstruct(one, x, "conv2", unit, position, "lrp").sum()) == pytest.approx(
        value, rel=1e-12
    )
    unit, position, value = strongest(one, "fc1", x)
    total = float(atlas.reconstruct(one, x, "fc1", unit, position, "lrp").sum())
    assert total == pytest.approx((value - 2.0) * value / (value + EPSILON), rel=1e-9)


def shared(relevance: np.ndarray, contributions: np.ndarray) -> np.ndarray:
    """Relevance ``[O]`` shared by contributions ``[O, I]``: ``[I]``; by definition, one by one."""
    below = np.zeros(contributions.shape[1])
    for unit, amount in enumerate(relevance):
        total = contributions[unit].sum()
        if total != 0:
            below += contributions[unit] / total * amount
    return below


def matrix(convolve: nn.Module, shape: tuple[int, ...], weight: Tensor) -> np.ndarray:
    """A convolution as the matrix of its weights, by what it makes of each pixel alone."""
    pixels = torch.eye(int(np.prod(shape)), dtype=torch.float64).view(-1, *shape)
    out = F.conv2d(pixels, weight, None, convolve.stride, convolve.padding)
    return out.flatten(1).T.numpy()


def test_a_tiny_network_contribution_by_contribution() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 3, 2, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4), nn.Conv2d(4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4),
    )  # fmt: skip
    one, x = network(model, size=6), stimulus(6)
    values = [x[None]]
    with torch.no_grad():
        for module in model:
            values.append(module(values[-1]))
    unit, value = int(values[-1].argmax()), float(values[-1].max())
    dense = model[8]
    inputs = values[8][0].detach().numpy()
    # with a bias, which takes its share
    contributions = np.concatenate(
        [dense.weight.detach().numpy() * inputs, dense.bias.detach().numpy()[:, None]], 1
    )
    relevance = shared(value * np.eye(4)[unit], contributions)[:-1]  # [12]
    norm = model[4]
    factor = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
    for place, scale in ((5, None), (3, factor)):  # the norm folded into the filters below it
        weight = model[place].weight.detach()
        if scale is not None:
            weight = weight * scale[:, None, None, None]
        below = values[place][0].detach()
        linear = matrix(model[place], tuple(below.shape), weight)
        made = linear * below.flatten().numpy()
        relevance = shared(relevance, np.where(made > 0, made, 0))
    pooled, unpooled = values[2][0], np.zeros(values[2][0].shape)
    for c, i, j in itertools.product(*map(range, values[3][0].shape)):
        part = pooled[c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        row, column = divmod(int(part.argmax()), part.shape[1])
        unpooled[c, 2 * i + row, 2 * j + column] += relevance.reshape(values[3][0].shape)[c, i, j]
    seen = matrix(model[0], (3, 6, 6), torch.ones_like(model[0].weight))
    expected = shared(unpooled.ravel(), seen).reshape(3, 6, 6)
    ours = atlas.reconstruct(one, x, "fc1", unit, (0, 0), "lrp").numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_windows_give_what_whole_signals_give() -> None:
    one, x = tangle(40), stimulus(40)
    layer = one.layers["wide"]
    recording = record(one.graph, x[None], [layer.node], "lrp")
    unit, position, value = strongest(one, "wide", x)
    signal = one_hot_signal(
        layer, torch.tensor([value], dtype=torch.float64), units=torch.tensor([unit]),
        positions=torch.tensor([position]),
    )  # fmt: skip
    of = torch.tensor([0])
    local = project_back(recording, layer.node, signal, stimulus=of, rule="lrp")
    everywhere = windows.whole(signal, layer.shape)
    full = project_back(recording, layer.node, everywhere, stimulus=of, rule="lrp")
    assert not local.is_whole
    torch.testing.assert_close(windows.whole(local, one.graph.input_shape).values, full.values)


def test_a_twin_has_batch_norms_of_its_own() -> None:
    one, x = tangle(), stimulus()
    twin = control_twin(one.graph)
    recording = record(one.graph, x[None], [one.layers["wide"].node], "gradient")
    other = replace(recording, graph=twin)
    norms = [n for n, o in one.graph.operations.items() if isinstance(o, BatchNorm)]
    of = torch.tensor([0])
    for norm in norms:
        own = batch_norm_factor(Projection(recording, of), one.graph.operations[norm])
        shuffled = batch_norm_factor(Projection(other, of), twin.operations[norm])
        assert not torch.equal(own, shuffled)
        weights = [module.weight for module in one.module.modules()
                   if isinstance(module, nn.BatchNorm2d)]  # fmt: skip
        assert any(own.shape[1] == len(weight) for weight in weights)


def test_convolutions_record_their_inputs_for_this_rule_alone() -> None:
    one, x = tangle(), stimulus()
    node = one.layers["wide"].node
    kinds = {
        rule: {
            type(one.graph.operations[n]) for n in record(one.graph, x[None], [node], rule).inputs
        }
        for rule in ("deconvnet", "lrp")
    }
    assert Convolution in kinds["lrp"] and Convolution not in kinds["deconvnet"]


LAYERS = {
    "alexnet": ["conv1", "conv4", "fc1"],
    "vgg16": ["conv7", "conv13"],
    "resnet18": ["layer1.0.conv1", "layer2.0", "layer2.0.downsample.0", "fc"],
}


@pytest.mark.filterwarnings("ignore")  # of zennit's own hooks
@pytest.mark.parametrize(
    "name", ["alexnet", "resnet18", pytest.param("vgg16", marks=pytest.mark.slow)]
)
def test_zennit_agrees(name: str) -> None:
    composites = pytest.importorskip("zennit.composites")
    types, rules = pytest.importorskip("zennit.types"), pytest.importorskip("zennit.rules")
    from zennit.torchvision import ResNetCanonizer

    one = loaded(name, seed=11, crop=(64, 64), double=True)
    x = stimulus(64)
    convolution, tiny = types.Convolution, 1e-12
    composite = composites.SpecialFirstLayerMapComposite(
        first_map=[(convolution, rules.Flat(stabilizer=tiny))],
        layer_map=[
            (types.Activation, rules.Pass()),
            (pytest.importorskip("zennit.layer").Sum, rules.Norm()),
            (types.AvgPool, rules.Norm()),
            (types.BatchNorm, rules.Pass()),
            (convolution, rules.ZPlus(stabilizer=tiny, zero_params="bias")),
            (nn.Linear, rules.Epsilon(EPSILON)),
        ],
        canonizers=[ResNetCanonizer()] if name == "resnet18" else [],
    )
    rectifications = [m for m in one.module.modules() if isinstance(m, nn.ReLU) and m.inplace]
    for module in rectifications:
        module.inplace = False
    try:
        for layer in LAYERS[name]:
            unit, position, value = strongest(one, layer, x)
            ours = atlas.reconstruct(one, x, layer, unit, position, "lrp")
            found: dict[str, Tensor] = {}
            with composite.context(one.module) as model:
                inner = model.get_submodule(one.layers[layer].module)
                hook = inner.register_forward_hook(lambda m, i, o, found=found: found.update(o=o))
                inputs = x[None].clone().requires_grad_()
                model(inputs)
                hook.remove()
                start = torch.zeros_like(found["o"])
                start[(0, unit, *position)[: start.dim()]] = value
                (theirs,) = torch.autograd.grad(found["o"], inputs, start)
            error = (ours - theirs[0]).abs().max() / theirs.abs().max()
            assert error < 1e-4, (layer, float(error))
    finally:
        for module in rectifications:
            module.inplace = True
