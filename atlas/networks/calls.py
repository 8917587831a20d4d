"""What a node of a traced graph calls: the operator's name and namespace, and its arguments."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Node

KNOWN = {"", "aten", "prims", "torchvision"}  # namespaces of operators that libraries have


def called(node: Node) -> str:
    """The name of the operator that a node calls, without what tells its variants apart."""
    target = maker(node).target
    if isinstance(target, torch._ops.OpOverload):
        return str(target._schema.name).partition("::")[2]
    return str(getattr(target, "__name__", target))


def namespace(node: Node) -> str:
    """The namespace of the operator of torch's registry that a node calls; "" for anything else."""
    target = node.target
    registered = isinstance(target, torch._ops.OpOverload | torch._ops.OpOverloadPacket)
    return str(target).partition(".")[0] if registered else ""


def argument(node: Node, name: str) -> Any:
    """An argument of the operator that a node calls, as it stands in the graph, or its default."""
    schema = node.target._schema.arguments  # type: ignore[union-attr]
    place = [each.name for each in schema].index(name)
    given = node.args[place] if place < len(node.args) else schema[place].default_value
    return node.kwargs.get(name, given)


def picks_result(node: Node) -> bool:
    """Whether a node calls nothing itself, but picks one of several results of another one."""
    return node.target is operator.getitem and isinstance(node.args[0], Node)


def maker(node: Node) -> Node:
    """The node that calls the operator: another one where this one picks one of its results."""
    while picks_result(node):
        node = node.args[0]  # type: ignore[assignment]
    return node
