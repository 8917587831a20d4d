"""Models by name, with the preprocessing their weights were trained with.

No other file knows the names of models: the demo's, torchvision's, timm's (where it is installed),
and the factories in a user's own file.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import nn

from atlas.demo import network as demo
from atlas.demo import shipped
from atlas.demo.files import WEIGHTS
from atlas.demo.scenes import CLASSES
from atlas.demo.world import SIDE
from atlas.errors import AtlasError, UsageError, first_line
from atlas.images.preprocessing import Preprocessing
from atlas.networks.names import file_of, made_by

IMAGENET = Preprocessing(256, (224, 224), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
DEMO = Preprocessing(SIDE, (SIDE, SIDE), demo.MEAN, demo.STD)


@dataclass(frozen=True)
class Recipe:
    """How to make a model.

    ``make`` returns it with random weights. ``publish`` loads the published weights into it and
    returns a description of them; None where none are published. ``classes`` are the classes that
    the published weights tell apart, in the order of their scores, where that is known. ``runs`` is
    the user's own file whose code it runs; ``library`` is the package whose code it runs, and whose
    version so decides what the model computes.
    """

    make: Callable[[], nn.Module]
    preprocessing: Callable[[nn.Module], Preprocessing]
    publish: Callable[[nn.Module], str] | None = None
    classes: tuple[str, ...] = ()
    runs: Path | None = None
    library: str | None = None


def recipe(name: str) -> Recipe:
    """The recipe of a name. Raises ``UsageError`` for a name that is not known."""
    if name == "demo":
        return Recipe(demo.demo_network, lambda _: DEMO, _publish_demo, CLASSES)
    if name.startswith("timm:"):
        return _timm(name.removeprefix("timm:"))
    file = file_of(name)
    return _own(file, name.rpartition(":")[2]) if file else _torchvision(name)


def names() -> list[str]:
    """The names that are known without timm."""
    import torchvision  # here and below, for it takes seconds to load and the demo needs none

    return ["demo", *torchvision.models.list_models(module=torchvision.models)]


def _publish_demo(model: nn.Module) -> str:
    model.load_state_dict(load_file(WEIGHTS))
    return shipped.TOLD


def _torchvision(name: str) -> Recipe:
    import torchvision

    known = names()
    if name not in known:
        raise UsageError(
            f"--model {name}: neither 'demo', a classification model of torchvision, 'timm:NAME' "
            f"nor 'FILE.py:FACTORY'{_hint(name, known)}"
        )
    default = getattr(torchvision.models.get_model_weights(name), "DEFAULT", None)

    def make() -> nn.Module:
        # without what only training uses; their published weights need transformed inputs
        spare = {"aux_logits": False, "init_weights": False, "transform_input": True}
        options = spare if name in ("googlenet", "inception_v3") else {}
        model = torchvision.models.get_model(name, weights=None, **options)
        assert isinstance(model, nn.Module)
        return model

    def preprocessing(_: nn.Module) -> Preprocessing:
        if default is None:
            return IMAGENET
        preset = default.transforms()
        side = preset.crop_size[0]
        return Preprocessing(
            preset.resize_size[0],
            (side, side),
            tuple(preset.mean),
            tuple(preset.std),
            preset.interpolation.value,
        )

    def publish(model: nn.Module) -> str:
        assert default is not None
        try:
            state = default.get_state_dict(progress=False, check_hash=True)
        except OSError as error:
            raise AtlasError(
                f"the weights of {name} can't be downloaded from {default.url} ({error}); "
                "give a file with --weights, or --weights none"
            ) from error
        own = model.state_dict()
        model.load_state_dict({key: value for key, value in state.items() if key in own})
        return f"torchvision {default}"

    if default is None:
        return Recipe(make, preprocessing, library=made_by(name))
    classes = tuple(default.meta["categories"])
    return Recipe(make, preprocessing, publish, classes, library=made_by(name))


def _timm(name: str) -> Recipe:
    try:
        import timm
    except ImportError as error:
        raise UsageError(
            f"--model timm:{name}: timm is not installed (pip install timm)"
        ) from error
    if not timm.is_model(name):
        hint = _hint(name, timm.list_models())
        raise UsageError(f"--model timm:{name}: timm has no such model{hint}")

    resolve: Any = getattr(timm.data, "resolve_model_data_config")  # noqa: B009, not declared

    def preprocessing(model: nn.Module) -> Preprocessing:
        config = resolve(model)
        _, height, width = config["input_size"]
        return Preprocessing(
            int(min(height, width) / config["crop_pct"]),
            (height, width),
            tuple(config["mean"]),
            tuple(config["std"]),
            config["interpolation"],
        )

    def publish(model: nn.Module) -> str:
        try:
            published = timm.create_model(name, pretrained=True)
        except Exception as error:  # the download raises many kinds
            raise AtlasError(
                f"timm can't get the weights of {name}: {first_line(error)}"
            ) from error
        model.load_state_dict(published.state_dict())
        config: Any = published.pretrained_cfg
        return f"timm {config.get('tag') or name}"

    return Recipe(
        lambda: timm.create_model(name), preprocessing, publish, library=made_by(f"timm:{name}")
    )


def _own(file: Path, factory: str) -> Recipe:
    if not file.is_file():
        raise UsageError(f"--model {file}:{factory}: there is no such file")

    def make() -> nn.Module:
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str(file.parent.resolve()))  # its own imports
        no_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # beside the file
        try:
            spec.loader.exec_module(module)
            if not callable(getattr(module, factory, None)):
                raise UsageError(f"--model: {file} has no function {factory!r}")
            model = getattr(module, factory)()
        except (UsageError, KeyboardInterrupt):
            raise
        except BaseException as error:  # whatever a person's own code raises, SystemExit too
            raise AtlasError(f"{file}:{factory} failed: {_place(error, file)}") from error
        finally:
            sys.path.pop(0)
            sys.dont_write_bytecode = no_bytecode
        if not isinstance(model, nn.Module):
            raise AtlasError(f"{file}:{factory} gave a {type(model).__name__}, not an nn.Module")
        return model

    return Recipe(make, _guessed, runs=file)


def _guessed(model: nn.Module) -> Preprocessing:
    """ImageNet's preprocessing, or the same in grey if the first convolution reads one channel."""
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None and first.in_channels == 1:
        return Preprocessing(256, (224, 224), (0.449,), (0.226,), mode="L")
    return IMAGENET


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _place(error: BaseException, file: Path) -> str:
    """An error's type and message, and its last line in the user's own file."""
    lines: list[Any] = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).name == file.name
    ]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {first_line(error)}{where}"
