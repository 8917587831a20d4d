"""Which source decides a stage's result: its module's, and that of all modules it imports.

The list is read from the imports themselves, so nobody has to keep it. Comments, docstrings and
formatting decide nothing, and change no digest.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

PACKAGE = "atlas"
# They show what was computed, or report on it, and decide no number.
INERT = (
    "atlas.site", "atlas.commands", "atlas.errors", "atlas.runtime.progress",
    "atlas.runtime.memory", "atlas.data.options", "atlas.data.settings", "atlas.data.plan",
    "atlas.data.extras", "atlas.data.estimates",
    "atlas.compute.run", "atlas.compute.stage",
)  # fmt: skip

_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")  # of statements; none has others


def sources_of(function: Callable[..., Any]) -> dict[str, str]:
    """The modules that a function's module imports, its own first: name to digest of the source."""
    waiting, digests = [function.__module__], {}
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if path is None or name in digests or _is_inert(name):
            continue
        digests[name] = digest_of(path)
        waiting += imports_of(path)
    return dict(sorted(digests.items()))


def _is_inert(name: str) -> bool:
    return any(name == one or name.startswith(one + ".") for one in INERT)


@functools.cache
def _path(name: str) -> Path | None:
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        return Path(file) if file else None
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin else None


def digest_of(path: Path) -> str:
    """A digest of what a module's source does; ``path`` is the source's."""
    return _digest(path, path.stat().st_mtime_ns)


@functools.cache
def _digest(path: Path, _: int) -> str:
    code = compile(path.read_bytes(), "", "exec", dont_inherit=True, optimize=2)
    return hashlib.sha256(repr(_essence(code)).encode()).hexdigest()[:12]


def _essence(code: CodeType) -> tuple[Any, ...]:
    """What of a code object decides what it does; line numbers don't, nor docstrings."""
    constants = tuple(_essence(c) if isinstance(c, CodeType) else _plain(c) for c in code.co_consts)
    return (
        code.co_name, code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars,
        code.co_cellvars, code.co_argcount, code.co_kwonlyargcount, code.co_flags,
    )  # fmt: skip


def _plain(constant: Any) -> Any:
    if isinstance(constant, frozenset):  # whose order is another in every process
        return ("frozenset", sorted(map(repr, constant)))
    return (type(constant).__name__, constant)


def imports_of(path: Path) -> tuple[str, ...]:
    """The modules of this package that a source imports, wherever in it, but for types alone."""
    return _imports(path, path.stat().st_mtime_ns)


@functools.cache
def _imports(path: Path, _: int) -> tuple[str, ...]:
    found: list[str] = []
    for node in _evaluated(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module)
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(name for name in found if name.partition(".")[0] == PACKAGE)


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """All statements within a node, but for those that only a type checker reads."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        parts: list[ast.AST] = [*node.orelse]
    else:
        blocks = (getattr(node, name, ()) for name in _BLOCKS)
        parts = [part for block in blocks for part in block]
    for part in parts:
        yield part
        yield from _evaluated(part)
