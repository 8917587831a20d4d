"""Weights from files: reading them, and fitting them to a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from atlas.errors import AtlasError, UsageError, first_line

SHOWN = 3  # mismatches that an error lists


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file, a state dict, or a checkpoint that holds one.

    Files of torch are read with ``weights_only``: nothing in them is run. Raises ``UsageError``
    when there is no such file and ``AtlasError`` when it holds no weights.
    """
    if not path.is_file():
        raise UsageError(
            f"--weights {path}: there is no such file (a file, 'default' or 'none' is wanted)"
        )
    try:
        if path.suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both libraries raise many kinds
        raise AtlasError(f"{path} can't be read as weights: {first_line(error)}") from error
    while isinstance(found, Mapping):
        tensors = {str(k): v for k, v in found.items() if isinstance(v, Tensor)}
        if tensors:
            return tensors
        inner = [v for v in found.values() if isinstance(v, Mapping)]
        # a training checkpoint keeps its state dict beside counters and the optimiser's state
        found = max(inner, key=_tensors_in, default=None)
    raise AtlasError(f"{path} holds no dictionary of weights")


def _tensors_in(found: Mapping[Any, Any]) -> int:
    return sum(isinstance(value, Tensor) for value in found.values())


def fit(model: nn.Module, state: Mapping[str, Tensor], path: Path, name: str) -> tuple[str, ...]:
    """Load weights into a model; returns the paths of the modules that got none.

    Names may carry a prefix that the model's own lack, as training frameworks put there; what
    else then stands beside the prefixed ones is left alone. Raises ``AtlasError`` with a short
    list if the weights don't fit.
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
    model.load_state_dict(fitting, strict=False)
    lacking = [k for k in own if k not in fitting and not k.endswith("num_batches_tracked")]
    return tuple(dict.fromkeys(k.rpartition(".")[0] for k in lacking))


def _prefix(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """What stands before the model's names in most of the file's; nothing if they are its own."""
    if any(name in own for name in state):
        return ""
    found: Counter[str] = Counter()
    for name in state:
        parts = name.split(".")
        for cut in range(1, len(parts)):
            if ".".join(parts[cut:]) in own:
                found[".".join(parts[:cut]) + "."] += 1
                break
    return found.most_common(1)[0][0] if found else ""
