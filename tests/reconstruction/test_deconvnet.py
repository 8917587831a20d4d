import numpy as np
import pytest
import torch
from torch import nn

import atlas
from atlas.demo.world import draw
from atlas.errors import UsageError
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import wrap
from atlas.reconstruction.deconvnet import one_hot_signal, project_back
from atlas.reconstruction.recording import joined, record
from atlas.reconstruction.windows import Window, whole
from tests.support import explicit as ex
from tests.support.networks import doubled, loaded

SIZE = (97, 80)  # rows and columns of an input


def filters(module: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    assert isinstance(module, nn.Conv2d)
    assert module.bias is not None
    return module.weight.detach().double().numpy(), module.bias.detach().double().numpy()


def strongest(maps: torch.Tensor, unit: int) -> tuple[int, int]:
    row, column = divmod(int(maps[unit].argmax()), maps.shape[2])
    return row, column


def activation(network: atlas.Network, inputs: torch.Tensor, layer: str) -> torch.Tensor:
    node = network.layers[layer].node
    return record(network.graph, inputs[None], [node], "deconvnet").activations[node][0]


def agree(ours: torch.Tensor, reference: np.ndarray) -> None:
    assert np.abs(reference).max() > 0
    error = np.abs(ours.detach().numpy() - reference).max() / np.abs(reference).max()
    assert error < 1e-10


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3", "conv4", "conv5"])
def test_demo_network_equals_the_explicit_descent(layer: str) -> None:
    network = doubled(atlas.load_network("demo"))
    stimulus = network.inputs(np.asarray(draw(3, 5).pixels)[None])[0]
    names = ["conv1", "conv2", "conv3", "conv4", "conv5"]
    names = names[: names.index(layer) + 1]
    # up: convolution, rectification, then pooling after 1 and 2
    x, steps = stimulus.numpy(), []
    for name in names:
        module = getattr(network.module, name)
        weight, bias = filters(module)
        stride, padding = module.stride[0], module.padding[0]
        steps.append(("filter", weight, stride, padding, x.shape))
        x = ex.rectify(ex.convolve(x, weight, bias, stride, padding))
        pooling = getattr(network.module, "pool" + name[-1], None)
        if name != layer and pooling is not None:
            steps.append(("pool", x.shape))
            kernel, stride_ = pooling.kernel_size, pooling.stride
            assert pooling.padding == 0 or isinstance(pooling.padding, int)
            padded = pooling.padding
            assert padded == 0
            x, switches = ex.pool(x, kernel, stride_, pooling.ceil_mode)
            steps[-1] = ("pool", switches, steps[-1][1])
    for unit in (0, 7, 20):
        row, column = strongest(torch.from_numpy(x), unit)
        if x[unit, row, column] <= 0:
            continue
        # down: rectify, filter with the transposed filters, unpool
        y = np.zeros_like(x)
        y[unit, row, column] = x[unit, row, column]
        for step in reversed(steps):
            if step[0] == "filter":
                _, weight, stride, padding, shape = step
                y = ex.transposed(ex.rectify(y), weight, stride, padding, shape)
            else:
                y = ex.unpool(y, step[1], step[2])
        agree(atlas.reconstruct(network, stimulus, layer, unit, (row, column)), y)


def test_squeezenet_equals_the_explicit_descent() -> None:
    network = loaded("squeezenet1_1", seed=4, crop=SIZE, double=True)
    generator = torch.Generator().manual_seed(1)
    stimulus = torch.randn(3, *SIZE, generator=generator, dtype=torch.float64)
    features = network.module.features
    fire = {i: [filters(getattr(features[i], n)) for n in ("squeeze", "expand1x1", "expand3x3")]
            for i in (3, 4, 6)}  # fmt: skip
    weight0, bias0 = filters(features[0])
    conv1 = ex.rectify(ex.convolve(stimulus.numpy(), weight0, bias0, 2, 0))
    pooled, switches = ex.pool(conv1, 3, 2, ceil=True)

    def up(x: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
        (ws, bs), (w1, b1), (w3, b3) = fire[index]
        squeezed = ex.rectify(ex.convolve(x, ws, bs, 1, 0))
        one = ex.rectify(ex.convolve(squeezed, w1, b1, 1, 0))
        three = ex.rectify(ex.convolve(squeezed, w3, b3, 1, 1))
        return squeezed, np.concatenate([one, three])

    def down(y: np.ndarray, index: int, squeezed: np.ndarray, x: np.ndarray) -> np.ndarray:
        (ws, _), (w1, _), (w3, _) = fire[index]
        half = len(w1)
        below = ex.transposed(ex.rectify(y[:half]), w1, 1, 0, squeezed.shape)
        below += ex.transposed(ex.rectify(y[half:]), w3, 1, 1, squeezed.shape)
        return ex.transposed(ex.rectify(below), ws, 1, 0, x.shape)

    squeezed3, fire3 = up(pooled, 3)
    squeezed4, fire4 = up(fire3, 4)
    pooled4, switches4 = ex.pool(fire4, 3, 2, ceil=True)
    squeezed6, fire6 = up(pooled4, 6)
    strength = fire6.max((1, 2))
    for unit in (int(strength[:192].argmax()), 192 + int(strength[192:].argmax())):
        row, column = strongest(torch.from_numpy(fire6), unit)
        assert fire6[unit, row, column] > 0
        y = np.zeros_like(fire6)
        y[unit, row, column] = fire6[unit, row, column]
        y = ex.unpool(down(y, 6, squeezed6, pooled4), switches4, fire4.shape)
        y = down(down(y, 4, squeezed4, fire3), 3, squeezed3, pooled)
        y = ex.rectify(ex.unpool(y, switches, conv1.shape))
        y = ex.transposed(y, weight0, 2, 0, tuple(stimulus.shape))
        agree(atlas.reconstruct(network, stimulus, "features.6", unit, (row, column)), y)


@pytest.fixture(scope="module")
def squeezenet() -> atlas.Network:
    return loaded("squeezenet1_1", seed=2, crop=SIZE, double=True)


@pytest.mark.parametrize("layer", ["features.0", "features.4", "features.6.expand3x3"])
def test_what_lies_outside_the_true_box_does_not_matter(
    squeezenet: atlas.Network, layer: str
) -> None:
    generator = torch.Generator().manual_seed(5)
    stimulus, other = torch.randn(2, 3, *SIZE, generator=generator, dtype=torch.float64)
    maps = activation(squeezenet, stimulus, layer)
    _, height, width = maps.shape
    for row, column in [(0, 0), (height // 2, 3), (height - 1, width - 1)]:
        box = atlas.receptive_field(squeezenet, layer).true_box(row, column)
        inside = (slice(None), slice(box.top, box.bottom), slice(box.left, box.right))
        changed = other.clone()
        changed[inside] = stimulus[inside]
        assert torch.equal(activation(squeezenet, changed, layer)[:, row, column],
                           maps[:, row, column])  # fmt: skip
        unit = int(maps[:, row, column].argmax())
        assert maps[unit, row, column] > 0
        for rule in ("deconvnet", "guided", "gradient"):
            found = atlas.reconstruct(squeezenet, stimulus, layer, unit, (row, column), rule)
            assert found[inside].abs().max() > 0
            found[inside] = 0
            assert found.abs().max() == 0


def small(*modules: nn.Module, size: int = 16) -> atlas.Network:
    torch.manual_seed(0)
    model = nn.Sequential(*modules).double().eval()
    return wrap(model, Preprocessing(None, (size, size), (0.5,) * 3, (0.5,) * 3))


def test_the_gradient_rule_is_the_gradient() -> None:
    network = small(
        nn.Conv2d(3, 6, 3, bias=True), nn.BatchNorm2d(6), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(6, 8, 3, padding="same"), nn.SiLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(32, 5),
    )  # fmt: skip
    x = torch.randn(3, 16, 16, dtype=torch.float64, requires_grad=True)
    value = network.module(x[None])[0, 3]
    (gradient,) = torch.autograd.grad(value, x)
    found = atlas.reconstruct(network, x.detach(), "fc1", 3, (0, 0), "gradient")
    torch.testing.assert_close(found, gradient * value.detach(), rtol=1e-12, atol=1e-14)


def test_overlapping_windows_that_share_a_switch_add() -> None:
    network = small(nn.Conv2d(3, 1, 1, bias=False), nn.MaxPool2d(3, 2), nn.Conv2d(1, 1, 2), size=5)
    first, last = network.module[0], network.module[2]
    with torch.no_grad():
        first.weight.fill_(1.0)
        last.weight.fill_(1.0)
    x = torch.zeros(3, 5, 5, dtype=torch.float64)
    x[:, 2, 2] = 1  # the maximum of all four windows
    value = network.module(x[None])[0, 0, 0, 0].item()
    found = atlas.reconstruct(network, x, "conv2", 0, (0, 0))
    expected = torch.zeros_like(x)
    expected[:, 2, 2] = 4 * value
    torch.testing.assert_close(found, expected)


def test_biases_play_no_part_on_the_way_down() -> None:
    network = small(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
    x = torch.rand(3, 16, 16, dtype=torch.float64)
    first = network.module[0]
    with torch.no_grad():
        first.bias.fill_(100.0)  # every activation of the first layer is positive, before and after
    before = atlas.reconstruct(network, x, "conv1", 1, (4, 4))
    raised = activation(network, x, "conv1")[1, 4, 4]
    torch.testing.assert_close(
        before[:, 4:7, 4:7], first.weight[1].detach() * raised, rtol=1e-12, atol=1e-12
    )


def test_a_batch_gives_what_single_descents_give() -> None:
    network = small(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3), nn.ReLU())
    node = network.layers["conv2"].node
    x = torch.randn(3, 3, 16, 16, dtype=torch.float64)
    both = joined([record(network.graph, x[:2], [node], "guided"),
                   record(network.graph, x[2:], [node], "guided")])  # fmt: skip
    of, units = torch.tensor([2, 0, 2, 1]), torch.tensor([0, 1, 4, 4])
    positions = torch.tensor([[0, 0], [1, 2], [3, 3], [4, 0]])
    layer = network.layers["conv2"]
    values = both.activations[node][of, units, positions[:, 0], positions[:, 1]]
    signal = one_hot_signal(layer, values, units=units, positions=positions)
    down = project_back(both, node, signal, stimulus=of, rule="guided")
    found = whole(down, (3, 16, 16)).values
    for i in range(4):
        one = atlas.reconstruct(
            network, x[of[i]], "conv2", int(units[i]), tuple(positions[i].tolist()), "guided"
        )
        torch.testing.assert_close(found[i], one, rtol=1e-12, atol=1e-14)


SMALL = ("alexnet", "resnet18", "squeezenet1_1")


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
@pytest.mark.parametrize(
    "name",
    [
        *SMALL,
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (
                "vgg11_bn",
                "googlenet",
                "mobilenet_v3_small",
                "densenet121",
                "shufflenet_v2_x0_5",
            )
        ),
    ],
)
def test_windows_give_what_whole_tensors_give(name: str, rule: str) -> None:
    size = SIZE if name in SMALL else (65, 50)
    network = loaded(name, crop=size, double=True)
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(2, 3, *size, generator=generator, dtype=torch.float64)
    layers = list(network.layers.values())
    layers = layers[:: max(1, len(layers) // 6)]
    recording = record(network.graph, x, [layer.node for layer in layers], rule)
    of = torch.tensor([0, 1, 1])
    for layer in layers:
        maps = layer.maps(recording.activations[layer.node])
        _, height, width = layer.shape
        positions = torch.tensor([[0, 0], [height // 2, width // 3], [height - 1, width - 1]])
        units = maps[of, :, positions[:, 0], positions[:, 1]].argmax(1)
        values = maps[of, units, positions[:, 0], positions[:, 1]]
        first = one_hot_signal(layer, values, units=units, positions=positions)
        local = project_back(recording, layer.node, first, stimulus=of, rule=rule)
        all_of_it = whole(first, layer.shape)
        full = project_back(recording, layer.node, all_of_it, stimulus=of, rule=rule)
        assert isinstance(full, Window) and full.is_whole
        found = whole(local, (3, *size)).values
        scale = full.values.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-300)
        assert ((found - full.values).abs() / scale).max() < 1e-10, layer.id


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3)).train()
    network = wrap(model, Preprocessing(None, (8, 8), (0.0,) * 3, (1.0,) * 3))
    state = {k: v.clone() for k, v in model.state_dict().items()}
    atlas.reconstruct(network, torch.randn(3, 8, 8), "conv1", 0, (0, 0))
    assert model.training and model[1].inplace
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._backward_hooks for m in model.modules())


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("conv9", 0, (0, 0)), "conv9"),
        (("conv1", 48, (0, 0)), "48 units"),
        (("conv1", 0, (0, 500)), "positions"),
        (("conv1", 0, (0, 0), "magic"), "magic"),
    ],
)
def test_what_does_not_exist_is_said(arguments: tuple, word: str) -> None:
    network = atlas.load_network("demo")
    with pytest.raises(UsageError, match=word):
        atlas.reconstruct(network, np.zeros((128, 128, 3), np.uint8), *arguments)
