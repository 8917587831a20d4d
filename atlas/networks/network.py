"""Networks: a model with its layers and the preprocessing its weights were trained with."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from atlas.errors import AtlasError, UsageError
from atlas.images.preprocessing import Preprocessing
from atlas.networks import zoo
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer, find_layers, lost_layers, unplaced_layers
from atlas.networks.names import chosen_weights
from atlas.networks.operations import Node, Operation, Rearrangement
from atlas.networks.receptive_fields import ReceptiveField
from atlas.networks.tracing import paths_of
from atlas.networks.weights import fit, read


@dataclass(frozen=True)
class Network:
    """A network in evaluation mode, its preprocessing, and its layers.

    ``module`` is the model itself, unmodified. ``weights`` describes where its weights come from;
    ``missing`` names the modules that lack weights, and ``layers`` leaves out what depends on them.
    ``runs`` is the user's own file whose code made the model, and ``library`` the package that made
    it; None where that isn't so. ``classes`` are those that its outputs score, in order, if they
    are known with the weights.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    weights: str = ""
    missing: tuple[str, ...] = ()
    runs: Path | None = None
    library: str | None = None
    classes: tuple[str, ...] = ()

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
        layers = find_layers(self.graph)
        if self.missing:
            lacking = self._without_weights()
            layers = {name: layer for name, layer in layers.items() if layer.node not in lacking}
        return MappingProxyType(layers)

    @property
    def left_out(self) -> str:
        """What of the network isn't shown, and why; "" if it is all shown."""
        reasons = []
        if self.missing:
            reasons.append(f"what needs the weights of {', '.join(self.missing)}")
        unplaced = unplaced_layers(self.graph)
        if unplaced:
            first = unplaced[0].path or unplaced[0].name
            reasons.append(f"{_layers(len(unplaced))} without rows and columns, {first} the first")
        lost = lost_layers(self.graph)
        if lost:
            operation, count = lost
            reasons.append(f"{_layers(count)} from {_mixes(operation)}")
        return "; ".join(reasons)

    def _without_weights(self) -> set[object]:
        """The nodes that depend on a module without weights."""
        lacking: set[object] = set()
        for node, operation in self.graph.operations.items():
            names = self.graph.tensors_of(node)
            own = any(name.rpartition(".")[0] in self.missing for name in names)
            if own or any(below in lacking for below in operation.inputs):
                lacking.add(node)
        return lacking

    @cached_property
    def weights_hash(self) -> str:
        """SHA-256 over the names, shapes and bytes of all parameters and buffers."""
        digest = hashlib.sha256()
        for name, value in sorted(self.module.state_dict().items()):
            array = value.detach().cpu().contiguous().view(-1)
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(array.view(torch.uint8).numpy().tobytes() if array.numel() else b"")
        return digest.hexdigest()

    @cached_property
    def scores(self) -> Node | None:
        """The node of the scores of classes ``[N, K]``; None where the network returns no such."""
        if len(self.graph.trace.outputs) != 1:
            return None
        node = self.graph.trace.outputs[0]
        lost = node not in self.graph.operations or node in self._without_weights()
        return None if lost or len(self.graph.shapes[node]) != 1 else node

    def choose(self, patterns: Iterable[str] | None = None) -> list[Layer]:
        """The layers whose id matches one of the globs, in order; all layers for None.

        Raises ``UsageError`` for a glob that matches no layer.
        """
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
        """A layer by id. Raises ``UsageError`` if there is none of that name."""
        if name not in self.layers:
            raise UsageError(
                f"{self.name} has no layer {name!r}; its layers are {', '.join(self.layers)}"
            )
        return self.layers[name]

    def inputs(self, stimuli: np.ndarray) -> Tensor:
        """The network's input for stimuli ``[N, H, W, C]`` uint8."""
        return self.preprocessing.inputs(stimuli, self.device, self.graph.dtype)

    def activations(
        self, inputs: Tensor, layers: Iterable[Layer]
    ) -> Iterator[tuple[Layer, Tensor]]:
        """Run the network once and yield each layer with its feature maps ``[N, units, H, W]``."""
        at: dict[object, list[Layer]] = {}
        for layer in layers:
            at.setdefault(layer.node, []).append(layer)
        remaining = len(at)
        with torch.inference_mode():
            for node, values in self.graph.run(inputs):
                for layer in at.get(node, ()):
                    yield layer, layer.maps(values[node])
                remaining -= node in at
                if not remaining:
                    return


def _layers(count: int) -> str:
    return "1 layer" if count == 1 else f"{count} layers"


def _mixes(operation: Operation) -> str:
    """Where positions or images are mixed, in words."""
    inside = f" in {operation.path}" if operation.path else ""
    joins = isinstance(operation, Rearrangement)
    does = "makes one dimension of images and others" if joins else "mixes positions"
    return f"the {operation.name}{inside} on, which {does}"


def load_network(
    name: str,
    weights: str | Path | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    preprocessing: Mapping[str, Any] | None = None,
) -> Network:
    """Load a network by name.

    ``name`` is "demo", a classification model of torchvision, "timm:NAME", or "FILE.py:FACTORY",
    which runs that file's code. ``weights`` is a file (``.safetensors``, a state dict saved by
    torch, or a checkpoint that holds one), "default" for the published weights, or "none" for
    random weights drawn from ``seed`` (a factory's model keeps the weights it has); None means
    "default" for the demo and "none" for all others. ``preprocessing`` replaces fields of the
    default preprocessing. Raises ``UsageError`` for a name or an option that is wrong, and
    ``AtlasError`` for weights that can't be read or downloaded or don't fit.
    """
    recipe = zoo.recipe(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = recipe.make().eval()
    chosen = chosen_weights(name, weights)
    missing: tuple[str, ...] = ()
    if chosen == "none":
        source = f"as {recipe.runs.name} makes them" if recipe.runs else "random"
        source += f", seed {seed}"
    elif chosen == "default":
        if recipe.publish is None:
            raise UsageError(f"--weights default: nothing is published for {name}")
        source = recipe.publish(model)
    else:
        path = Path(chosen).expanduser()
        missing = fit(model, read(path), path=path, name=name)
        source = path.name
    usual = recipe.preprocessing(model)
    network = Network(
        name.rpartition("/")[2],
        model.to(device),
        usual.adjusted(preprocessing or {}),
        source,
        missing,
        recipe.runs,
        recipe.library,
        recipe.classes if chosen == "default" else (),
    )
    if not network.layers and missing:
        raise AtlasError(f"no layer of {name} has all its weights in {chosen}")
    lost = lost_layers(network.graph)
    if lost and len(network.layers) < 2:
        raise UsageError(
            f"--model {name}: from {_mixes(lost[0])}, its channels have no positions in the image, "
            "as in a vision transformer, and such channels are what an atlas shows; choose a "
            "convolutional network"
        )
    if all(layer.kind != "convolution" for layer in network.layers.values()):
        raise UsageError(
            f"--model {name}: there is no convolution in it, and so no channels with positions "
            "in the image, which are what an atlas shows"
        )
    return network


def wrap(module: nn.Module, preprocessing: Preprocessing, name: str = "network") -> Network:
    """A network from a model in memory, which is never changed."""
    return Network(name, module, preprocessing, "given in memory")


def receptive_field(network: Network, layer: str) -> ReceptiveField:
    """The receptive fields of a layer by id, or of any module's output by the module's path.

    Raises ``UsageError`` for a name that is neither.
    """
    if layer in network.layers:
        return network.layers[layer].field
    inside = [node for node in network.graph.fields if layer in paths_of(node)]
    if inside:
        return ReceptiveField(*network.graph.fields[inside[-1]].true)
    raise UsageError(
        f"{network.name} has no layer or module {layer!r}; its layers are "
        f"{', '.join(network.layers)}"
    )
