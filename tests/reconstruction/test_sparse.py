import itertools

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from atlas.images.preprocessing import Preprocessing
from atlas.networks.graph import Graph
from atlas.networks.network import wrap
from atlas.networks.operations import Convolution, Sliding
from atlas.networks.operators import pair
from atlas.reconstruction import sparse
from atlas.reconstruction.deconvnet import reconstruct
from atlas.reconstruction.sliding import span_below
from atlas.reconstruction.windows import Span, all_of
from atlas.runtime import compiled
from tests.support.smaller import smaller

CPU = torch.device("cpu")


def sliding(module: nn.Conv2d) -> Sliding:
    assert not isinstance(module.padding, str)
    kernel, stride, padding = pair(module.kernel_size), pair(module.stride), pair(module.padding)
    return Sliding(kernel, stride, padding)


def thinned(shape: tuple[int, ...], share: float, seed: int) -> Tensor:
    made = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=made, dtype=torch.float64)
    return values * (torch.rand(shape, generator=made) < share)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Conv2d, tuple[int, int, int]]:
    kernel = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    module = nn.Conv2d(
        draw(st.integers(1, 5)),
        draw(st.integers(1, 9)),
        kernel,
        (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2))),
        bias=False,
    ).double()
    size = kernel[0] + draw(st.integers(0, 9)), kernel[1] + draw(st.integers(0, 9))
    return module, (module.in_channels, *size)


@settings(max_examples=150, deadline=None)
@given(convolutions(), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(0, 99))
def test_filtering_back_is_the_adjoint_of_the_convolution(
    made: tuple[nn.Conv2d, tuple[int, int, int]], share: float, seed: int
) -> None:
    module, shape = made
    above = module(torch.zeros(1, *shape, dtype=torch.float64)).shape
    signal = thinned((3, *above[1:]), share, seed)
    expected = conv2d_input(
        (3, *shape), module.weight, signal, module.stride, module.padding
    ).detach()
    places = [all_of(each, CPU) for each in (signal.shape, expected.shape)]
    found = sparse.filtered_back(
        module.weight.detach(),
        sliding(module),
        signal,
        above=places[0],
        below=places[1],
        shape=shape,
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(convolutions(), st.integers(0, 99), st.data())
def test_windows_are_filtered_back_as_the_whole_is(
    made: tuple[nn.Conv2d, tuple[int, int, int]], seed: int, data: st.DataObject
) -> None:
    module, shape = made
    above = module(torch.zeros(1, *shape, dtype=torch.float64)).shape[1:]
    size = data.draw(st.integers(1, above[1])), data.draw(st.integers(1, above[2]))
    tops = data.draw(st.lists(st.integers(1 - size[0], above[1] - 1), min_size=2, max_size=2))
    lefts = data.draw(st.lists(st.integers(1 - size[1], above[2] - 1), min_size=2, max_size=2))
    span = Span(torch.tensor(tops), torch.tensor(lefts), size)
    window = thinned((2, above[0], *size), 0.5, seed) * span.inside(above)
    below = span_below(sliding(module), span)
    found = sparse.filtered_back(
        module.weight.detach(), sliding(module), window, above=span, below=below, shape=shape
    )
    for i, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        whole = torch.zeros(1, *above, dtype=torch.float64)
        for y, x in itertools.product(range(size[0]), range(size[1])):
            if 0 <= top + y < above[1] and 0 <= left + x < above[2]:
                whole[0, :, top + y, left + x] = window[i, :, y, x]
        expected = conv2d_input((1, *shape), module.weight, whole, module.stride, module.padding)
        seen = torch.zeros_like(expected[0])
        rows, columns = (torch.arange(n) for n in below.size)
        rows, columns = rows + below.top[i], columns + below.left[i]
        inside = [(at >= 0) & (at < n) for at, n in ((rows, shape[1]), (columns, shape[2]))]
        part = found[i][:, inside[0]][:, :, inside[1]]
        seen[:, rows[inside[0]][:, None], columns[inside[1]][None]] = part
        torch.testing.assert_close(seen, expected[0].detach(), rtol=1e-12, atol=1e-12)
        assert found[i].abs().sum().item() == pytest.approx(part.abs().sum().item())


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 1), st.booleans(), st.integers(0, 99))
def test_unpooling_is_the_adjoint_of_max_pooling(
    kernel: int, stride: int, padding: int, ceil: bool, seed: int
) -> None:
    module = nn.MaxPool2d(kernel, stride, min(padding, kernel // 2), ceil_mode=ceil)
    maps = thinned((4, 3, 9, 7), 1.0, seed).requires_grad_()
    pooled, switches = F.max_pool2d(
        maps, kernel, stride, module.padding, ceil_mode=ceil, return_indices=True
    )
    of = torch.tensor([2, 0, 2])
    signal = thinned((3, *pooled.shape[1:]), 0.7, seed + 1)
    for i, n in enumerate(of):
        (expected,) = torch.autograd.grad(
            pooled, maps, torch.zeros_like(pooled).index_put((n,), signal[i]), retain_graph=True
        )
        spans = {"above": all_of(signal.shape, CPU), "below": all_of((3, *maps.shape[1:]), CPU)}
        chosen = sparse.Switches(switches, of, maps.shape[3])
        found = sparse.unpooled(signal, chosen, **spans)
        torch.testing.assert_close(found[i], expected[n], rtol=0, atol=1e-12)
        with pytest.MonkeyPatch.context() as patch:  # as on a device that no loop serves
            patch.setattr(sparse, "supports_loops", lambda *_: False)
            elsewhere = sparse.unpooled(signal, chosen, **spans)
        torch.testing.assert_close(elsewhere[i], expected[n], rtol=0, atol=1e-12)


def test_any_number_of_threads_makes_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.Conv2d(3, 20, 3, 2, 1)
    signal = thinned((7, 20, 6, 5), 0.3, 0).float()
    spans = {"above": all_of(signal.shape, CPU), "below": all_of((7, 3, 11, 9), CPU)}
    found = []
    for threads in (1, 2, 5, 16):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        weight, window = module.weight.detach(), sliding(module)
        found.append(sparse.filtered_back(weight, window, signal, **spans, shape=(3, 11, 9)))
    assert all(torch.equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_networks_of_any_numbers_are_reconstructed(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3))
    model = model.to(dtype).eval()
    network = wrap(model, Preprocessing(None, (12, 12), (0.0,) * 3, (1.0,) * 3))
    found = reconstruct(network, torch.rand(3, 12, 12), "conv2", 1, (1, 1))
    assert found.dtype == dtype and found.abs().sum() > 0


def test_zeros_are_looked_for_below_poolings_only() -> None:
    def found(model: nn.Module) -> list[str]:
        graph = Graph(model.eval(), (3, 64, 64))
        convolutions = [o for o in graph.operations.values() if isinstance(o, Convolution)]
        return [each.path for each in convolutions if sparse.skips_zeros(graph, each)]

    assert found(smaller("alexnet")) == ["features.0", "features.3", "features.10"]
    assert found(smaller("resnet18")) == ["conv1"]
    # of what a concatenation that is pooled joins
    assert found(smaller("squeezenet1_1"))[:3] == [
        "features.0",
        "features.4.expand1x1",
        "features.4.expand3x3",
    ]
    assert found(smaller("mobilenet_v3_small")) == []


def test_loops_are_compiled_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = numba.njit

    def nowhere(cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return usual(**options)

    monkeypatch.setattr(numba, "njit", nowhere)

    def loop(values):  # type: ignore[no-untyped-def]
        values[0] += 1

    made = compiled.compiled(loop)
    array = np.zeros(1)
    made(array)
    assert array[0] == 1
