"""Models of torchvision and timm without what repeats itself: the same kinds of layers, but fewer.

A block that computes what a block before it computes is traced, scanned and projected back in the
same way, whatever its numbers. So networks are cut short where nothing new follows, and have few
classes. Names stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models import efficientnet, mobilenetv3, resnet, vgg
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.googlenet import Inception
from torchvision.models.regnet import BlockParams, RegNet

from tests.support.traces import described

CLASSES = 20
FLAT = 64  # units of linear layers that maps are flattened for
LAST = 128  # channels after the last block


def without_repeats(model: nn.Module) -> nn.Module:
    """The model with one of several equal blocks in a row; it is changed."""
    for chain in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        before = None
        for name, block in list(chain.named_children()):
            said = described(block, without=("p",))  # how often training leaves a block out
            if said is not None and said == before and any(True for _ in block.parameters()):
                delattr(chain, name)
            before = said
    return model


def smaller(name: str, **options: Any) -> nn.Module:
    """A model of torchvision, random, with few blocks."""
    return without_repeats(_cut(name, {"num_classes": CLASSES, **options}))


def _cut(name: str, options: dict[str, Any]) -> nn.Module:
    if name == "alexnet":
        return _alexnet(**options)
    if name.startswith("vgg"):
        return _vgg(name, **options)
    if "resne" in name:
        return _resnet(name, **options)
    if name == "densenet121":  # of whose layers each has more channels than the one before
        return torchvision.models.DenseNet(32, (2, 2), 64, **options)
    if name == "efficientnet_b0":
        stages, _ = efficientnet._efficientnet_conf(name, width_mult=1.0, depth_mult=1.0)
        return efficientnet.EfficientNet(stages[:3], 0.2, last_channel=LAST, **options)
    if name == "efficientnet_v2_s":
        first, second, _, slim, *_ = efficientnet._efficientnet_conf(name)[0]
        stages = [first, second, replace(slim, input_channels=second.out_channels)]
        return efficientnet.EfficientNet(stages, 0.2, last_channel=LAST, **options)
    if name == "mobilenet_v2":
        stages = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 1, 2]]
        return torchvision.models.MobileNetV2(inverted_residual_setting=stages, **options)
    if name == "mobilenet_v3_small":
        blocks, _ = mobilenetv3._mobilenet_v3_conf(name)
        return mobilenetv3.MobileNetV3(blocks[:5], LAST, **options)
    if name == "shufflenet_v2_x0_5":
        return torchvision.models.ShuffleNetV2([2, 1, 1], [24, 48, 96, 192, LAST], **options)
    if name.startswith("regnet"):
        widths, group, gate = ([48, 104], 8, 0.25) if "_y_" in name else ([32, 64], 16, None)
        twice = {"group_widths": [group] * 2, "bottleneck_multipliers": [1.0] * 2}
        return RegNet(
            BlockParams([2, 1], widths, strides=[2, 2], se_ratio=gate, **twice), **options
        )
    if name == "convnext_tiny":
        return ConvNeXt([CNBlockConfig(96, 192, 1), CNBlockConfig(192, None, 1)], 0.1, **options)
    model = torchvision.models.get_model(name, weights=None, **options)
    if name == "mnasnet0_5":
        for stack in model.layers[10:14]:
            del stack[1:]
    if name == "squeezenet1_1":
        for place in ("7", "10", "12"):
            delattr(model.features, place)
    if name == "googlenet":
        for place in ("4a", "4b", "4c", "4d", "4e", "5a"):
            setattr(model, f"inception{place}", nn.Identity())
        model.inception5b = Inception(480, 384, 192, 384, 48, 128, 128)
    if name == "inception_v3":
        for place in ("5d", "6c", "6d", "6e", "7c"):
            setattr(model, f"Mixed_{place}", nn.Identity())
    return model


def _alexnet(num_classes: int) -> nn.Module:
    with torch.device("meta"):  # its 60 million numbers take a second to draw
        model = torchvision.models.AlexNet(num_classes)
    for module in model.features.to_empty(device="cpu"):
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()
    return _flat(model)


def _vgg(name: str, num_classes: int) -> nn.Module:
    """A quarter as wide."""
    widths = vgg.cfgs[{"vgg11": "A", "vgg16": "D"}[name.removesuffix("_bn")]]
    narrow = [width if isinstance(width, str) else width // 4 for width in widths]
    features = vgg.make_layers(narrow, batch_norm=name.endswith("_bn"))
    with torch.device("meta"):
        model = vgg.VGG(features, num_classes)
    return _flat(model, narrow[-2] * 49)


def _flat(model: nn.Module, flattened: int | None = None) -> nn.Module:
    """The model with few numbers in its linear layers."""
    for place, linear in model.classifier.named_children():
        if isinstance(linear, nn.Linear):
            channels = FLAT if linear.in_features == 4096 else flattened or linear.in_features
            out = FLAT if linear.out_features == 4096 else linear.out_features
            setattr(model.classifier, place, nn.Linear(channels, out))
    return model


def _resnet(name: str, num_classes: int) -> nn.Module:
    """Without its fourth stage."""
    if name == "resnet18":
        model = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1])
    else:
        more = {"resnext50_32x4d": {"groups": 32, "width_per_group": 4},
                "wide_resnet50_2": {"width_per_group": 128}}[name]  # fmt: skip
        model = resnet.ResNet(resnet.Bottleneck, [2, 1, 1, 1], **more)
    model.layer4 = nn.Identity()
    model.fc = nn.Linear(model.fc.in_features // 2, num_classes)
    return model


@contextmanager
def single_blocks(**options: Any) -> Iterator[None]:
    """Whatever makes a model of timm gets it without repeated blocks, and with these options."""
    timm = pytest.importorskip("timm")
    whole = timm.create_model

    def create_model(*given: Any, **named: Any) -> nn.Module:
        return without_repeats(whole(*given, num_classes=CLASSES, **options, **named))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timm, "create_model", create_model)
        yield


@contextmanager
def smaller_models() -> Iterator[None]:
    """Whatever loads a model of torchvision by its name gets the smaller one."""
    whole = torchvision.models.get_model

    def get_model(name: str, **options: Any) -> nn.Module:
        with patch.context() as original:
            original.setattr(torchvision.models, "get_model", whole)
            return smaller(name, **{k: v for k, v in options.items() if k != "weights"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torchvision.models, "get_model", get_model)
        yield
