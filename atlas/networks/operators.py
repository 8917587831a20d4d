"""How operators of torch are recognised as operations of a few kinds.

Each that an atlas must know something about has a reader here, by its name. A reader takes the kind
from the arguments of the call, or returns None where these make the operator something else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from atlas.networks import operations as ops
from atlas.networks.calls import argument, called, maker, picks_result
from atlas.networks.operations import Node, Operation, Pair


def read(node: Node, inputs: tuple[Node, ...], constants: Mapping[Node, Any]) -> Operation:
    """The operation of a node.

    ``inputs`` are the nodes from whose values it is computed and that depend on the image;
    ``constants`` holds the values that don't.
    """
    reader = _READERS.get(called(node))
    if node.op == "placeholder":
        return ops.Input(node, ())
    if reader:
        operation = reader(_Call(node, inputs, constants))
        if operation:
            return operation
    return ops.Derived(node, inputs)


@dataclass(frozen=True)
class _Call:
    """A node with its arguments by name."""

    node: Node
    inputs: tuple[Node, ...]
    constants: Mapping[Node, Any]

    @property
    def maker(self) -> Node:
        """The node that calls the operator: another one where this one picks one of its results."""
        return maker(self.node)

    @property
    def is_first(self) -> bool:
        """Whether the node is the only result of its operator, or the first of several."""
        return not (picks_result(self.node) and self.node.args[1])

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
    window = ops.Sliding(kernel, stride, before, dilation)
    return ops.Convolution(call.node, call.inputs, window, groups, weight, bias, after)


def _linear(call: _Call) -> Operation | None:
    weight, bias = call.argument("weight"), call.argument("bias")
    if not isinstance(weight, Tensor) or isinstance(bias, Node):
        return None
    return ops.Linear(call.node, call.inputs, weight, bias)


def _batch_norm(call: _Call) -> Operation | None:
    names = [each.name for each in call.maker.target._schema.arguments]  # type: ignore[union-attr]
    statistics = call.argument("running_mean"), call.argument("running_var")
    fixed = all(isinstance(value, Tensor) for value in statistics)
    weight = call.argument("weight")
    if not fixed or isinstance(weight, Node) or ("training" in names and call.argument("training")):
        return None
    return ops.BatchNorm(call.node, call.inputs, weight)


def _group_norm(call: _Call) -> Operation | None:
    weight, groups = call.argument("weight"), call.argument("num_groups")
    maps = len(call.inputs) == 1 and call.node.meta["val"].dim() == 4
    if not maps or isinstance(weight, Node):
        return None
    return ops.GroupNorm(call.node, call.inputs, int(groups), weight, float(call.argument("eps")))


def _window(call: _Call, stride: str = "stride", dilated: bool = False) -> ops.Sliding:
    kernel = call.pair("kernel_size")
    step = call.argument(stride) or kernel
    dilation = call.pair("dilation") if dilated else (1, 1)
    return ops.Sliding(
        kernel, pair(step), call.pair("padding"), dilation, bool(call.argument("ceil_mode"))
    )


def _max_pooling(call: _Call) -> Operation | None:
    if not call.is_first:
        return None  # places of maxima
    return ops.MaxPooling(call.node, call.inputs, _window(call, dilated=True))


def _average_pooling(call: _Call) -> Operation:
    counts, divisor = call.argument("count_include_pad"), call.argument("divisor_override")
    return ops.AveragePooling(call.node, call.inputs, _window(call), bool(counts), divisor)


def _adaptive_max(call: _Call) -> Operation | None:
    if not call.is_first:
        return None
    return ops.AdaptiveMaxPooling(call.node, call.inputs)


def _sum(call: _Call) -> Operation | None:
    one, other = call.raw("self"), call.raw("other")
    twice = one is other or call.argument("alpha") != 1
    return None if twice or not call.inputs else ops.Sum(call.node, call.inputs)


def _difference(call: _Call) -> Operation | None:
    one, other = call.raw("self"), call.raw("other")
    if call.inputs != (one,) or other is one:  # less something that depends on the image
        return None
    return ops.Sum(call.node, call.inputs)


def _product(call: _Call) -> Operation | None:
    one, other = call.raw("self"), call.raw("other")
    if one is other or not call.inputs:
        return None
    if len(call.inputs) == 2:
        return ops.Product(call.node, call.inputs, None)
    factor = call.argument("other") if call.inputs[0] is one else call.argument("self")
    return ops.Product(call.node, call.inputs, factor) if _is_number(factor) else None


def _quotient(call: _Call) -> Operation | None:
    divisor = call.argument("other")
    one, other = call.raw("self"), call.raw("other")
    if "rounding_mode" in call.maker.kwargs or one is other:
        return None
    if len(call.inputs) == 2 and set(call.inputs) == {one, other}:
        return ops.Quotient(call.node, (one, other), None)
    if call.inputs != (one,) or not _is_number(divisor):
        return None
    return ops.Product(call.node, call.inputs, 1 / divisor)


def _is_number(value: Any) -> bool:
    return isinstance(value, Tensor | int | float)


def _concatenation(call: _Call) -> Operation | None:
    parts = tuple(call.raw("tensors"))
    if set(parts) != set(call.inputs):  # some are the same for every image
        return None
    axis, value = call.argument("dim"), call.node.meta["val"]
    return ops.Concatenation(call.node, call.inputs, axis % value.dim(), parts)


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
    return ops.Identity(call.node, call.inputs) if same else None


def _region(call: _Call) -> Operation | None:
    """A part of the model's code that is run in a mode of its own mixes positions if it may."""
    parts = [
        operator.attrgetter(str(node.target))(node.graph.owning_module)
        for node in call.maker.all_input_nodes
        if node.op == "get_attr"
    ]
    mixes = any(called(node) in MIXINGS for part in parts for node in part.graph.nodes)
    return ops.Mixing(call.node, call.inputs) if mixes else None


def _mixing(call: _Call) -> Operation | None:
    return ops.Mixing(call.node, call.inputs) if len(call.inputs) > 1 else None


def _matrix(call: _Call) -> Operation | None:
    return _mixing(call) or ops.Resampling(call.node, call.inputs)


def _padding(call: _Call) -> Operation | None:
    sides, value = call.raw("pad"), call.argument("value")
    mode = call.argument("mode") if call.maker.target is torch.ops.aten.pad.default else "constant"
    if mode != "constant":
        return ops.Rearrangement(call.node, call.inputs)
    if (
        len(sides) > 4
        or call.node.meta["val"].dim() != 4
        or not isinstance(value, float | int | None)
    ):
        return ops.Resampling(call.node, call.inputs)
    left, top = (*sides, 0, 0, 0)[0:3:2]
    window = ops.Sliding((1, 1), (1, 1), (top, left))
    return ops.Padding(call.node, call.inputs, window, float(value or 0))


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
    "adaptive_avg_pool2d": _plain(ops.AdaptiveAveragePooling),
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
    **{name: _plain(ops.Nonlinearity) for name in NONLINEARITIES},
    **{name: _plain(ops.Identity) for name in NOTHING},
    **{name: _plain(ops.Rearrangement) for name in REARRANGEMENTS},
    **{name: _plain(ops.Resampling) for name in RESAMPLINGS},
}
