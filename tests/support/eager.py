"""The three rules as a reference without a graph: the model itself, run eagerly under autograd.

While the model runs, every nonlinear function that it calls is replaced by the same function with
another derivative, and in every product the factor that is a gate is cut off from the image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

GATING = {"sigmoid", "hardsigmoid", "tanh"}
NONLINEAR = {
    "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hardswish", "hardtanh", "clamp", *GATING,
}  # fmt: skip
PRODUCTS = {"mul", "multiply", "rmul", "imul"}


class _Ruled(torch.autograd.Function):
    """A nonlinear function of one tensor, with a rule instead of its derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor], rule: str) -> Tensor:
        ctx.save_for_backward(x)
        ctx.function, ctx.rule = function, rule
        return function(x.clone())  # which it may overwrite

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor, None, None]:
        (signal,), (x,) = signals, ctx.saved_tensors
        if ctx.rule != "deconvnet":
            with torch.enable_grad():
                at = x.detach().requires_grad_()
                (signal,) = torch.autograd.grad(ctx.function(at.clone()), at, signal)
        if ctx.rule != "gradient":
            signal = signal.clamp(min=0)
        return signal, None, None


class Ruled(TorchFunctionMode):
    """A rule for all that torch does in the block.

    ``gates`` are the values of the gates of all products, in order. Where ``held`` are given, these
    stand in their places, whatever the image.
    """

    def __init__(self, rule: str = "gradient", held: Sequence[Tensor] | None = None) -> None:
        super().__init__()
        self.rule = rule
        self.gates: list[Tensor] = []
        self._held = held

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs, name = kwargs or {}, func.__name__.strip("_")  # in place or not
        if name in NONLINEAR:
            result = _Ruled.apply(args[0], lambda x: func(x, *args[1:], **kwargs), self.rule)
            result.gates = name in GATING
            return result
        if name in PRODUCTS and all(isinstance(x, Tensor) and x.requires_grad for x in args):
            return self._product(*args)
        return func(*args, **kwargs)

    def _product(self, one: Tensor, other: Tensor) -> Tensor:
        """A product whose gate, if it has one, has fewer positions or bounded values."""
        for gate, gated in ((one, other), (other, one)):
            bounded = getattr(gate, "gates", False) and not getattr(gated, "gates", False)
            small, large = (math.prod(x.shape[2:]) for x in (gate, gated))
            if small < large or (small == large and bounded):
                self.gates.append(gate.detach())
                held = self._held[len(self.gates) - 1] if self._held is not None else gate
                return held.detach() * gated
        return one * other


@contextmanager
def outputs(model: nn.Module) -> Iterator[list[tuple[str, Tensor]]]:
    """The outputs of all modules that are called in the block, as they are made, in order."""
    made: list[tuple[str, Tensor]] = []

    def keep(path: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                made.append((path, output.clone()))  # which the next module may overwrite

        return hook

    handles = [m.register_forward_hook(keep(path)) for path, m in model.named_modules()]
    try:
        yield made
    finally:
        for handle in handles:
            handle.remove()
