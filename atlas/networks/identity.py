"""What decides the numbers that a network computes, part by part, as JSON.

Two networks with the same identity compute the same on machines with the same kind of device. The
parts are apart so that a build can say which of them changed. None depends on the process, the
machine's paths, the names in a model's code or comments there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx

from atlas.networks.calls import KNOWN, namespace
from atlas.networks.graph import Graph
from atlas.networks.network import Network
from atlas.networks.origins import LIBRARIES, version_of
from atlas.networks.tracing import Trace


def identity(network: Network) -> dict[str, Any]:
    """The parts that decide what a network computes: values of JSON by name.

    ``graph`` is a digest of the traced operators with their constants, ``weights`` one of the state
    dict; ``layers`` are ids; ``preprocessing`` holds its fields; ``device`` is the type of device.
    The versions of libraries stand under the libraries' names: torch always, torchvision and timm
    where they made the model or the graph calls an operator of theirs.
    """
    namespaces = {namespace(node) for node in network.graph.trace.graph.nodes}
    libraries = {"torch", network.library} | namespaces
    return {
        "graph": graph_digest(network.graph, network.runs),
        "weights": network.weights_hash,
        "layers": list(network.layers),
        "preprocessing": json.loads(json.dumps(network.preprocessing.as_dict())),
        "device": network.device.type,
        **{name: version_of(name) for name in LIBRARIES if name in libraries},
    }


def graph_digest(graph: Graph, runs: Path | None = None) -> str:
    """A SHA-256 of a traced graph: the operators, on which values, with which constants.

    The tensors of the state dict are left out. ``runs`` is the user's own file whose code made the
    model. Its bytes count where the graph calls an operator of torch's registry that no library put
    there, because that operator's code can't be found.
    """
    trace = graph.trace
    written: list[Any] = _graph(trace.graph, trace)
    foreign = {namespace(node) for node in trace.graph.nodes} - KNOWN
    if runs and runs.is_file() and foreign:
        written.append(hashlib.sha256(runs.read_bytes()).hexdigest())
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def _graph(graph: fx.Graph, trace: Trace) -> list[Any]:
    """A graph as JSON: nodes by their numbers, without names, which follow from a model's code."""
    numbers = {node: number for number, node in enumerate(graph.nodes)}
    written = []
    for node in graph.nodes:
        target: Any = None
        if node.op == "placeholder":
            constant = trace.constants.get(node)
            target = trace.stored.get(node) if constant is None else tensor_digest(constant)
        elif node.op == "get_attr":  # a part of the graph, such as one without gradients
            target = _graph(trace.part(node).graph, trace)
        elif node.op == "call_function":
            target = str(getattr(node.target, "__qualname__", node.target))
            target = str(node.target) if namespace(node) else target
        arguments = [_value(node.args, numbers), _value(node.kwargs, numbers)]
        written.append([node.op, target, *arguments])
    return written


def _value(value: Any, numbers: Mapping[fx.Node, int]) -> Any:
    """An argument of an operator as JSON."""
    if isinstance(value, fx.Node):
        return {"node": numbers[value]}
    if isinstance(value, list | tuple):
        return [_value(one, numbers) for one in value]
    if isinstance(value, Mapping):
        return {"named": [[k, _value(v, numbers)] for k, v in sorted(value.items())]}
    if isinstance(value, torch.device):
        return {"device": value.type}
    return [type(value).__name__, str(value)]


def tensor_digest(tensor: Tensor) -> str:
    """A tensor's dtype, its shape and a SHA-256 of its bytes."""
    flat = tensor.detach().cpu().contiguous().view(-1)
    numbers = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return f"{tensor.dtype} {tuple(tensor.shape)} {hashlib.sha256(numbers).hexdigest()}"
