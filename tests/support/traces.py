"""What torch.export writes down of a model, once for each model of libraries that is the same.

To trace the demo network takes longer than most tests of it. Every network that is loaded still has
a graph of its own, with its own weights, whose outputs are compared with the model's. In float64 it
has the operators that it has in float32, where none of them is given a type.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import OrderedDict
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from atlas.networks import tracing

# where modules are defined that are the same as long as their class is
LIBRARIES = ("torch", "torchvision", "timm", "tests.support")
PLAIN = (bool, int, float, str, type(None))
USUAL = vars(nn.Module()).keys() - {"training"}  # what every module has
MOST = 96


def trace_once(patch: pytest.MonkeyPatch) -> None:
    """Keep what is traced of the models of libraries, without their weights."""
    export = tracing._exported
    known: OrderedDict[object, Any] = OrderedDict()

    @functools.wraps(export)
    def exported(model: nn.Module, example: Tensor) -> Any:
        said = described(model, usual=example.dtype)
        if said is None:
            return export(model, example)
        of_any, own = [
            (said, tuple(example.shape), dtype, example.device) for dtype in (None, example.dtype)
        ]
        key = of_any if of_any in known else own
        if key not in known:
            program = export(model, example)
            key = own if says_types(program) else of_any
            parts = ("graph", "graph_signature", "constants", "graph_module")
            known[key] = SimpleNamespace(**{part: getattr(program, part) for part in parts})
            while len(known) > MOST:
                known.popitem(last=False)
        known.move_to_end(key)
        return known[key]

    patch.setattr(tracing, "_exported", exported)


def says_types(program: Any) -> bool:
    """Whether a program holds for numbers of one type alone."""
    given = tree_leaves([(node.args, node.kwargs) for node in program.graph.nodes])
    typed = any(isinstance(value, torch.dtype) for value in given)
    constants = [each for each in program.constants.values() if isinstance(each, Tensor)]
    return typed or any(each.is_floating_point() for each in constants)


def described(
    model: nn.Module, without: Collection[str] = (), usual: torch.dtype | None = None
) -> tuple[object, ...] | None:
    """All that decides how a model is traced, but for some attributes; None if some isn't seen.

    Its numbers' type is left out where it is the ``usual`` one.
    """
    hidden = {*USUAL, *without}
    parts: list[object] = []
    for path, module in model.named_modules():
        kind = type(module)
        if not f"{kind.__module__}.".startswith(tuple(f"{name}." for name in LIBRARIES)):
            return None
        values = {name: plain(value) for name, value in vars(module).items() if name not in hidden}
        if None in values.values():
            return None
        tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        shapes = [
            (name, tuple(one.shape), None if one.dtype == usual else one.dtype)
            for name, one in tensors
        ]
        parts.append((path, kind, tuple(values.items()), tuple(shapes)))
    return tuple(parts)


def plain(value: object) -> object:
    """A value that can be compared, with its type; None for any other."""
    if isinstance(value, PLAIN):
        return type(value), value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, functools.partial):
        value = [value.func, value.args, value.keywords]
    if isinstance(value, tuple | list):
        parts = tuple(plain(one) for one in value)
        return None if None in parts else (type(value), parts)
    if isinstance(value, type) or type(value).__name__ in (
        "function",
        "builtin_function_or_method",
    ):
        return value if value.__module__ else None  # type: ignore[attr-defined]
    return None
