"""What settings name, opened and loaded: images, masks and the network, on its device."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.compute.recognition import origin_of
from atlas.data.file_digests import digest_of_file
from atlas.data.settings import DEMO_IMAGES, Settings
from atlas.demo.files import WEIGHTS as DEMO_WEIGHTS
from atlas.errors import UsageError
from atlas.images.boxes import open_boxes
from atlas.images.hierarchy import read_hierarchy
from atlas.images.masks import DemoMasks, Masks, open_masks
from atlas.images.sources import DemoImages, Folder, label_of, name_of, open_folder
from atlas.networks.names import chosen_weights, file_of
from atlas.runtime.progress import announced
from atlas.runtime.ranks import ALONE, Ranks, local_device

if TYPE_CHECKING:  # at run time they come with torch, which a finished atlas needn't wait for
    from PIL import Image

    from atlas.networks.checkpoints import Checkpoints
    from atlas.networks.network import Network

# what Linux shows of an accelerator that torch may know: NVIDIA's, AMD's, and those within WSL
ACCELERATORS = tuple(map(Path, ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")))
DEMO_CHECKPOINTS = DEMO_WEIGHTS.with_name("checkpoints")


def images_of(settings: Settings) -> Folder | DemoImages:
    """The images. Raises ``UsageError`` if there are none."""
    if settings.images == "demo":
        return DemoImages(settings.limit or DEMO_IMAGES)
    return open_folder(Path(settings.images).expanduser(), settings.limit)


def masks_of(settings: Settings, images: Folder | DemoImages) -> Masks | None:
    """The masks of concepts in the images. Raises ``UsageError`` if there are none."""
    if isinstance(images, DemoImages):
        if settings.masks:
            raise UsageError("--masks: the demo world knows its own; give a folder of --images")
        return DemoMasks(images)
    if settings.masks and settings.masks.is_file():
        return open_boxes(settings.masks, images)
    return open_masks(settings.masks, images) if settings.masks else None


def check_hierarchy(settings: Settings, images: Folder | DemoImages) -> None:
    """Raise ``UsageError`` where the groups of classes that the settings name can't be used."""
    if settings.hierarchy:
        labels = (label_of(images, index) for index in range(len(images)))
        read_hierarchy(settings.hierarchy, filter(None, labels))


def checkpoints_of(settings: Settings) -> Checkpoints | None:
    """The network's weights from the way of its training, if they are known.

    The demo network with its own weights has its own, where its training left them: on another
    machine rounding makes other units of the same training. Raises ``UsageError`` where the
    settings name a folder in which there are none.
    """
    from atlas.networks.checkpoints import open_checkpoints

    if settings.checkpoints:
        return open_checkpoints(settings.checkpoints.expanduser())
    if settings.model != "demo" or chosen_weights("demo", settings.weights) != "default":
        return None
    try:
        record = json.loads(DEMO_CHECKPOINTS.joinpath("record.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    is_own = record["weights"] == digest_of_file(DEMO_WEIGHTS)
    return open_checkpoints(DEMO_CHECKPOINTS) if is_own else None


def network_of(
    settings: Settings, *, ranks: Ranks = ALONE, preprocessing: Mapping[str, Any] | None = None
) -> Network:
    """The network, on its device, with a note on what a person should know of it.

    ``preprocessing`` replaces fields of the usual one where the settings change none. Raises
    ``UsageError`` and ``AtlasError`` as ``load_network`` does.
    """
    from atlas.networks.network import load_network

    file = file_of(settings.model)
    if file and file.is_file() and ranks.leads:
        print(f"note: this runs the code of {file}", file=sys.stderr)
    with announced("loading") if ranks.leads else nullcontext():
        network = load_network(
            settings.model,
            settings.weights,
            seed=settings.seed,
            device=local_device(device(settings.device)),
            preprocessing=settings.preprocessing_changes or preprocessing,
        )
    if network.left_out and ranks.leads:
        print(f"note: left out is {network.left_out}", file=sys.stderr)
    return network


def origin(settings: Settings, *, images: Folder | DemoImages, masks: Masks | None) -> str | None:
    """A digest of all that decides the atlas; None where the network has to be loaded to tell."""
    return origin_of(
        settings,
        images=images.identity(),
        masks=masks.identity() if masks else None,
        device=device(settings.device).partition(":")[0],
    )


def device(name: str) -> str:
    """The device to compute on. Raises ``UsageError`` if there is none of that name."""
    if name == "cpu" or (name == "auto" and has_no_accelerator()):
        return "cpu"
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = name.partition(":")[0]
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if kind not in there:
        raise UsageError(f"--device {name}: choose auto, cpu, cuda or mps")
    if not there[kind]:
        raise UsageError(f"--device {name}: this machine has none that torch can use")
    return name


def has_no_accelerator() -> bool:
    """Whether this machine surely has none, which takes no time to tell."""
    return sys.platform == "linux" and not any(path.exists() for path in ACCELERATORS)


def image_of(name: str, settings: Settings) -> Image.Image:
    """The photograph in a file, or one of the images by its name. Raises ``UsageError``."""
    from atlas.images.reading import read_image

    if Path(name).is_file():
        return read_image(Path(name))
    images = images_of(settings)
    for index in range(len(images)):
        if name_of(images, index) == name:
            return images[index]
    raise UsageError(f"{name}: there is no such file, and none of --images {settings.images} "
                     f"is called so (the first is {name_of(images, 0)})")  # fmt: skip
