"""Weights: read them from files, and load them into a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from atlas.errors import AtlasError, UsageError, first_line

SHOWN = 3  # mismatches that an error lists, at most


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file, a state dict, or a checkpoint that holds one.

    Torch reads its files with ``weights_only``, so no code in them is run. Raises ``UsageError`` if
    there is no such file, and ``AtlasError`` if it holds no weights.
    """
    if not path.is_file():
        raise UsageError(
            f"--weights {path}: there is no such file (give a file, 'default' or 'none')"
        )
    try:
        if path.suffix == ".safetensors":
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both libraries raise many kinds
        raise AtlasError(f"{path} can't be read as weights: {first_line(error)}") from error
    while isinstance(content, Mapping):
        tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
        if tensors:
            return tensors
        inner = [v for v in content.values() if isinstance(v, Mapping)]
        # a training checkpoint keeps its state dict beside counters and the optimiser's state
        content = max(inner, key=_count_tensors, default=None)
    raise AtlasError(f"{path} holds no dictionary of weights")


def _count_tensors(content: Mapping[Any, Any]) -> int:
    return sum(isinstance(value, Tensor) for value in content.values())


def fit(model: nn.Module, state: Mapping[str, Tensor], *, path: Path, name: str) -> tuple[str, ...]:
    """Load weights into a model, and return the paths of the modules that lack weights.

    The weights' names may have a prefix that the model's names lack, as training frameworks add
    one; names without that prefix are then ignored. ``path`` and ``name`` are the file's and the
    model's, for messages. Raises ``AtlasError`` with a short list if the weights don't fit, and for
    numbers that are not finite.
    """
    own = model.state_dict()
    prefix = _prefix(own, state)
    state = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    fitting = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
    wrong = [
        f"{k} is {list(v.shape)}, not {list(own[k].shape)}"
        for k, v in state.items()
        if k in own and v.shape != own[k].shape
    ]
    wrong += [f"{k} is not in {name}" for k in state if k not in own]
    if wrong or not fitting:
        listed = "; ".join(wrong[:SHOWN]) or "it has none of its names"
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise AtlasError(f"{path} doesn't fit {name}: {listed}{more}")
    for k, v in fitting.items():
        if v.is_floating_point() and not v.isfinite().all():
            count = int((~v.isfinite()).sum())
            raise AtlasError(f"{path}: {count} of {v.numel()} numbers of {k} are not finite")
    model.load_state_dict(fitting, strict=False)
    lacking = [k for k in own if k not in fitting and not k.endswith("num_batches_tracked")]
    return tuple(dict.fromkeys(k.rpartition(".")[0] for k in lacking))


def _prefix(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """The prefix that most names of the file have before the model's; "" if they have none."""
    if any(name in own for name in state):
        return ""
    prefixes: Counter[str] = Counter()
    for name in state:
        parts = name.split(".")
        for cut in range(1, len(parts)):
            if ".".join(parts[cut:]) in own:
                prefixes[".".join(parts[:cut]) + "."] += 1
                break
    return prefixes.most_common(1)[0][0] if prefixes else ""
