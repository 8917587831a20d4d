"""Operations: what the operators of a traced network do, in a few kinds, each known in one place.

Torch has several hundred operators; ``networks.operators`` recognises each that an atlas must know
something about as one of the kinds here. Kernels, strides, padding and dilation are pairs (rows,
columns). Receptive fields, backward projections, the fused scan and the connections read these.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, fx

from atlas.networks.calls import KNOWN, called, namespace
from atlas.networks.tracing import line_of, path_of

Node = fx.Node
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Operation:
    """An operation whose value is a tensor that depends on the image.

    ``node`` is its place in the graph. ``inputs`` are the nodes from whose values it is computed,
    without those that are the same for every image.
    """

    node: Node
    inputs: tuple[Node, ...]

    @property
    def name(self) -> str:
        """The name of torch's operator, such as "conv2d"."""
        return called(self.node)

    @property
    def is_foreign(self) -> bool:
        """Whether the operator belongs to neither torch nor torchvision."""
        return namespace(self.node) not in KNOWN

    @property
    def path(self) -> str:
        """The path of the module that called it; "" for the model itself."""
        return path_of(self.node)

    @property
    def where(self) -> str:
        """The operator, its module and the line of the model's code, for messages."""
        module = f" in module {self.path}" if self.path else ""
        line = line_of(self.node)
        return f"{self.name}{module}{f' ({line})' if line else ''}"


class Input(Operation):
    """The image."""


@dataclass(frozen=True)
class Sliding:
    """A window that slides over rows and columns; ``padding`` counts the rows and columns before.

    Beyond the borders lies nothing but padding.
    """

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair = (1, 1)
    ceil_mode: bool = False


@dataclass(frozen=True, eq=False)
class Convolution(Operation):
    """A convolution over rows and columns, padded with zeros.

    ``weight`` is ``[O, I / groups, h, w]``. ``after`` counts the rows and columns of padding after
    the last; it equals ``window.padding`` but for "same" padding of even kernels.
    """

    window: Sliding
    groups: int
    weight: Tensor
    bias: Tensor | None
    after: Pair

    @property
    def is_even(self) -> bool:
        """Whether as much padding lies before the input as after it."""
        return self.after == self.window.padding


@dataclass(frozen=True, eq=False)
class Linear(Operation):
    """A matrix product with ``weight`` ``[O, I]`` along the last dimension."""

    weight: Tensor
    bias: Tensor | None


@dataclass(frozen=True, eq=False)
class BatchNorm(Operation):
    """A batch norm with fixed statistics: a factor and a shift for each channel.

    ``weight`` is ``[C]``, or None.
    """

    weight: Tensor | None


@dataclass(frozen=True, eq=False)
class GroupNorm(Operation):
    """A norm of maps ``[N, C, H, W]`` by the mean and variance of each of ``groups`` of maps.

    ``weight`` is ``[C]``, or None; ``epsilon`` is added to the variance.
    """

    groups: int
    weight: Tensor | None
    epsilon: float


@dataclass(frozen=True, eq=False)
class MaxPooling(Operation):
    """Maxima of sliding windows."""

    window: Sliding


@dataclass(frozen=True, eq=False)
class Padding(Operation):
    """Rows and columns of ``value`` around maps: a window of one pixel, and its padding.

    Rows and columns are cut off where their number is negative.
    """

    window: Sliding
    value: float


class AdaptiveMaxPooling(Operation):
    """Maxima of as many windows as the output has positions."""


@dataclass(frozen=True, eq=False)
class AveragePooling(Operation):
    """Means of sliding windows.

    They count the padding where ``counts_padding``, and divide by ``divisor`` if it is given.
    """

    window: Sliding
    counts_padding: bool
    divisor: int | None


class AdaptiveAveragePooling(Operation):
    """Means of as many windows as the output has positions."""


class Nonlinearity(Operation):
    """A nonlinear function of each number by itself."""

    @property
    def rectifies(self) -> bool:
        """Whether it sets negative numbers to 0 and keeps the others."""
        return self.name == "relu"

    @property
    def is_bounded(self) -> bool:
        """Whether its values lie in an interval, as those of a gate."""
        return self.name in ("sigmoid", "hardsigmoid", "tanh")


class Identity(Operation):
    """An operation that does nothing when a network is used, such as dropout."""


class Sum(Operation):
    """A sum of two values, or of one and something that is the same for every image."""


@dataclass(frozen=True, eq=False)
class Product(Operation):
    """A product of two values, or of one and ``factor``, which is the same for every image.

    ``gate`` is the one of two values that only scales the other, held in backward projections: it
    has fewer positions, or comes from a bounded nonlinearity. None if neither does.
    """

    factor: Tensor | float | None
    gate: Node | None = None


class Quotient(Product):
    """A value divided by another one; ``factor`` is None, and the divisor may be the gate."""


@dataclass(frozen=True, eq=False)
class Concatenation(Operation):
    """Values joined along dimension ``axis`` (counted with the batch); ``parts`` in order."""

    axis: int
    parts: tuple[Node, ...]


class Rearrangement(Operation):
    """An operation that moves, repeats or leaves out numbers, and adds none but zeros."""


class Resampling(Operation):
    """A linear function of its input, such as a mean or an interpolation."""


class Mixing(Operation):
    """A matrix product of two values that both depend on the image, as in attention."""


class Derived(Operation):
    """Any other operation. It passes signals down by its derivative at the stimulus."""
