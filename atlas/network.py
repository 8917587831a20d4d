"""Networks with the preprocessing their weights were trained with; only here are names known."""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn

from atlas.demo import network as demo
from atlas.demo.world import SIDE
from atlas.errors import AtlasError, UsageError
from atlas.graph import Graph
from atlas.preprocessing import Preprocessing
from atlas.receptive_fields import ReceptiveField
from atlas.units import Layer, find_layers

IMAGENET = Preprocessing(256, (224, 224), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
DEMO = Preprocessing(SIDE, (SIDE, SIDE), demo.MEAN, demo.STD)


@dataclass(frozen=True)
class Network:
    """A network in evaluation mode, its preprocessing, and its layers.

    ``module`` is the model itself, unmodified. ``weights`` says in words where its weights come
    from; ``missing`` names the modules that have none, and the layers that need them are left
    out of ``layers``.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    weights: str = ""
    missing: tuple[str, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return self.graph.device

    @cached_property
    def graph(self) -> Graph:
        """The traced graph."""
        return Graph(self.module, self.preprocessing.input_shape)

    @cached_property
    def layers(self) -> Mapping[str, Layer]:
        """All layers by id, in order of execution."""
        found = find_layers(self.graph)
        if self.missing:
            lame = self._without_weights()
            found = {name: layer for name, layer in found.items() if layer.node not in lame}
        return MappingProxyType(found)

    def _without_weights(self) -> set[object]:
        lame: set[object] = set()
        for node, operation in self.graph.operations.items():
            own = node.op == "call_module" and any(
                str(node.target) == path or str(node.target).startswith(path + ".")
                for path in self.missing
            )
            if own or any(below in lame for below in operation.inputs):
                lame.add(node)
        return lame

    @cached_property
    def weights_hash(self) -> str:
        """SHA-256 over the names, shapes and bytes of all parameters and buffers."""
        digest = hashlib.sha256()
        for name, value in sorted(self.module.state_dict().items()):
            array = value.detach().cpu().contiguous().view(-1)
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(array.view(torch.uint8).numpy().tobytes() if array.numel() else b"")
        return digest.hexdigest()

    def choose(self, patterns: Iterable[str] | None = None) -> list[Layer]:
        """The layers whose id matches one of the globs, in order; all of them for None."""
        if patterns is None:
            return list(self.layers.values())
        wanted = list(patterns)
        for pattern in wanted:
            if not fnmatch.filter(self.layers, pattern):
                raise UsageError(
                    f"no layer of {self.name} matches {pattern!r}; "
                    f"its layers are {', '.join(self.layers)}"
                )
        return [
            layer
            for layer in self.layers.values()
            if any(fnmatch.fnmatch(layer.id, pattern) for pattern in wanted)
        ]

    def layer(self, name: str) -> Layer:
        """One layer by id. Raises ``UsageError`` when there is none of that name."""
        if name not in self.layers:
            raise UsageError(
                f"{self.name} has no layer {name!r}; its layers are {', '.join(self.layers)}"
            )
        return self.layers[name]

    def inputs(self, stimuli: np.ndarray) -> Tensor:
        """The network's input for stimuli ``[N, H, W, C]`` uint8."""
        return self.preprocessing.inputs(stimuli, self.device, self.graph.dtype)

    def activations(self, inputs: Tensor, layers: list[Layer]) -> Iterator[tuple[Layer, Tensor]]:
        """Run the network once, giving each layer's feature maps ``[N, units, H, W]`` in turn."""
        at: dict[object, list[Layer]] = {}
        for layer in layers:
            at.setdefault(layer.node, []).append(layer)
        waiting = len(at)
        with torch.inference_mode():
            for node, values in self.graph.run(inputs):
                value = values[node]
                for layer in at.get(node, ()):
                    yield layer, layer.maps(value)
                waiting -= node in at
                if not waiting:
                    return


def load_network(
    name: str,
    weights: str | Path | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Network:
    """A network by name.

    ``name`` is "demo" or a classification model of torchvision. ``weights`` is a file
    (``.safetensors`` or a state dict saved by torch), "default" for the published weights,
    "none" for random ones drawn from ``seed``; None means "default" for the demo and "none" for
    all others. Raises ``UsageError`` for an unknown name and ``AtlasError`` for weights that
    can't be had or don't fit.
    """
    weights = str(weights) if weights is not None else ("default" if name == "demo" else "none")
    preprocessing = DEMO if name == "demo" else _preset(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = demo.demo_network() if name == "demo" else _untrained(name)
        model.eval()
    missing: tuple[str, ...] = ()
    if weights == "none":
        source = f"random, seed {seed}"
    elif weights == "default" and name == "demo":
        model.load_state_dict(load_file(demo.WEIGHTS))
        source = "trained on the demo world, shipped with CNN Atlas"
    elif weights == "default":
        model, source = _published(name, model)
    else:
        missing = _load(model, Path(weights), name)
        source = Path(weights).name
    model = model.to(device)
    network = Network(name, model, preprocessing, source, missing)
    if not network.layers:
        raise AtlasError(f"no layer of {name} has weights in {weights}")
    return network


def wrap(module: nn.Module, preprocessing: Preprocessing, name: str = "network") -> Network:
    """A network from a model of your own, which is used as it is and never changed."""
    return Network(name, module, preprocessing, "given in memory")


def receptive_field(network: Network, layer: str) -> ReceptiveField:
    """The receptive fields of a layer's positions, or of any module's output by its path.

    Raises ``UsageError`` for a name that is neither.
    """
    if layer in network.layers:
        return network.layers[layer].field
    for node in network.graph.operations:
        if node.op == "call_module" and node.target == layer:
            return ReceptiveField(*network.graph.fields[node])
    raise UsageError(
        f"{network.name} has no layer or module {layer!r}; its layers are "
        f"{', '.join(network.layers)}"
    )


def model_names() -> list[str]:
    """What ``load_network`` takes besides files."""
    return ["demo", *torchvision.models.list_models(module=torchvision.models)]


def _preset(name: str) -> Preprocessing:
    """The preprocessing of a torchvision model's weights. Raises for names it doesn't have."""
    known = model_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(
            f"--model {name}: neither 'demo' nor a classification model of torchvision{hint}"
        )
    if name.startswith(("vit_", "swin", "maxvit")):
        raise UsageError(
            f"--model {name}: a vision transformer has no channels with a place in the image, "
            "which is what an atlas shows; choose a convolutional network"
        )
    default = getattr(torchvision.models.get_model_weights(name), "DEFAULT", None)
    if default is None:
        return IMAGENET
    preset = default.transforms()
    return Preprocessing(
        preset.resize_size[0],
        (preset.crop_size[0], preset.crop_size[0]),
        tuple(preset.mean),
        tuple(preset.std),
        preset.interpolation.value,
    )


def _untrained(name: str) -> nn.Module:
    """The model with random weights, by its own initialisation where that takes no extra time."""
    branches = {"aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    slow = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = torchvision.models.get_model(name, weights=None, **branches, **slow)
    assert isinstance(model, nn.Module)
    return model


def _published(name: str, model: nn.Module) -> tuple[nn.Module, str]:
    default = torchvision.models.get_model_weights(name).DEFAULT
    try:
        state = default.get_state_dict(progress=False, check_hash=True)
    except OSError as error:
        raise AtlasError(
            f"the weights of {name} can't be downloaded from {default.url} ({error}); "
            "give a file with --weights, or --weights none"
        ) from error
    model.load_state_dict({k: v for k, v in state.items() if k in model.state_dict()})
    return model, f"torchvision {default}"


def _load(model: nn.Module, path: Path, name: str) -> tuple[str, ...]:
    """Load a file's weights; returns the modules that got none. Raises if they don't fit."""
    if not path.is_file():
        raise UsageError(
            f"--weights {path}: there is no such file (a file, 'default' or 'none' is wanted)"
        )
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both libraries raise many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise AtlasError(f"{path} can't be read as weights: {reason}") from error
    if not isinstance(state, dict):
        raise AtlasError(f"{path} holds no dictionary of weights")
    own = model.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
    wrong = [
        f"{k} is {list(v.shape)}, not {list(own[k].shape)}"
        for k, v in state.items()
        if k in own and v.shape != own[k].shape
    ]
    wrong += [f"{k} is not in {name}" for k in state if k not in own]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise AtlasError(f"{path} doesn't fit {name}: {'; '.join(wrong[:3])}{more}")
    model.load_state_dict(fitting, strict=False)
    lacking = [k for k in own if k not in fitting and not k.endswith("num_batches_tracked")]
    return tuple(dict.fromkeys(k.rpartition(".")[0] for k in lacking))
