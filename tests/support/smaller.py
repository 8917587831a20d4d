"""Models of torchvision and timm without what repeats itself: the same kinds of layers, but fewer.

A block that computes what the block before it computes, with weights of the same shapes, is traced,
scanned and projected back in the same way. Names stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torchvision
from torch import nn
from torchvision.models import AlexNet, DenseNet

from tests.support.traces import described


def without_repeats(model: nn.Module, kept: int = 1) -> nn.Module:
    """The model with so many of several equal blocks in a row; it is changed."""
    for chain in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        before, count = None, 0
        for name, block in list(chain.named_children()):
            said = described(block, without=("p",))  # how often training leaves a block out
            same = said is not None and said == before and any(True for _ in block.parameters())
            count = count + 1 if same else 1
            before = said
            if count > kept:
                delattr(chain, name)
    return model


def smaller(name: str, **options: Any) -> nn.Module:
    """A model of torchvision, random: few blocks, and few numbers where it flattens its maps."""
    if name == "densenet121":  # of whose layers each has more channels than the one before
        return DenseNet(32, (2, 2, 2, 2), 64)
    model = without_repeats(torchvision.models.get_model(name, weights=None, **options))
    if isinstance(model, AlexNet) or name.startswith("vgg"):
        width = 64
        for place, linear in model.classifier.named_children():
            if isinstance(linear, nn.Linear):
                channels = linear.in_features if linear.in_features != 4096 else width
                out = linear.out_features if linear.out_features != 4096 else width
                setattr(model.classifier, place, nn.Linear(channels, out))
    return model


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
