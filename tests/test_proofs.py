"""Twelve networks of timm, of as many families: what is promised of any network, proved on each.

What is compared with is the model itself, run eagerly: autograd, and a naive loop over images with
forward hooks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import NeuronDeconvolution, NeuronGradient, NeuronGuidedBackprop
from PIL import Image
from torch import Tensor, nn

import atlas
from atlas.images.preprocessing import Preprocessing
from atlas.networks.batching import CPU_SLOTS
from atlas.networks.layers import Layer
from atlas.networks.network import wrap
from atlas.reconstruction.recording import record
from tests.support.eager import Ruled, outputs
from tests.support.networks import doubled
from tests.support.smaller import without_repeats

SIZE = (64, 96)
IMAGES = 20
CAPTUM = {
    "deconvnet": NeuronDeconvolution,
    "guided": NeuronGuidedBackprop,
    "gradient": NeuronGradient,
}


CLASSES = 20


@dataclass(frozen=True)
class Case:
    """A model of timm and the layers that are tried.

    ``options`` are timm's own, which leave out repeated blocks and make the others narrow; ``cut``
    leaves out more, and ``make`` makes the model where timm has no such options. ``captum`` says
    whether Captum knows all its nonlinearities, which are those of nn.ReLU alone; ``gates`` whether
    it has gates.
    """

    model: str
    layers: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    cut: Callable[[Any], object] = without_repeats
    make: Callable[[], nn.Module] | None = None
    captum: bool = False
    gates: bool = False

    def __str__(self) -> str:
        return self.model

    def made(self) -> nn.Module:
        """The model with random weights."""
        timm = pytest.importorskip("timm")
        torch.manual_seed(0)
        if self.make:
            return stirred(self.make())
        model = timm.create_model(self.model, num_classes=CLASSES, **self.options)
        self.cut(model)
        return stirred(model)


def narrow_vgg() -> nn.Module:
    from timm.models.vgg import VGG

    widths = (16, "M", 32, "M", 64, 64, "M", 64, 64, "M", 64, 64, "M")
    return VGG(widths, num_classes=CLASSES, mlp_ratio=1 / 64)


def shallow_hrnet() -> nn.Module:
    from timm.models.hrnet import HighResolutionNet

    def stage(*channels: int, block: str = "BASIC") -> dict[str, Any]:
        branches = {"num_branches": len(channels), "num_channels": channels}
        each = {"num_modules": 1, "num_blocks": (1,) * len(channels), "fuse_method": "SUM"}
        return {"block_type": block, **branches, **each}

    stages = {
        "stage1": stage(16, block="BOTTLENECK"), "stage2": stage(16, 32), "stage3": stage(16, 32),
        "stage4": stage(16, 32, 32, 32),
    }  # fmt: skip
    return HighResolutionNet({"stem_width": 32, **stages}, num_classes=CLASSES)


def three_stages_of_regnet(model: Any) -> None:
    without_repeats(model)
    model.s4 = nn.Identity()
    model.num_features = 152
    model.reset_classifier(CLASSES)


def four_stages_of_efficientnet(model: Any) -> None:
    without_repeats(model)
    del model.blocks[4:]
    model.conv_head = type(model.conv_head)(80, 64, 1, bias=False)
    model.bn2 = type(model.bn2)(64)
    model.num_features = model.head_hidden_size = 64
    model.reset_classifier(CLASSES)


def six_stages_of_ghostnet(model: Any) -> None:
    del model.blocks[6:]
    model.conv_head, model.classifier = nn.Conv2d(40, 64, 1), nn.Linear(64, CLASSES)


ONE_EACH = (1, 1, 1, 1)  # blocks of each stage
CASES = (
    Case(  # torch.fx couldn't trace it: its head asks for the size
        "vgg11",
        ("features.0", "features.8", "features.18", "pre_logits.fc1"),
        make=narrow_vgg,
        captum=True,
    ),
    Case(  # nor this one: "same" padding asks for it; weights are standardised, and there are gates
        "dm_nfnet_f0",
        ("stages.0.0.conv3", "stages.1.0.downsample.conv", "stages.1.0.conv3", "stages.2.0"),
        {"depths": (1, 1, 1), "channels": (64, 128, 192), "stem_chs": 32, "group_size": 32,
         "num_features": 128},
        gates=True,
    ),
    Case(  # response normalisation
        "convnextv2_atto",
        ("stages.0.blocks.0.mlp.fc1", "stages.0.blocks.0", "stages.1.blocks.0.mlp.grn", "head.fc"),
        {"depths": ONE_EACH, "dims": (40, 80, 80, 80)},
        gates=True,
    ),
    Case(  # space to depth, gates, blurred pooling
        "tresnet_m",
        ("body.layer1.0.conv1.conv", "body.layer1.0", "body.layer2.0.conv1.aa", "body.layer3.0"),
        {"layers": ONE_EACH, "width_factor": 0.5},
        gates=True,
    ),
    Case(  # "same" padding
        "tf_efficientnet_lite0",
        ("conv_stem", "blocks.1.1", "blocks.2.0.conv_pwl", "blocks.3.0.conv_pwl"),
        cut=four_stages_of_efficientnet,
    ),
    Case(  # gates
        "regnety_002",
        ("s1.b1.conv2.conv", "s1.b1", "s2.b1.conv2.conv", "s3.b2"),
        cut=three_stages_of_regnet,
        gates=True,
    ),
    Case(  # split channels, each filtered with the last one's result
        "res2net50_14w_8s",
        ("conv1", "layer1.0.convs.2", "layer2.0.cat", "layer3.0.conv3"),
        {"layers": ONE_EACH, "channels": (32, 64, 64, 64), "block_args": {"scale": 4}},
        captum=True,
    ),
    Case(  # branches of several resolutions, exchanged
        "hrnet_w18_small",
        ("layer1.0.conv2", "stage2.0.branches.1.0.conv2", "stage3.0-2", "stage4.0-3"),
        make=shallow_hrnet,
        captum=True,
    ),
    Case(  # concatenations of all that went before
        "densenet121",
        (
            "features.denseblock1.denselayer2.conv1", "features.denseblock2",
            "features.transition2.conv", "features.denseblock3",
        ),
        {"block_config": (2, 2, 2)},
        captum=True,
    ),
    Case(  # sums of branches that training only needs
        "repvgg_a0",
        ("stem", "stages.0.1.add", "stages.1.1", "stages.2.1.conv_kxk.conv"),
        captum=True,
    ),
    Case(  # half of the maps made from the other half, gates
        "ghostnet_050",
        ("blocks.0.0.ghost1.cat", "blocks.2.0", "blocks.3.0.ghost2.cat", "blocks.5.0"),
        cut=six_stages_of_ghostnet,
        gates=True,
    ),
    Case(  # bands of rows and of columns
        "inception_next_atto",
        (
            "stages.0.blocks.0.token_mixer.dwconv_w", "stages.0.blocks.0.mlp.fc1",
            "stages.1.blocks.0.token_mixer", "head.fc1",
        ),
        {"depths": ONE_EACH, "dims": (40, 80, 80, 80)},
    ),
)  # fmt: skip


class Noise:
    """Pictures of random pixels, of which the last is the first once more."""

    def __init__(self) -> None:
        shape = (IMAGES, *SIZE, 3)
        self.pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        self.pixels[-1] = self.pixels[0]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index])


@dataclass(frozen=True)
class Place:
    """The call of a module whose output holds a layer's activations, among all calls."""

    layer: Layer = field(repr=False)
    path: str
    call: int

    def maps(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """The layer's feature maps, as the model itself computes them."""
        with outputs(model) as made:
            model(inputs)
        return self.layer.maps(made[self.call][1])


def stirred(model: nn.Module) -> nn.Module:
    """The model with every parameter and statistic changed, those too that begin at zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.parameters():
            if value.dim() < 2 or value.abs().max() < 1e-3:
                value += 0.3 * torch.randn(value.shape, generator=generator)
        for name, value in model.named_buffers():
            if name.endswith("running_mean"):
                value += 0.1 * torch.randn(value.shape, generator=generator)
            if name.endswith("running_var"):
                value *= 0.5 + torch.rand(value.shape, generator=generator)
    return model.eval().requires_grad_(False)


def found(network: atlas.Network, names: tuple[str, ...], inputs: Tensor) -> list[Place]:
    """Where the model itself computes these layers, to the bit."""
    layers = [network.layer(name) for name in names]
    nodes = [layer.node for layer in layers]
    with torch.no_grad(), outputs(network.module) as made:
        network.module(inputs)
    values = record(network.graph, inputs, nodes, "deconvnet").activations
    return [
        next(
            Place(layer, path, call)
            for call, (path, output) in enumerate(made)
            if torch.equal(output, values[layer.node])
        )
        for layer in layers
    ]


def check_nine(network: atlas.Network, places: list[Place]) -> None:
    """The top nine are those of a loop over the images, of which each has its own slot."""
    images = Noise()
    top = atlas.scan(network, images, layers=[place.layer.id for place in places]).records
    fired: dict[tuple[str, int], list[tuple[float, int, int]]] = defaultdict(list)
    for start in range(0, IMAGES, CPU_SLOTS):
        some = images.pixels[start : start + CPU_SLOTS]
        slots = np.zeros((CPU_SLOTS, *some.shape[1:]), np.uint8)
        slots[: len(some)] = some
        with torch.no_grad(), outputs(network.module) as calls:
            network.module(network.inputs(slots))
        for place in places:
            maps = place.layer.maps(calls[place.call][1]).flatten(2).numpy()
            for index in range(start, min(start + len(some), IMAGES - 1)):
                for unit, values in enumerate(maps[index - start]):
                    at = int(values.argmax())
                    if values[at] > 0:
                        fired[place.layer.id, unit].append((-float(values[at]), index, at))
    for place in places:
        own, width = top[place.layer.id], place.layer.shape[2]
        for unit in range(place.layer.units):
            those = fired[place.layer.id, unit]
            nine, kept = sorted(those)[:9], own.count(unit)
            assert (own.fired[unit], kept) == (len(those), len(nine)), (place, unit)
            assert own.value[unit, :kept].tolist() == [-value for value, _, _ in nine]
            assert own.image[unit, :kept].tolist() == [index for _, index, _ in nine]
            where = [list(divmod(at, width)) for _, _, at in nine]
            assert own.position[unit, :kept].tolist() == where, (place, unit)


def out_of_place(model: nn.Module) -> nn.Module:
    """The model with rectifications that overwrite nothing, as Captum's hooks need them."""
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return model


def check_rules(network: atlas.Network, places: list[Place], x: Tensor, captum: bool) -> None:
    """Each rule is autograd through the model itself, with that rule at nonlinearities.

    With ``captum`` it is what Captum finds, too, where a module is called once.
    """
    known = 0
    model = out_of_place(network.module)
    for rule in CAPTUM:
        image = x.clone().requires_grad_()
        with Ruled(rule), outputs(model) as calls:
            model(image)
        for place in places:
            maps = place.layer.maps(calls[place.call][1])
            flat = maps.detach().flatten(2)[0]
            unit = int(flat.amax(1).argsort()[-3])
            row, column = divmod(int(flat[unit].argmax()), place.layer.shape[2])
            value = maps[0, unit, row, column]
            assert value > 0, place
            (expected,) = torch.autograd.grad(value, image, value.detach(), retain_graph=True)
            ours = atlas.reconstruct(network, x[0], place.layer.id, unit, (row, column), rule)
            agree(ours, expected[0], place, rule)
            if captum and [path for path, _ in calls].count(place.path) == 1:
                method = CAPTUM[rule](model, model.get_submodule(place.path))
                found = method.attribute(x, (unit, row, column))[0].detach() * value.detach()
                agree(found, expected[0], place, rule, "Captum")
                known += 1
    assert bool(known) == captum


def agree(one: Tensor, other: Tensor, *what: object) -> None:
    scale = other.abs().max()
    assert scale > 0, what
    error = float((one - other).abs().max() / scale)
    assert error < 1e-10, (what, error)


def check_fields(network: atlas.Network, places: list[Place], x: Tensor, gates: bool) -> None:
    """Nothing outside a true box matters, to the bit, nor does a reconstruction reach it.

    With every gate replaced by its value, this holds of the field with gates held.
    """
    image = x.clone().requires_grad_()
    with Ruled() as ruled:
        network.module(image)
    assert bool(ruled.gates) == gates
    for held in (None, ruled.gates):
        clipped = [check_field(network, place, x, held) for place in places]
        assert any(clipped), "all fields are the whole image"
        if not gates:
            return


def check_field(network: atlas.Network, place: Place, x: Tensor, held: list[Tensor] | None) -> bool:
    """The same of one layer, in its middle and in a corner.

    Returns whether anything lies outside its boxes.
    """

    def maps(inputs: Tensor) -> Tensor:
        if held is None:
            with torch.no_grad():
                return place.maps(network.module, inputs)
        with Ruled(held=held):
            return place.maps(network.module, inputs.clone().requires_grad_()).detach()

    layer = place.layer
    noise = 3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(7)).to(x)
    field, before = layer.field if held is None else layer.held, None
    for row, column in ((layer.shape[1] // 2, layer.shape[2] // 2), (0, layer.shape[2] - 1)):
        box = field.true_box(row, column)
        outside = torch.ones(SIZE, dtype=torch.bool)
        outside[box.top : box.bottom, box.left : box.right] = False
        if not outside.any():
            continue
        before = maps(x) if before is None else before
        here = before[..., row, column]
        after = maps(torch.where(outside, noise, x))[..., row, column]
        assert torch.equal(here, after), place
        assert not torch.equal(here, maps(torch.where(outside, x, noise))[..., row, column]), place
        unit = int(here[0].argmax())
        for rule in CAPTUM:
            found = atlas.reconstruct(network, x[0], layer.id, unit, (row, column), rule)
            assert found[:, outside].abs().sum() == 0, (place, rule)
    return before is not None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Captum's own hooks
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_promised_holds(case: Case) -> None:
    network = wrap(case.made(), Preprocessing(None, SIZE, (0.5,) * 3, (0.25,) * 3), case.model)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, 3, *SIZE, generator=generator, dtype=torch.float64)
    check_nine(network, found(network, case.layers, x.float()))
    network = doubled(network)
    places = found(network, case.layers, x)
    check_rules(network, places, x, case.captum)
    check_fields(network, places, x, case.gates)
