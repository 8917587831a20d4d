"""Tracing a model with torch.export into a graph of torch's own operators, without touching it.

Torch.export runs the model's code once, on tensors without numbers, and writes down each operator
of torch that is called: what functions, methods and modules do looks the same there. Every operator
bears the path of the module that called it and the line of code. Shapes are fixed but for the
number of images.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import operator
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.nn.parameter import is_lazy

from atlas.errors import AtlasError, first_line
from atlas.networks.origins import is_standard, library_of

Node = fx.Node


@dataclass(frozen=True)
class Trace:
    """The operators that a model calls, in order, none of which works in place.

    ``image`` stands for the input and ``outputs`` for what the model returns. ``stored`` maps the
    nodes that stand for tensors of the model's state dict to these tensors' names, and
    ``constants`` those that stand for other tensors to these. ``modules`` holds parts of the graph.
    """

    graph: fx.Graph
    image: Node
    outputs: tuple[Node, ...]
    stored: Mapping[Node, str]
    constants: Mapping[Node, Tensor]
    modules: nn.Module

    def follows_batch(self, node: Node) -> bool:
        """Whether a node's value has one entry for each image, along its first dimension."""
        value = node.meta.get("val")
        return isinstance(value, Tensor) and value.dim() > 0 and self.is_batch(value.shape[0])

    def part(self, node: Node) -> fx.GraphModule:
        """The part of the graph that a node of the kind "get_attr" stands for."""
        part: fx.GraphModule = operator.attrgetter(str(node.target))(self.modules)
        return part

    def is_batch(self, size: Any) -> bool:
        """Whether a size is the number of images."""
        batch = self.image.meta["val"].shape[0]
        return isinstance(size, torch.SymInt) and size.node.expr == batch.node.expr


def copied(model: nn.Module) -> nn.Module:
    """A copy of a model in evaluation mode, without hooks, that shares the model's numbers.

    Its parameters need no gradients: where they do, a linear layer may round otherwise.
    """
    shared: dict[int, Any] = {id(module._buffers): module._buffers for module in model.modules()}
    for parameter in model.parameters():
        if not is_lazy(parameter):
            shared[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    own = copy.deepcopy(model, shared).eval()
    for module in own.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    return own


def traced(model: nn.Module, example: Tensor) -> Trace:
    """Trace a model in evaluation mode for inputs like ``example`` ``[N, C, H, W]``.

    Raises ``AtlasError`` if torch.export can't trace it.
    """
    try:
        program = _exported(model, example)
    except Exception as error:  # whatever the model's own code raises while it is traced
        raise AtlasError(
            f"{type(model).__name__} can't be traced by torch.export: {_reason(error)}"
            f"{_where(error)}"
        ) from error
    return _trace(program, model)


def _exported(model: nn.Module, example: Tensor) -> ExportedProgram:
    with _silence(), torch.no_grad():
        program = export(model, (example,), dynamic_shapes=({0: Dim.AUTO},), strict=False)
        if _needs_decomposing(program.graph):
            return program.run_decompositions({})
    for node in program.graph.nodes:
        if _is_in_place(node):
            node.target = _out_of_place(node.target)
    return program


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep torch from telling on the terminal what the error says that it raises."""
    logger = logging.getLogger("torch")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _trace(program: ExportedProgram, model: nn.Module) -> Trace:
    places = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    stored: dict[Node, str] = {}
    constants: dict[Node, Tensor] = {}
    images: list[Node] = []
    held = model.state_dict().keys()
    for spec in program.graph_signature.input_specs:
        node = places[spec.arg.name]
        if spec.kind is InputKind.USER_INPUT:
            images.append(node)
            continue
        name = str(spec.target)
        if name in held:
            stored[node] = name
        elif spec.kind is InputKind.CONSTANT_TENSOR:
            constants[node] = program.constants[name]
        else:
            constants[node] = operator.attrgetter(name)(model)
    (image,) = images
    count = image.meta["val"].shape[0]
    if not isinstance(count, torch.SymInt) or count.node.maybe_as_int() is not None:
        raise AtlasError(
            f"{type(model).__name__} fixes the number of images that it is run on at once, "
            "so that it can't be traced for any number"
        )
    names = {spec.arg.name for spec in program.graph_signature.output_specs
             if spec.kind is OutputKind.USER_OUTPUT}  # fmt: skip
    outputs = tuple(node for node in program.graph.nodes if node.name in names)
    return Trace(program.graph, image, outputs, stored, constants, program.graph_module)


def _is_in_place(node: Node) -> bool:
    """Whether an operator changes one of its arguments."""
    schema = getattr(node.target, "_schema", None)
    return node.op == "call_function" and schema is not None and bool(schema.is_mutable)


def _out_of_place(target: Any) -> Any:
    """The operator that does the same as an operator in place, and leaves its argument alone."""
    packet = getattr(torch.ops.aten, target._schema.name.removeprefix("aten::").removesuffix("_"))
    return getattr(packet, target._overloadname)


def _needs_decomposing(graph: fx.Graph) -> bool:
    """Whether an operator in place can't be replaced by its twin that leaves its argument alone.

    It can where nothing that may share the argument's memory is read later; or else only torch's
    own decomposition knows what must be computed anew.
    """
    order = {node: number for number, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        if not _is_in_place(node):
            continue
        try:
            _out_of_place(node.target)
        except AttributeError:
            return True
        changed = node.args[0]
        if not isinstance(changed, Node):
            return True
        for other in _sharing(changed):
            last = max((order[user] for user in other.users), default=-1)
            if last > order[node] or other.op != "call_function":
                return True
    return False


def _sharing(node: Node) -> set[Node]:
    """The nodes whose values may share memory with a node's value, the node among them."""
    waiting, sharing = [node], {node}
    while waiting:
        here = waiting.pop()
        near = [user for user in here.users if _may_share(user)]
        if _may_share(here):
            near += here.all_input_nodes
        waiting += [other for other in near if other not in sharing]
        sharing.update(near)
    return sharing


def _may_share(node: Node) -> bool:
    """Whether an operator's result may share memory with one of its arguments."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:  # of Python: of a tuple, one of its values
        return node.target is operator.getitem
    if any(out.alias_info is not None for out in schema.returns):
        return not schema.is_mutable
    return str(schema.name) in _MAY_COPY


# composed operators that copy or don't, as they please
_MAY_COPY = {
    f"aten::{name}"
    for name in (
        "reshape", "reshape_as", "flatten", "contiguous", "to", "dropout", "feature_dropout",
        "alpha_dropout", "chunk", "split", "tensor_split", "unflatten", "expand_as", "view_as",
        "type_as", "einsum", "pad", "conj", "numpy_T", "mT", "ravel", "narrow", "swapaxes",
        "swapdims", "moveaxis", "movedim", "squeeze", "hsplit", "vsplit", "dsplit", "unbind",
    )
}  # fmt: skip


def path_of(node: Node) -> str:
    """The path of the innermost module that called an operator; "" for the model itself."""
    paths = paths_of(node)
    return paths[-1] if paths else ""


def paths_of(node: Node) -> list[str]:
    """The paths of the modules that an operator was called in, from the outermost in."""
    stack = node.meta.get("nn_module_stack") or {}
    return [str(path).partition("@")[0] for path, _ in stack.values()]


def line_of(node: Node) -> str:
    """Where an operator was called: the innermost file and line that isn't torch's; or ""."""
    place = ""
    for line in str(node.meta.get("stack_trace") or "").splitlines():
        words = line.strip().split('"')
        if line.strip().startswith("File ") and len(words) == 3:
            file, number = words[1], words[2].split(",")[1].strip().removeprefix("line ")
            if library_of(file) != "torch" and not is_standard(file):
                place = f"{file}, line {number}"
    return place


def _reason(error: BaseException) -> str:
    """Why a model can't be traced."""
    if isinstance(error, GuardOnDataDependentSymNode):
        return "what its code does depends on the numbers in the image"
    return first_line(error)


def _where(error: BaseException) -> str:
    """The last line of the model's own code in an error's traceback; "" if there is none.

    The first frames are this module's, which called torch.export. Frames of torch and of the
    standard library, which the model's code may have called, aren't the model's own either.
    """
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if library_of(file) != "torch" and not is_standard(file) and file != __file__:
            place = f" ({file}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return place
