from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.networks.probing import depends, probe, window_of

X = torch.randn(1, 4, 9, 12)


@pytest.mark.parametrize(
    ("function", "rows", "columns"),
    [
        (lambda x: x * 2, 2, 3),
        (lambda x: x.permute(0, 2, 3, 1), 1, 2),
        (lambda x: x.transpose(2, 3), 3, 2),
        (lambda x: x.view(1, 2, 2, 9, 12).transpose(1, 2), 3, 4),
        (lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (4,)), 1, 2),
        (lambda x: x.chunk(2, 1)[1], 2, 3),
        (lambda x: x.softmax(1), 2, 3),
    ],
)
def test_positions_that_keep_to_themselves(
    function: Callable[[Tensor], Tensor], rows: int, columns: int
) -> None:
    assert probe(function, X, 2) == (rows, tuple((i,) for i in range(9)))
    assert probe(function, X, 3) == (columns, tuple((i,) for i in range(12)))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.mean((2, 3)),
        lambda x: x - x.mean((2, 3), keepdim=True),
        lambda x: torch.where(x > 0, x, torch.zeros(())).argmax(1),
    ],
)
def test_positions_that_are_gone(function: Callable[[Tensor], Tensor]) -> None:
    assert probe(function, X, 2) is None


def test_flattening_puts_both_axes_into_one_dimension() -> None:
    rows, columns = (probe(lambda x: x.flatten(1), X, dim) for dim in (2, 3))
    assert rows is not None and columns is not None and rows[0] == columns[0] == 1


@pytest.mark.parametrize(
    ("module", "window"),
    [
        (nn.Conv2d(4, 3, 3, stride=2, padding=1), (3, 2, 1)),
        (nn.MaxPool2d(3, 2, ceil_mode=True), (3, 2, 0)),
        (nn.AvgPool2d(2), (2, 2, 0)),
        (nn.ZeroPad2d((0, 0, 2, 1)), (1, 1, 2)),
        (nn.LPPool2d(2, 3), (3, 3, 0)),
    ],
)
def test_windows_are_recognised(module: nn.Module, window: tuple[int, int, int]) -> None:
    found = probe(module, X, 2)
    assert found is not None and found[0] == 2
    assert window_of(found[1], 9) == window


def test_rows_that_are_moved_to_channels_are_windows() -> None:
    found = probe(lambda x: F.pixel_unshuffle(x[..., :8, :], 2), X, 2)
    assert found == (2, ((0, 1), (2, 3), (4, 5), (6, 7)))


def test_padding_of_both_axes_is_told_apart() -> None:
    def padded(x: Tensor) -> Tensor:
        return F.pad(x, (0, 1, 0, 2))

    rows, columns = probe(padded, X, 2), probe(padded, X, 3)
    assert rows is not None and columns is not None
    assert (rows[0], len(rows[1]), columns[0], len(columns[1])) == (2, 11, 3, 13)


def test_what_is_no_window_is_told_position_by_position() -> None:
    pool = nn.AdaptiveAvgPool2d((4, 5))
    found = probe(pool, X, 2)
    assert found == (2, ((0, 1, 2), (2, 3, 4), (4, 5, 6), (6, 7, 8)))
    reflected = probe(nn.ReflectionPad2d(1), X, 2)
    assert reflected is not None and reflected[1][0] == (1,) and reflected[1][1] == (0,)
    assert window_of(reflected[1], 9) is None


def test_an_input_may_lend_no_more_than_its_size() -> None:
    assert not depends(lambda x: torch.ones(x.shape), X)
    assert depends(lambda x: x.relu(), X)
    assert depends(lambda x: (x > 0).float(), X)  # hides NaN
