"""A model that can't be traced is told by its own file and line, or by none."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from atlas.errors import AtlasError
from atlas.networks.graph import Graph

PACKAGE = Path(Graph.run.__code__.co_filename).parent.parent


class Branches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:  # error
            return x
        return -x


class CallsTorch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        torch.manual_seed(x.sum())  # error
        return x


class CallsTheStandardLibrary(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * math.floor(x.sum())  # error


class Holds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(Branches())

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


def line_of(model: type[nn.Module]) -> int:
    lines = Path(__file__).read_text().splitlines()
    start = lines.index(f"class {model.__name__}(nn.Module):")
    return next(n for n, line in enumerate(lines, 1) if n > start and "# error" in line)


@pytest.mark.parametrize(
    ("model", "at"),
    [
        (Branches, Branches),
        (Holds, Branches),
        (CallsTorch, CallsTorch),
        (CallsTheStandardLibrary, CallsTheStandardLibrary),
    ],
)
def test_the_error_names_the_model_s_own_line(model: type[nn.Module], at: type[nn.Module]) -> None:
    with pytest.raises(AtlasError) as error:
        Graph(model(), (3, 8, 8))
    assert str(error.value).endswith(f"({__file__}, line {line_of(at)})")


class Counts(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), 2, -1).mean(1)


def test_a_number_of_images_that_is_fixed_is_no_network_for_any_number() -> None:
    """Torch.export takes ``len`` for the number that it traces with."""
    with pytest.raises(AtlasError, match="fixes the number of images"):
        Graph(nn.Sequential(nn.Conv2d(3, 4, 3), Counts()), (3, 12, 12))


def test_where_only_torch_s_code_ran_no_line_is_named() -> None:
    with pytest.raises(AtlasError) as error:
        Graph(nn.ModuleList([nn.Conv2d(3, 4, 3)]), (3, 8, 8))
    assert "ModuleList" in str(error.value)
    assert str(PACKAGE) not in str(error.value) and "line" not in str(error.value)
