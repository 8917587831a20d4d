"""Tracing a model with torch.fx, without touching it."""

from __future__ import annotations

import copy
import operator

import torch
from torch import Tensor, fx, nn

from atlas.errors import AtlasError, first_line
from atlas.networks.origins import is_standard, library_of

_OUT_OF_PLACE = {
    torch.relu_: torch.relu,
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}


def traced_copy(model: nn.Module) -> fx.GraphModule:
    """A traced copy in evaluation mode that shares the model's tensors and never works in place.

    Raises ``AtlasError`` if torch.fx can't trace the model.
    """
    shared = [tensors for m in model.modules() for tensors in (m._parameters, m._buffers)]
    copied = copy.deepcopy(model, {id(tensors): tensors for tensors in shared}).eval()
    for module in copied.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    try:
        traced = fx.symbolic_trace(copied)
    except Exception as error:  # whatever the model's own code raises while it is traced
        raise AtlasError(
            f"{type(model).__name__} can't be traced by torch.fx: "
            f"{first_line(error)}{_where(error)}"
        ) from error
    for node in traced.graph.nodes:
        if node.op == "call_function":
            node.target = _OUT_OF_PLACE.get(node.target, node.target)
        if node.op == "call_method" and node.target.endswith("_"):
            plain = node.target.rstrip("_")
            if not node.target.startswith("__") and hasattr(Tensor, plain):
                node.target = plain
        if node.kwargs.get("inplace"):
            node.kwargs = {**node.kwargs, "inplace": False}
    return traced


def _where(error: BaseException) -> str:
    """The last line of the model's own code in an error's traceback; "" if there is none.

    The first frame is this module's, which called torch.fx. Frames of torch and of the standard
    library, which the model's code may have called, aren't the model's own either.
    """
    place = ""
    trace = error.__traceback__ and error.__traceback__.tb_next
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if library_of(file) != "torch" and not is_standard(file):
            place = f" ({file}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return place
