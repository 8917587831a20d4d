"""Kinds of operations: each is passed down, or named where it can't be."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from atlas.errors import AtlasError
from atlas.networks import operations as ops
from atlas.networks.operations import Operation
from atlas.reconstruction.adjoints import ADJOINTS
from atlas.reconstruction.deconvnet import reconstruct
from tests.support.random_networks import wrapped


def kinds(base: type[Operation] = Operation) -> Iterator[type[Operation]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_kind_of_operation_has_a_backward_step() -> None:
    assert set(ADJOINTS) == set(kinds()) - {ops.Input}


@torch.library.custom_op("atlas_tests::halved", mutates_args=())
def halved(x: Tensor) -> Tensor:
    return x / 2


@halved.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Strange(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return halved(x)  # the line


def test_an_operation_that_nothing_can_pass_is_named_with_its_module_and_line() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Strange(), nn.Conv2d(4, 2, 3)).eval()
    network = wrapped(model, (3, 12, 12))
    lines = Path(__file__).read_text().splitlines()
    number = next(n for n, text in enumerate(lines, 1) if text.endswith("# the line"))
    with pytest.raises(AtlasError) as error:
        reconstruct(network, torch.rand(3, 12, 12), list(network.layers)[-1], 0, (1, 1))
    assert "halved in module 1 (" in str(error.value)
    assert f"{__file__}, line {number})" in str(error.value)
