"""What the tests would notice: small faults put into functions, one at a time.

    python benchmarks/mutations.py --count 40 --seed 1 [PART ...]

A mutant is a function with one thing changed: a comparison, an operator, a constant by one, a
condition turned round, a statement or a ``return``'s value left out, two arguments swapped, ``min``
and ``max``. Each is run in a forked process by the tests that mirror its module, until one fails.
What survives is printed with its line. Only what stands within functions is changed; compiled loops
run as Python. The parts and their tests stand in ``PARTS``.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

DESCENTS = "demo_network or share_a_switch or single_descents or biases or does_not_exist"
DESCENTS += " or (whole_tensors and squeezenet1_1-gradient) or test_windows"
# each part: its modules, and the tests that mirror them
PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "top nine": (("atlas.scanning.topk",), ("tests/scanning/test_topk.py",)),
    "receptive fields": (
        ("atlas.networks.receptive_fields",),
        ("tests/networks/test_receptive_fields.py",),
    ),
    "descent": (
        ("atlas.reconstruction.windows", "atlas.reconstruction.deconvnet"),
        (
            "tests/reconstruction/test_windows.py",
            "tests/reconstruction/test_deconvnet.py",
            "-k",
            DESCENTS,
        ),  # those that take seconds
    ),
    "records": (("atlas.data.records",), ("tests/data/test_records.py",)),
    "digests": (
        ("atlas.data.file_digests", "atlas.runtime.checkpoint"),
        ("tests/data/test_file_digests.py", "tests/runtime/test_checkpoint.py"),
    ),
}
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.FloorDiv: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr, ast.Pow: ast.Mult,
}  # fmt: skip
SWAPPED = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum",
           "any": "all", "all": "any", "ceil": "floor", "floor": "ceil"}  # fmt: skip


LEFT_OUT = (ast.Assign, ast.AugAssign, ast.Expr, ast.Raise, ast.If, ast.Continue, ast.Return)


class Mutant(NamedTuple):
    """A function of a module by its qualified name, what is changed in it, and its code then."""

    module: str
    function: str
    line: int
    change: str
    code: CodeType


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--count", type=int, default=60, help="mutants of each part")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.chdir(ROOT)
    made_all = killed_all = 0
    for part in options.parts or PARTS:
        modules, tests = PARTS[part]
        made, killed = _part(part, modules, tests, options.count, options.seed)
        made_all, killed_all = made_all + made, killed_all + killed
    print(f"all: {made_all} mutants, {killed_all} killed, {killed_all / max(made_all, 1):.1%}")
    return 0


def _part(
    part: str, modules: tuple[str, ...], tests: tuple[str, ...], count: int, seed: int
) -> tuple[int, int]:
    """Mutants of a part and how many were killed; each part is prepared in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with os.fdopen(reading) as said:
            made, killed = map(int, (said.read() or "0 0").split())
        os.waitpid(child, 0)
        return made, killed
    _prepare(tests)
    mutants = [one for name in modules for one in _mutants(name)]
    chosen = random.Random(seed).sample(mutants, min(count, len(mutants)))
    code, seconds = _ran(tests, None)
    if code:
        print(f"{part}: its tests fail without any change", flush=True)
        os._exit(1)
    begun, survived = time.monotonic(), []
    for one in sorted(chosen, key=lambda each: (each.module, each.line)):
        code, _ = _ran(tests, one, limit=int(3 * seconds + 10))
        if code == 0:
            survived.append(one)
            print(f"  survived: {one.module}:{one.line} {one.function}: {one.change}", flush=True)
    killed = len(chosen) - len(survived)
    print(
        f"{part}: {len(chosen)} mutants of {len(mutants)}, {killed} killed, "
        f"{killed / len(chosen):.1%} ({time.monotonic() - begun:.0f} s)",
        flush=True,
    )
    os.write(writing, f"{len(chosen)} {killed}".encode())
    os._exit(0)


def _prepare(tests: tuple[str, ...]) -> None:
    """Load all that the tests load; examples of hypothesis are the same in each run."""
    import hypothesis
    import pytest

    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutations", derandomize=True, database=None, phases=phases, deadline=None
    )
    hypothesis.settings.load_profile("mutations")
    _silently(lambda: pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", *tests]))


def _ran(tests: tuple[str, ...], mutant: Mutant | None, limit: int = 3600) -> tuple[int, float]:
    """The exit code of the tests of a mutant, and how many seconds of the processor they took."""
    import pytest

    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = os.fork()
    if not child:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            if mutant:
                _put(mutant)
            arguments = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:warnings", *tests]
            code = int(_silently(lambda: pytest.main(arguments)))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return status, ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime


def _silently(work: Any) -> Any:
    """Do work that prints to nowhere."""
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    try:
        os.dup2(nowhere, 1), os.dup2(nowhere, 2)
        return work()
    finally:
        sys.stdout.flush()
        os.dup2(kept[0], 1), os.dup2(kept[1], 2)


def _put(mutant: Mutant) -> None:
    """Give a function the mutant's code, wherever it is known."""
    module = sys.modules[mutant.module]
    *folders, name = mutant.function.split(".")
    home: Any = module
    for folder in folders:
        home = getattr(home, folder)
    found = vars(home)[name]
    function = _function(found)
    if hasattr(found, "py_func"):  # a compiled loop, which its module alone calls
        setattr(module, name, FunctionType(mutant.code, vars(module), name))
    else:
        function.__code__ = mutant.code


def _function(found: Any) -> FunctionType:
    """The function within a property, a method, a cache or a compiled loop."""
    for inner in ("fget", "func", "__func__", "__wrapped__", "py_func"):
        if not isinstance(found, FunctionType) and hasattr(found, inner):
            return _function(getattr(found, inner))
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    return found  # type: ignore[no-any-return]


def _mutants(name: str) -> Iterator[Mutant]:
    """All mutants of a module."""
    module: ModuleType = importlib.import_module(name)
    path = str(module.__file__)
    tree = ast.parse(Path(path).read_text("utf-8"))
    for qualified, place in _functions(tree):
        usual = _code(compile(tree, path, "exec"), qualified)
        for number, one in enumerate(_sites(_at(tree, place))):
            changed = copy.deepcopy(tree)
            *_, (_, line, change, make) = _first(_sites(_at(changed, place)), number + 1)
            make()
            ast.fix_missing_locations(changed)
            try:
                code = _code(compile(changed, path, "exec"), qualified)
            except (SyntaxError, ValueError):
                continue
            same = code.co_code == usual.co_code and code.co_consts == usual.co_consts
            if not same and code.co_freevars == usual.co_freevars:
                yield Mutant(name, qualified, line, change, code)


def _first(items: Iterator[Any], count: int) -> list[Any]:
    return [one for one, _ in zip(items, range(count), strict=False)]


def _functions(tree: ast.Module) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Functions and methods of a module: qualified names, and places among the bodies."""
    for number, node in enumerate(tree.body):
        if isinstance(node, ast.FunctionDef):
            yield node.name, (number,)
        if isinstance(node, ast.ClassDef):
            for below, inner in enumerate(node.body):
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", (number, below)


def _at(tree: ast.Module, place: tuple[int, ...]) -> ast.FunctionDef:
    found: Any = tree
    for number in place:
        found = found.body[number]
    return found  # type: ignore[no-any-return]


def _code(code: CodeType, qualified: str) -> CodeType:
    """The code of a function within a module's code."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if one.co_qualname == qualified:
                return one
            if qualified.startswith(f"{one.co_qualname}."):
                return _code(one, qualified)
    raise ValueError(qualified)


def _sites(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, int, str, Any]]:
    """Whatever can be changed in a function: where, how, and what changes it."""
    bodies = [function.body] if not _is_text(function.body[0]) else [function.body[1:]]
    for statement in (one for body in bodies for one in body):
        for node in ast.walk(statement):
            yield from _changes(node)
    for node in ast.walk(function):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            for number, one in enumerate(body if isinstance(body, list) else ()):
                if isinstance(one, LEFT_OUT) and not _is_text(one):
                    yield (
                        one,
                        one.lineno,
                        f"{ast.unparse(one)[:60]!r} left out",
                        (lambda body=body, number=number: body.__setitem__(number, ast.Pass())),
                    )


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, int, str, Any]]:
    """What can be changed in one node."""
    line = getattr(node, "lineno", 0)
    if isinstance(node, ast.Compare):
        for number, one in enumerate(node.ops):
            other = COMPARED[type(one)]
            yield (
                node,
                line,
                f"{type(one).__name__} → {other.__name__} in {_told(node)}",
                (lambda number=number, other=other: node.ops.__setitem__(number, other())),
            )
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in COMPUTED:
        swapped = COMPUTED[type(node.op)]
        yield (
            node,
            line,
            f"{type(node.op).__name__} → {swapped.__name__} in {_told(node)}",
            (lambda: setattr(node, "op", swapped())),
        )
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for step in (1, -1):
            yield (
                node,
                line,
                f"{node.value} → {node.value + step}",
                (lambda step=step: setattr(node, "value", node.value + step)),
            )
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield (
            node,
            line,
            f"{node.value} → {not node.value}",
            (lambda: setattr(node, "value", not node.value)),
        )
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield (
            node,
            line,
            f"not: {_told(node.test)}",
            (lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))),
        )
    if isinstance(node, ast.BoolOp):
        joined = ast.And if isinstance(node.op, ast.Or) else ast.Or
        yield (
            node,
            line,
            f"{joined.__name__} in {_told(node)}",
            (lambda: setattr(node, "op", joined())),
        )
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield (
            node,
            line,
            f"without {_told(node)[:1]} in {_told(node)}",
            (
                lambda: (
                    setattr(node, "op", ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not())
                    if isinstance(node.op, ast.USub)
                    else setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand))
                )
            ),
        )
    if isinstance(node, ast.Call):
        if len(node.args) == 2 and not any(isinstance(one, ast.Starred) for one in node.args):
            yield node, line, f"arguments swapped in {_told(node)}", node.args.reverse
        of = node.func
        name = of.id if isinstance(of, ast.Name) else getattr(of, "attr", "")
        if name in SWAPPED:
            key = "id" if isinstance(of, ast.Name) else "attr"
            yield (
                node,
                line,
                f"{name} → {SWAPPED[name]} in {_told(node)}",
                (lambda: setattr(of, key, SWAPPED[name])),
            )


def _told(node: ast.AST) -> str:
    return ast.unparse(node).replace("\n", " ")[:70]


if __name__ == "__main__":
    sys.exit(main())
