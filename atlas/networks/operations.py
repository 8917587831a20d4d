"""Operations: what the operators of a traced network do, in a few kinds, each known in one place.

Torch has several hundred operators. ``read`` turns each that an atlas must know something about
into one of the kinds here, with its kernel, stride, padding and dilation as pairs (rows, columns).
Receptive fields, backward projections, the fused scan and the connections read these.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from atlas.networks.tracing import line_of, path_of

Node = fx.Node
Pair = tuple[int, int]
aten = torch.ops.aten


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


def called(node: Node) -> str:
    """The name of the operator that a node calls, without what tells its variants apart."""
    target = node.target
    if target is operator.getitem and isinstance(node.args[0], Node):
        return called(node.args[0])
    if isinstance(target, torch._ops.OpOverload):
        return str(target._schema.name).partition("::")[2]
    return str(getattr(target, "__name__", target))


KNOWN = {"", "aten", "prims", "torchvision"}  # namespaces of operators that libraries have


def namespace(node: Node) -> str:
    """The namespace of the operator of torch's registry that a node calls; "" for anything else."""
    target = node.target
    registered = isinstance(target, torch._ops.OpOverload | torch._ops.OpOverloadPacket)
    return str(target).partition(".")[0] if registered else ""


def read(node: Node, inputs: tuple[Node, ...], constants: Mapping[Node, Any]) -> Operation:
    """The operation of a node.

    ``inputs`` are the nodes from whose values it is computed and that depend on the image;
    ``constants`` holds the values that don't.
    """
    reader = _READERS.get(called(node))
    if node.op == "placeholder":
        return Input(node, ())
    if reader:
        operation = reader(_Call(node, inputs, constants))
        if operation:
            return operation
    return Derived(node, inputs)


@dataclass(frozen=True)
class _Call:
    """A node with its arguments by name."""

    node: Node
    inputs: tuple[Node, ...]
    constants: Mapping[Node, Any]

    @property
    def maker(self) -> Node:
        """The node that calls the operator: another one where this is one of its results."""
        while self_is_result(node := self.node):
            return node.args[0]  # type: ignore[return-value]
        return node

    def argument(self, name: str) -> Any:
        """An argument, with the value of a node that is the same for every image."""
        value = self.raw(name)
        return self.constants.get(value, value) if isinstance(value, Node) else value

    def raw(self, name: str) -> Any:
        """An argument as it stands in the graph."""
        return argument(self.maker, name)

    def pair(self, name: str) -> Pair:
        """An argument of one number or two, as (rows, columns)."""
        return pair(self.argument(name))


def argument(node: Node, name: str) -> Any:
    """An argument of the operator that a node calls, as it stands in the graph, or its default."""
    schema = node.target._schema.arguments  # type: ignore[union-attr]
    place = [each.name for each in schema].index(name)
    given = node.args[place] if place < len(node.args) else schema[place].default_value
    return node.kwargs.get(name, given)


def self_is_result(node: Node) -> bool:
    """Whether a node is one of several results of another one."""
    return node.target is operator.getitem and isinstance(node.args[0], Node)


def pair(value: Sequence[int]) -> Pair:
    """The numbers of both axes, (rows, columns), of a list of one number or two."""
    return (value[0], value[-1])


def _convolution(call: _Call) -> Operation | None:
    weight, bias = call.argument("weight"), call.argument("bias")
    if not isinstance(weight, Tensor) or isinstance(bias, Node) or len(call.inputs) != 1:
        return None  # filters that depend on the image
    kernel: Pair = (int(weight.shape[2]), int(weight.shape[3]))
    stride, dilation, groups = call.pair("stride"), call.pair("dilation"), call.argument("groups")
    padding = call.argument("padding")
    before = after = (0, 0)
    if padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        before = pair([r // 2 for r in reach])
        after = pair([r - r // 2 for r in reach])
    elif padding != "valid":
        before = after = pair(padding)
    window = Sliding(kernel, stride, before, dilation)
    return Convolution(call.node, call.inputs, window, groups, weight, bias, after)


def _linear(call: _Call) -> Operation | None:
    weight, bias = call.argument("weight"), call.argument("bias")
    if not isinstance(weight, Tensor) or isinstance(bias, Node):
        return None
    return Linear(call.node, call.inputs, weight, bias)


def _batch_norm(call: _Call) -> Operation | None:
    names = [each.name for each in call.maker.target._schema.arguments]  # type: ignore[union-attr]
    statistics = call.argument("running_mean"), call.argument("running_var")
    fixed = all(isinstance(value, Tensor) for value in statistics)
    weight = call.argument("weight")
    if not fixed or isinstance(weight, Node) or ("training" in names and call.argument("training")):
        return None
    return BatchNorm(call.node, call.inputs, weight)


def _group_norm(call: _Call) -> Operation | None:
    weight, groups = call.argument("weight"), call.argument("num_groups")
    maps = len(call.inputs) == 1 and call.node.meta["val"].dim() == 4
    if not maps or isinstance(weight, Node):
        return None
    return GroupNorm(call.node, call.inputs, int(groups), weight, float(call.argument("eps")))


def _window(call: _Call, stride: str = "stride", dilated: bool = False) -> Sliding:
    kernel = call.pair("kernel_size")
    step = call.argument(stride) or kernel
    dilation = call.pair("dilation") if dilated else (1, 1)
    return Sliding(
        kernel, pair(step), call.pair("padding"), dilation, bool(call.argument("ceil_mode"))
    )


def _max_pooling(call: _Call) -> Operation | None:
    if self_is_result(call.node) and call.node.args[1] != 0:
        return None  # places of maxima
    return MaxPooling(call.node, call.inputs, _window(call, dilated=True))


def _average_pooling(call: _Call) -> Operation:
    counts, divisor = call.argument("count_include_pad"), call.argument("divisor_override")
    return AveragePooling(call.node, call.inputs, _window(call), bool(counts), divisor)


def _adaptive_max(call: _Call) -> Operation | None:
    if self_is_result(call.node) and call.node.args[1] != 0:
        return None
    return AdaptiveMaxPooling(call.node, call.inputs)


def _sum(call: _Call) -> Operation | None:
    one, other = call.raw("self"), call.raw("other")
    twice = one is other or call.argument("alpha") != 1
    return None if twice or not call.inputs else Sum(call.node, call.inputs)


def _difference(call: _Call) -> Operation | None:
    one, other = call.raw("self"), call.raw("other")
    if call.inputs != (one,) or other is one:  # less something that depends on the image
        return None
    return Sum(call.node, call.inputs)


def _product(call: _Call) -> Operation | None:
    one, other = call.raw("self"), call.raw("other")
    if one is other or not call.inputs:
        return None
    if len(call.inputs) == 2:
        return Product(call.node, call.inputs, None)
    factor = call.argument("other") if call.inputs[0] is one else call.argument("self")
    return Product(call.node, call.inputs, factor) if _is_number(factor) else None


def _quotient(call: _Call) -> Operation | None:
    divisor = call.argument("other")
    one, other = call.raw("self"), call.raw("other")
    if "rounding_mode" in call.maker.kwargs or one is other:
        return None
    if len(call.inputs) == 2 and set(call.inputs) == {one, other}:
        return Quotient(call.node, (one, other), None)
    if call.inputs != (one,) or not _is_number(divisor):
        return None
    return Product(call.node, call.inputs, 1 / divisor)


def _is_number(value: Any) -> bool:
    return isinstance(value, Tensor | int | float)


def _concatenation(call: _Call) -> Operation | None:
    parts = tuple(call.raw("tensors"))
    if set(parts) != set(call.inputs):  # some are the same for every image
        return None
    axis, value = call.argument("dim"), call.node.meta["val"]
    return Concatenation(call.node, call.inputs, axis % value.dim(), parts)


def _plain(kind: type[Operation]) -> Callable[[_Call], Operation | None]:
    """A reader of operations of one input about which nothing else must be known."""

    def reader(call: _Call) -> Operation | None:
        return kind(call.node, call.inputs) if len(call.inputs) == 1 else None

    return reader


def _conversion(call: _Call) -> Operation | None:
    """A conversion to the type that the value has does nothing."""
    if len(call.inputs) != 1:
        return None
    value, converted = call.inputs[0].meta["val"], call.node.meta["val"]
    same = (value.dtype, value.device) == (converted.dtype, converted.device)
    return Identity(call.node, call.inputs) if same else None


def _region(call: _Call) -> Operation | None:
    """A part of the model's code that is run in a mode of its own mixes positions if it may."""
    parts = [
        operator.attrgetter(str(node.target))(node.graph.owning_module)
        for node in call.maker.all_input_nodes
        if node.op == "get_attr"
    ]
    mixes = any(called(node) in MIXINGS for part in parts for node in part.graph.nodes)
    return Mixing(call.node, call.inputs) if mixes else None


def _mixing(call: _Call) -> Operation | None:
    return Mixing(call.node, call.inputs) if len(call.inputs) > 1 else None


def _matrix(call: _Call) -> Operation | None:
    return _mixing(call) or Resampling(call.node, call.inputs)


def _padding(call: _Call) -> Operation | None:
    sides, value = call.raw("pad"), call.argument("value")
    mode = call.argument("mode") if call.maker.target is aten.pad.default else "constant"
    if mode != "constant":
        return Rearrangement(call.node, call.inputs)
    if (
        len(sides) > 4
        or call.node.meta["val"].dim() != 4
        or not isinstance(value, float | int | None)
    ):
        return Resampling(call.node, call.inputs)
    left, top = (*sides, 0, 0, 0)[0:3:2]
    window = Sliding((1, 1), (1, 1), (top, left))
    return Padding(call.node, call.inputs, window, float(value or 0))


NONLINEARITIES = (
    "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "hardswish", "hardtanh", "softplus", "sigmoid", "hardsigmoid", "tanh", "log_sigmoid",
    "threshold", "clamp", "clamp_min", "clamp_max", "rrelu",
)  # fmt: skip
NOTHING = (
    "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout", "contiguous", "clone",
    "alias", "detach", "lift_fresh_copy", "identity",
)  # fmt: skip
REARRANGEMENTS = (
    "flatten", "unflatten", "view", "_unsafe_view", "reshape", "reshape_as", "view_as", "permute",
    "transpose", "t", "movedim", "moveaxis", "swapaxes", "swapdims", "chunk", "split",
    "split_with_sizes", "tensor_split", "unbind", "slice", "select", "narrow", "squeeze",
    "unsqueeze", "expand", "expand_as", "repeat", "stack", "roll", "flip", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle", "unfold", "im2col",
    "index_select", "repeat_interleave", "tile", "broadcast_to", "rot90",
)  # fmt: skip
MIXINGS = ("matmul", "bmm", "einsum", "baddbmm", "scaled_dot_product_attention")
RESAMPLINGS = (
    "mean", "sum", "upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d",
    "_upsample_nearest_exact2d", "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "col2im",
    "conv_transpose2d", "neg", "cumsum", "avg_pool1d", "adaptive_avg_pool1d", "avg_pool3d",
    "adaptive_avg_pool3d",
)  # fmt: skip

_READERS: dict[str, Callable[[_Call], Operation | None]] = {
    "conv2d": _convolution,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "group_norm": _group_norm,
    "max_pool2d": _max_pooling,
    "max_pool2d_with_indices": _max_pooling,
    "adaptive_max_pool2d": _adaptive_max,
    "avg_pool2d": _average_pooling,
    "adaptive_avg_pool2d": _plain(AdaptiveAveragePooling),
    "add": _sum,
    "sub": _difference,
    "mul": _product,
    "div": _quotient,
    "cat": _concatenation,
    "concat": _concatenation,
    "concatenate": _concatenation,
    "matmul": _matrix,
    "bmm": _matrix,
    "einsum": _matrix,
    "baddbmm": _mixing,
    "scaled_dot_product_attention": _mixing,
    "to": _conversion,
    "_to_copy": _conversion,
    "type_as": _conversion,
    "wrap_with_autocast": _region,
    "wrap_with_set_grad_enabled": _region,
    "pad": _padding,
    "constant_pad_nd": _padding,
    **{name: _plain(Nonlinearity) for name in NONLINEARITIES},
    **{name: _plain(Identity) for name in NOTHING},
    **{name: _plain(Rearrangement) for name in REARRANGEMENTS},
    **{name: _plain(Resampling) for name in RESAMPLINGS},
}
