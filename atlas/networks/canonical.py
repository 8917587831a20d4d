"""Any Python value as JSON that is the same in every process, and differs when the value does.

``Canonical`` writes values without addresses, hash order or paths: tensors by their bytes, modules
by their types and constants, and functions by their code. The name is enough where the code belongs
to a library. The code of a user's own function is the bytes of its source file and of the user's
own files that this one imports, so comments count there.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import json
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from atlas.networks.origins import is_installed, is_own, version_of

_AS_TEXT = (torch.dtype, torch.layout, torch.memory_format, complex, range, type(...))
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))  # tensors, children, hooks: none is a constant


class Canonical:
    """Writes values as JSON; nodes by their numbers in ``nodes``.

    ``stored`` names the tensors of a model's state dict: they are hashed elsewhere and left out.
    """

    def __init__(
        self, nodes: Mapping[fx.Node, int] | None = None, stored: frozenset[str] = frozenset()
    ) -> None:
        self._nodes, self._stored = nodes or {}, stored
        self._before: dict[int, tuple[object, int]] = {}  # kept alive, so that ids stay theirs

    def value(self, value: Any) -> Any:
        """Any value."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, fx.Node):
            return {"node": self._nodes[value]}
        if isinstance(value, _AS_TEXT):
            return {type(value).__name__: str(value)}
        if isinstance(value, torch.device):
            return {"device": value.type}
        if isinstance(value, bytes):
            return {"bytes": hashlib.sha256(value).hexdigest()}
        if isinstance(value, Path):
            return {"path": value.name}
        if isinstance(value, np.ndarray | np.generic):
            return {"array": [str(value.dtype), list(value.shape), _sha256(value.tobytes())]}
        if isinstance(value, Tensor):
            return {"tensor": tensor_digest(value)}
        if isinstance(value, slice):
            return {"slice": [self.value(part) for part in (value.start, value.stop, value.step)]}
        if isinstance(value, tuple | list):
            return {type(value).__name__: [self.value(one) for one in value]}
        if isinstance(value, set | frozenset):
            apart = [Canonical(self._nodes, self._stored).value(one) for one in value]
            return {"set": sorted(apart, key=json.dumps)}
        if isinstance(value, Mapping):
            return {"mapping": [[self.value(k), self.value(v)] for k, v in value.items()]}
        if id(value) in self._before:
            return {"again": self._before[id(value)][1]}
        self._before[id(value)] = value, len(self._before)
        return self._object(value)

    def attribute(self, value: Any, path: str) -> Any:
        """The value that a model holds at a path, unless it is a stored tensor."""
        return "stored" if path in self._stored else self.value(value)

    def module(self, module: nn.Module, path: str = "") -> Any:
        """A module with its children: types, constants, and the tensors that are not stored."""
        prefix = f"{path}." if path else ""
        constants = {k: v for k, v in vars(module).items() if k not in _OF_EVERY_MODULE}
        tensors = {**module._parameters, **module._buffers}
        return {
            "type": self._class(type(module)),
            "says": module.extra_repr(),
            "constants": self._by_name(constants),
            "tensors": {
                name: self.attribute(tensor, prefix + name)
                for name, tensor in sorted(tensors.items())
            },
            "children": [
                [name, self.module(child, prefix + name)] for name, child in module.named_children()
            ],
        }

    def _object(self, value: Any) -> Any:
        """A value that may refer to itself: code, a module, or an instance of any class."""
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, nn.Module):
            return self.module(value)
        if isinstance(value, types.MethodType):
            return {"method": [self.value(value.__func__), self.value(value.__self__)]}
        if isinstance(value, functools.partial):
            return {"partial": [self.value(part) for part in (value.func, value.args)]
                    + [self._by_name(value.keywords)]}  # fmt: skip
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.ModuleType):
            return {"module": value.__name__, "code": _digests(vars(value))}
        if isinstance(value, types.CodeType):
            return {"code": _code(value)}
        if isinstance(value, torch._ops.OpOverload | torch._ops.OpOverloadPacket):
            return {"operator": str(value)}
        if callable(value) and hasattr(value, "__name__"):  # a compiled function
            return {"function": qualified_name(value)}
        slots = {
            name: getattr(value, name)
            for base in type(value).__mro__
            for name in base.__dict__.get("__slots__", ())
            if hasattr(value, name)
        }
        state = {**slots, **getattr(value, "__dict__", {})}
        return {"object": self._class(type(value)), "state": self._by_name(state)}

    def _by_name(self, values: Mapping[str, Any]) -> list[list[Any]]:
        return [[name, self.value(one)] for name, one in sorted(values.items())]

    def _function(self, function: types.FunctionType) -> Any:
        """A function: its name, closure and what it wraps; if it's the user's own, its code too."""
        written: dict[str, Any] = {"function": qualified_name(function)}
        if function.__closure__:
            written["closure"] = [self.value(one) for one in _cells(function)]
        if hasattr(function, "__wrapped__"):
            written["wraps"] = self.value(function.__wrapped__)
        if is_own(function.__code__.co_filename):
            written["defaults"] = self.value((function.__defaults__, function.__kwdefaults__))
            written["code"] = [*_digests(function.__globals__), _generated(function)]
            written["globals"] = self._by_name(dict(_plain_globals(function)))
        return written

    def _class(self, kind: type) -> Any:
        """A class: its name, and the code of itself and its bases where that is the user's own."""
        own = [
            [qualified_name(base), _digests(method.__globals__), _generated(method)]
            for base in kind.__mro__
            for method in _methods(base)
            if is_own(method.__code__.co_filename)
        ]
        return {"class": qualified_name(kind), "own": own} if own else qualified_name(kind)


def tensor_digest(tensor: Tensor) -> str:
    """A tensor's dtype, its shape and a SHA-256 of its bytes."""
    flat = tensor.detach().cpu().contiguous().view(-1)
    numbers = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return f"{tensor.dtype} {tuple(tensor.shape)} {_sha256(numbers)}"


def qualified_name(value: Any) -> str:
    """The module of a function or class, and its names there."""
    names = [getattr(value, name, None) for name in ("__module__", "__qualname__", "__name__")]
    return " ".join(str(name) for name in names)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _cells(function: types.FunctionType) -> Iterator[Any]:
    """The values in a function's closure."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # an empty cell
            yield None


def _methods(kind: type) -> Iterator[types.FunctionType]:
    """The functions that a class itself defines."""
    for attribute in vars(kind).values():
        if isinstance(attribute, property):
            attribute = attribute.fget
        attribute = inspect.unwrap(getattr(attribute, "__func__", attribute))
        if isinstance(attribute, types.FunctionType):
            yield attribute


def _plain_globals(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """The constants and tensors among the globals that a function's code names."""
    for name in sorted(_names(function.__code__)):
        value = function.__globals__.get(name)
        if isinstance(value, bool | int | float | str | tuple | list | dict | Tensor | np.ndarray):
            yield name, value


def _names(code: types.CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _generated(function: types.FunctionType) -> str:
    """The digest of code that is in no file; "" for code in a file."""
    code = function.__code__
    return "" if Path(code.co_filename).is_file() else _code(code)


def _code(code: types.CodeType) -> str:
    """A digest of compiled code: its bytes, names and constants, with the code inside it."""
    constants = [
        _code(one) if isinstance(one, types.CodeType) else Canonical().value(one)
        for one in code.co_consts
    ]
    whole = [code.co_code.hex(), code.co_names, code.co_varnames, constants]
    return _sha256(json.dumps(whole).encode())


def _digests(names: Mapping[str, Any]) -> list[str]:
    """The digests of a module's own file and of the user's own files that it imports, in turn.

    ``names`` are the module's globals; its own file comes first. The imports of an installed
    package are not followed: its version stands for them.
    """
    digests: dict[str, str] = {}
    waiting = [names]
    while waiting:
        these = waiting.pop()
        file = str(these.get("__file__"))
        if file in digests or not Path(file).is_file() or not is_own(file):
            continue
        source = Path(file).read_bytes()
        digests[file] = _sha256(source)
        if is_installed(file):
            package = str(these.get("__name__")).partition(".")[0]
            digests[file] += f" of {package} {version_of(package)}"
        elif file.endswith(".py"):
            imported = _imports(source, these.get("__package__") or "")
            waiting += [vars(sys.modules[name]) for name in imported if name in sys.modules]
    first = digests.pop(str(names.get("__file__")), "")
    return [first, *sorted(digests.values())]


def _imports(source: bytes, package: str) -> Iterator[str]:
    """The names of the modules that a file of a package may import, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names)
