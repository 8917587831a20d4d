"""A pretend device: what a GPU would be asked to do, done by the CPU and counted.

Its tensors bear the label ``pretend`` and hold a tensor of the CPU, on which every operation runs.
So kernels round as the CPU's do, while the program takes the ways that it takes on a GPU: no
compiled loops, and nothing that shares memory with NumPy. Mixing tensors of both devices is refused
where CUDA refuses it. Counted are launches, what makes the program wait for the device, and bytes
copied; memory can be made to run out at any launch.

Left out: ``torch.export`` traces a copy of the model on the CPU, and ``inference_mode`` is
``no_grad``, since torch knows no views of wrapped tensors there.
"""

from __future__ import annotations

import contextlib
import copy
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map_only

from atlas.networks import tracing

NAME = "pretend"
aten = torch.ops.aten

# what returns a number or a shape that depends on values, so that the program has to wait
WAITING = {
    "aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::masked_select",
    "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive", "aten::is_nonzero",
    "aten::repeat_interleave.Tensor", "aten::bincount", "aten::allclose",
}  # fmt: skip
INDEXED = ("aten::index.", "aten::index_put", "aten::_index_put_impl_", "aten::_unsafe_index")
# no kernel runs for these
FREE = {
    "aten::detach", "aten::view", "aten::_unsafe_view", "aten::t", "aten::transpose.int",
    "aten::permute", "aten::expand", "aten::slice.Tensor", "aten::select.int", "aten::unsqueeze",
    "aten::squeeze", "aten::squeeze.dim", "aten::squeeze.dims", "aten::alias", "aten::as_strided",
    "aten::split.Tensor", "aten::split_with_sizes", "aten::chunk", "aten::unbind.int",
    "aten::empty.memory_format", "aten::empty_strided", "aten::empty_like", "aten::new_empty",
    "aten::new_empty_strided", "aten::lift_fresh", "aten::diagonal", "aten::narrow",
    "aten::_reshape_alias", "aten::unfold", "aten::resize_", "aten::set_.source_Tensor",
}  # fmt: skip


class MixedDevices(AssertionError):
    """An operation on tensors of both devices."""


@dataclass
class Counts:
    """What a device was asked for: ``of`` counts launches and waits by operation."""

    launches: int = 0
    waits: int = 0
    up: int = 0
    down: int = 0
    out_of_memory: int = 0
    of: Counter[str] = field(default_factory=Counter)

    def since(self, before: Counts) -> Counts:
        """What was asked for after another count."""
        return Counts(
            self.launches - before.launches,
            self.waits - before.waits,
            self.up - before.up,
            self.down - before.down,
            self.out_of_memory - before.out_of_memory,
            self.of - before.of,
        )

    def copy(self) -> Counts:
        """The counts as they are now."""
        return Counts(
            self.launches, self.waits, self.up, self.down, self.out_of_memory, Counter(self.of)
        )


class Held(Tensor):
    """A tensor of the pretend device, and the tensor of the CPU that it holds."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Held:
        made: Held = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:  # called where the mode isn't active, as in the thread of the autograd engine
        assert _active, "the pretend device is used after its block has ended"
        return _active[-1].run(func, args, kwargs or {})

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"Held({self.held!r})"


_active: list[_Device] = []


class _Device(TorchDispatchMode):
    """Runs operations on what is held, and counts them."""

    def __init__(self, counts: Counts, fails: Callable[[int], bool], most: int) -> None:
        super().__init__()
        self.counts, self.fails, self.most = counts, fails, most
        self.pinned: set[int] = set()  # addresses

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        ours = [one for one in tensors if isinstance(one, Held)]
        device = kwargs.get("device")
        to_ours = device is not None and torch.device(device).type == NAME
        if not ours and not to_ours:
            return func(*args, **kwargs)
        name = func.name()
        if name in ("aten::_to_copy", "aten::copy_"):
            return self._copy(func, args, kwargs, to_ours)
        self._check(name, tensors, ours)
        self._count(name, args)
        if to_ours:
            kwargs = {**kwargs, "device": "cpu"}
        elif device is not None:
            raise MixedDevices(f"{name} makes a tensor of {device} of one of {NAME}")
        with torch.no_grad():
            out = func(*_held(args), **_held(kwargs))
        for made in tree_leaves(out):
            if isinstance(made, Tensor) and made.nbytes > self.most:
                self._run_out(f"{name} makes {made.nbytes} bytes")
        return _wrapped(func, args, kwargs, out)

    def _check(self, name: str, tensors: list[Tensor], ours: list[Held]) -> None:
        """Refuse the tensors of the CPU that CUDA refuses; an index is copied up."""
        for other in tensors:
            if isinstance(other, Held) or other.dim() == 0:
                continue
            if name.startswith(INDEXED) and other.dtype in (torch.long, torch.bool, torch.int):
                self.counts.up += other.nbytes
                self._wait(f"{name} by an index of the CPU")
                continue
            raise MixedDevices(f"{name} mixes {NAME} and a tensor {tuple(other.shape)} of the CPU")

    def _count(self, name: str, args: Any) -> None:
        if name in FREE:
            return
        self._launch(name)
        if name in WAITING:
            self._wait(name)
            if name == "aten::_local_scalar_dense":
                self.counts.down += args[0].dtype.itemsize
        if name.startswith(INDEXED):
            masks = [i for i in args[1] if isinstance(i, Tensor) and i.dtype == torch.bool]
            if masks:  # their places are counted first
                self._wait(f"{name} by a mask")

    def _launch(self, name: str) -> None:
        self.counts.launches += 1
        self.counts.of[name] += 1
        if self.fails(self.counts.launches):
            self._run_out(f"launch {self.counts.launches}")

    def _run_out(self, where: str) -> None:
        self.counts.out_of_memory += 1
        raise torch.OutOfMemoryError(f"{NAME} is out of memory: {where}")

    def _wait(self, name: str) -> None:
        self.counts.waits += 1
        self.counts.of[f"wait: {name}"] += 1

    def _copy(self, func: Any, args: Any, kwargs: dict[str, Any], to_ours: bool) -> Any:
        """A copy within a device or between the two."""
        if func.name() == "aten::copy_":
            into, source = args[0], args[1]
            eager = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
            self._moved(source, isinstance(into, Held), eager)
            _inner(into).copy_(_inner(source))
            return into
        (source,) = args
        eager = kwargs.get("non_blocking", False)
        device = kwargs.get("device")
        here = to_ours or (device is None and isinstance(source, Held))
        self._moved(source, here, eager)
        kwargs = {k: v for k, v in kwargs.items() if k not in ("device", "non_blocking")}
        with torch.no_grad():
            out = func(_inner(source), **kwargs)
        return Held(out) if here else out

    def _moved(self, source: Tensor, here: bool, eager: bool) -> None:
        if isinstance(source, Held) == here:
            self._launch("aten::copy_ on the device")
        elif here:
            self.counts.up += source.nbytes
            self._launch("copy up")
            if not (eager and self._is_pinned(source)):
                self._wait("copy up")
        else:
            self.counts.down += source.nbytes
            self._launch("copy down")
            self._wait("copy down")

    def _is_pinned(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self.pinned


class _Factories(TorchFunctionMode):
    """What reaches no dispatch mode: tensors made of numbers, and pinned memory."""

    def __init__(self, device: _Device) -> None:
        super().__init__()
        self.device = device

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor, torch.asarray) and "device" in kwargs:
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        if func is Tensor.tolist and isinstance(args[0], Held):
            return args[0].cpu().tolist()
        if func is Tensor.numpy and isinstance(args[0], Held) and kwargs.get("force"):
            return args[0].detach().cpu().numpy()
        if func in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[0], Held):
            args = (args[0], _tensors_of_lists(args[1]), *args[2:])
        if func is Tensor.pin_memory:
            made = args[0].clone()
            self.device.pinned.add(made.untyped_storage().data_ptr())
            made._kept = args[0]
            return made
        return func(*args, **kwargs)


def _tensors_of_lists(index: Any) -> Any:
    """An index in which lists are tensors of the CPU, as torch makes them."""
    if isinstance(index, tuple):
        return tuple(torch.tensor(one) if isinstance(one, list) else one for one in index)
    return torch.tensor(index) if isinstance(index, list) else index


def _inner(value: Any) -> Any:
    return value.held if isinstance(value, Held) else value


def _held(tree: Any) -> Any:
    return tree_map_only(Held, lambda one: one.held, tree)


def _wrapped(func: Any, args: Any, kwargs: Any, out: Any) -> Any:
    """Results as tensors of the device; what was changed in place is the argument itself."""
    own = {id(one.held): one for one in tree_leaves((args, kwargs)) if isinstance(one, Held)}
    return tree_map_only(Tensor, lambda one: own[id(one)] if id(one) in own else Held(one), out)


@contextlib.contextmanager
def pretend_device(
    fails: Callable[[int], bool] = lambda launch: False, most: int = 1 << 40
) -> Iterator[Counts]:
    """Within the block ``pretend`` is a device.

    Its memory runs out at the launches that ``fails`` says, and for tensors of more than ``most``
    bytes.
    """
    _register()
    counts = Counts()
    device = _Device(counts, fails, most)
    export, mode = tracing._exported, torch.inference_mode
    tracing._exported = _exported_on_cpu(export)
    torch.inference_mode = _no_inference  # type: ignore[misc, assignment]
    _active.append(device)
    try:
        with _Factories(device), device:
            yield counts
    finally:
        _active.pop()
        tracing._exported = export
        torch.inference_mode = mode  # type: ignore[misc]


def at_random(count: int, *, within: int, seed: int) -> Callable[[int], bool]:
    """Memory runs out at so many of the first launches, drawn by the seed."""
    drawn = set(random.Random(seed).sample(range(within), count))
    return drawn.__contains__


_registered: list[str] = []


def _register() -> None:
    if not _registered:
        backend_registration._setup_privateuseone_for_python_backend(NAME)
        _registered.append(NAME)


class _AsItIs(contextlib.ContextDecorator):
    """A context in which nothing changes."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def _no_inference(mode: bool = True) -> Any:
    return torch.no_grad() if mode else _AsItIs()


def _exported_on_cpu(export: Any) -> Any:
    """Trace a copy of the model on the CPU; what its graph holds is moved to the device."""

    def exported(model: nn.Module, example: Tensor) -> Any:
        if not isinstance(example, Held):
            return export(model, example)
        held: dict[int, Any] = {id(one): one.held for one in model.buffers()}
        for one in model.parameters():
            held[id(one)] = nn.Parameter(one.held.detach(), requires_grad=False)
        own = copy.deepcopy(model, held)
        with _disable_current_modes():
            program = export(own, example.held)
        return SimpleNamespace(
            graph=_on_device(program.graph),
            graph_signature=program.graph_signature,
            constants={
                name: Held(value) if isinstance(value, Tensor) else value
                for name, value in program.constants.items()
            },
            graph_module=program.graph_module,
        )

    return exported


def _on_device(graph: Any) -> Any:
    """A graph whose factories make tensors of the device; the traced one may be shared."""
    if not any("device" in node.kwargs for node in graph.nodes):
        return graph
    graph = copy.deepcopy(graph)
    for node in graph.nodes:
        if node.kwargs.get("device") == torch.device("cpu"):
            node.kwargs = {**node.kwargs, "device": torch.device(NAME)}
    return graph
