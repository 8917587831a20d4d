"""What decides the numbers that a network computes, part by part, as JSON.

Two networks with the same identity compute the same on machines with the same kind of device. The
parts are apart so that a build can say which of them changed. None depends on the process, the
machine's paths, or comments in a model's code, but for the code of functions that tracing doesn't
look into (``canonical``).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import fx

from atlas.networks.canonical import Canonical
from atlas.networks.graph import Graph
from atlas.networks.network import Network
from atlas.networks.origins import LIBRARIES, library_of, version_of

_KNOWN_OPERATORS = {"aten", "prims", "torchvision"}  # namespaces whose code is a library's


def identity(network: Network) -> dict[str, Any]:
    """The parts that decide what a network computes: values of JSON by name.

    ``graph`` is a digest of the traced operations with their constants, ``weights`` one of the
    state dict; ``layers`` are ids; ``preprocessing`` holds its fields; ``device`` is the type of
    device. The versions of libraries stand under the libraries' names: torch always, torchvision
    and timm where they made the model or the graph calls a function of theirs.
    """
    traced = network.graph.traced
    libraries = {"torch", network.library} | {_library(traced, node) for node in traced.graph.nodes}
    return {
        "graph": graph_digest(network.graph, network.runs),
        "weights": network.weights_hash,
        "layers": list(network.layers),
        "preprocessing": json.loads(json.dumps(network.preprocessing.as_dict())),
        "device": network.device.type,
        **{name: version_of(name) for name in LIBRARIES if name in libraries},
    }


def graph_digest(graph: Graph, runs: Path | None = None) -> str:
    """A SHA-256 of a traced graph: what each node calls, on which nodes, with which constants.

    The tensors of the state dict are left out. ``runs`` is the user's own file whose code made the
    model. Its bytes count where the graph calls an operator of torch's registry that no library put
    there, because that operator's code can't be found.
    """
    nodes = list(graph.traced.graph.nodes)
    numbers = {node: number for number, node in enumerate(nodes)}
    write = Canonical(numbers, frozenset(graph.stored))
    written: list[Any] = [_node(graph, node, write) for node in nodes]
    if runs and runs.is_file() and any(_is_foreign(node.target) for node in nodes):
        written.append(hashlib.sha256(runs.read_bytes()).hexdigest())
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def _node(graph: Graph, node: fx.Node, write: Canonical) -> list[Any]:
    """A node without its name, because that follows from names in the model's code."""
    arguments = [write.value(node.args), write.value(dict(sorted(node.kwargs.items())))]
    target: Any = str(node.target)
    if node.op in ("placeholder", "output"):
        target = None
    elif node.op == "call_function":
        target = write.value(node.target)
    elif node.op == "call_module":
        target = [target, write.module(graph.traced.get_submodule(target), target)]
    elif node.op == "get_attr":
        target = [target, write.attribute(graph.attribute(node), target)]
    return [node.op, target, *arguments]


def _library(traced: fx.GraphModule, node: fx.Node) -> str | None:
    """The library whose function or module a node calls, if it is one of ``LIBRARIES``."""
    called: Any = node.target
    if node.op == "call_module":
        called = type(traced.get_submodule(str(node.target))).forward
    code = getattr(called, "__code__", None)
    if code is not None:
        return library_of(code.co_filename)
    return str(getattr(called, "__module__", None) or "").partition(".")[0]


def _is_foreign(target: object) -> bool:
    """Whether this is an operator of torch's registry that no known library put there."""
    operator = isinstance(target, torch._ops.OpOverload | torch._ops.OpOverloadPacket)
    return operator and str(target).partition(".")[0] not in _KNOWN_OPERATORS
