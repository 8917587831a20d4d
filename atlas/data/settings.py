"""The settings of a build: one field for each option, with all there is to know about the option.

The command's parser and help, the keys of ``atlas.toml``, the fingerprint, the settings in
``atlas.json`` and the command that pages show follow from the fields of ``Settings``. To add an
option, add a field.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from atlas.data import extras
from atlas.data.curves import CHOICES as DRAWN_FOR
from atlas.data.curves import NONE as NO_CURVES
from atlas.data.escaping import escaped
from atlas.data.experiments.table import ALL, NAMES, NONE, USUAL
from atlas.data.options import (
    GLOBS,
    LISTED,
    NATURAL,
    NUMBERS,
    PATH,
    POSITIVE,
    SIZE,
    SWITCH,
    WHOLE,
    WORDS,
    Option,
    last_component,
    option,
)
from atlas.data.rules import RULES
from atlas.data.wants import CHOICES as MADE_FOR
from atlas.data.wants import MORE as MADE_BESIDES
from atlas.data.wants import NONE as NOTHING_MADE
from atlas.errors import UsageError

HOME = Path(__file__).resolve().parents[2]  # the folder of build.py
DEMO_IMAGES = 2_400

LOOK = "what to look at"
SEES = "what the network sees"
WHERE = "where it goes"
HOW = "how"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to build an atlas, and where to put it. Every value is hashable."""

    model: str = option(
        LOOK,
        "demo",
        metavar="NAME",
        may_be_path=True,
        help="'demo' (the default), a classification model of torchvision, 'timm:NAME' where timm "
        "is installed, or 'FILE.py:FACTORY', a function of yours that returns a model (which runs "
        "that file's code)",
    )
    weights: str | None = option(
        LOOK,
        metavar="FILE",
        may_be_path=True,
        help="a .safetensors file, or a state dict or checkpoint saved by torch; 'default' for the "
        "published weights, downloaded by the model's library; 'none' for random ones (default: "
        "'default' for the demo, else 'none')",
    )
    images: str = option(
        LOOK,
        "demo",
        metavar="FOLDER",
        may_be_path=True,
        help="a folder of photographs, in class sub-folders or flat; or 'demo' (the default)",
    )
    checkpoints: Path | None = option(
        LOOK,
        kind=PATH,
        metavar="FOLDER",
        may_be_path=True,
        help="weights from the way of the network's training, a file each, in the order of their "
        "names (epoch2 before epoch10): for the experiment on evolution (the demo has its own)",
    )
    limit: int | None = option(
        LOOK,
        kind=POSITIVE,
        metavar="N",
        help=f"look at N images, spread over the folder (default: all; {DEMO_IMAGES} of the demo)",
    )
    layers: tuple[str, ...] = option(
        LOOK,
        (),
        kind=GLOBS,
        metavar="GLOB",
        help="only layers whose id matches; may be repeated, or hold several with commas",
    )
    units: int | None = option(
        LOOK,
        kind=POSITIVE,
        metavar="N",
        help="show only N units of each layer, spread evenly: a quick look at a large network",
    )
    rule: str = option(
        LOOK,
        "deconvnet",
        kind=LISTED,
        choices=tuple(RULES),
        help="how reconstructions come down (default: deconvnet); more after commas are "
        "--other-rules",
    )
    other_rules: tuple[str, ...] = option(
        LOOK,
        (),
        kind=WORDS,
        choices=tuple(RULES),
        metavar="RULE",
        help="show and try what other rules draw beside it, several with commas (default: none; "
        "guided in layers where no image enters a reconstruction by deconvnet)",
    )
    tiles: str = option(
        LOOK,
        "auto",
        choices=("auto", "nominal", "close"),
        help="what a tile shows: 'nominal' the whole receptive field, as the paper does, 'close' a "
        "close-up of where the reconstruction lies, 'auto' (the default) a close-up in layers "
        "whose field covers more than three quarters of the input's height or width",
    )
    near_duplicates: int | None = option(
        LOOK,
        kind=NATURAL,
        metavar="BITS",
        help="count images as one if their perceptual hashes differ in at most BITS of 64 bits "
        "(needs imagehash; images with equal pixels always count as one)",
    )
    masks: Path | None = option(
        LOOK,
        kind=PATH,
        metavar="FOLDER",
        may_be_path=True,
        help="masks of concepts in the images, as FOLDER/CONCEPT/PATH-OF-IMAGE.png, white where "
        "the concept is, or a CSV file of boxes: units are named for those they overlap with, and "
        "experiments hide them (the demo knows its own)",
    )
    hierarchy: Path | None = option(
        LOOK,
        kind=PATH,
        metavar="FILE",
        may_be_path=True,
        help="groups of the images' classes, as a text file with a line for each child: its name, "
        "a tab, its parent's; so a unit of many breeds can be called 'dog'",
    )
    evidence: str = option(
        LOOK,
        "all",
        choices=("all", "none"),
        help="'none' leaves out the trials of what reconstructions prove, names, and the "
        "statistics of all images; they take up to half of the time (default: all)",
    )
    experiments: tuple[str, ...] = option(
        LOOK,
        (USUAL,),
        kind=WORDS,
        choices=(*NAMES, ALL, NONE, USUAL),
        metavar="NAME",
        decides=False,  # which stages there are, and none of their results
        help=f"which experiments to make, several with commas: {', '.join(NAMES)}, or 'all', "
        "'none' or 'usual', those that take seconds (default: usual; a tenth of the demo's time)",
    )
    live: str = option(
        LOOK,
        "auto",
        choices=("auto", "on", "off"),
        help="whether the site has a page on which the network itself runs, on drawings and "
        "photographs: 'auto' (the default) where a page can load and run it in a moment",
    )
    subjects: tuple[str, ...] = option(
        LOOK,
        (),
        kind=GLOBS,
        metavar="GLOB",
        help="the images that experiments look at closely, by name; may be repeated, or hold "
        "several with commas (default: five, of different classes)",
    )
    wants: str = option(
        LOOK,
        NOTHING_MADE,
        choices=MADE_FOR,
        help="make pictures that excite units, by gradient ascent, for 'all' units, for those that "
        "stand for their layer ('representative'), or for 'none' (the default)",
    )
    curves: str = option(
        LOOK,
        NO_CURVES,
        choices=DRAWN_FOR,
        help="try reconstructions at several shares of their pixels, not at a fifth alone, for "
        "'all' units, for those that stand for their layer ('representative'), or for 'none' (the "
        "default)",
    )
    wants_more: tuple[str, ...] = option(
        LOOK,
        (),
        kind=WORDS,
        choices=MADE_BESIDES,
        metavar="KIND",
        help="make more pictures for each of these units, several with commas: 'second', unlike "
        "the first, 'negative', what it wants least, 'pixels', one by another method, to compare",
    )
    title: str = option(
        LOOK,
        "",
        metavar="TEXT",
        decides=False,
        help="what pages call the network (default: its name; 'The demo world' for the demo)",
    )
    about: str = option(
        LOOK,
        "",
        metavar="TEXT",
        decides=False,
        help="a sentence on the network for the first page",
    )
    credit: str = option(
        LOOK,
        "",
        metavar="TEXT",
        decides=False,
        help="whose the images are",
    )
    images_licence: str = option(
        LOOK,
        "",
        metavar="TEXT",
        decides=False,
        help="the licence of the images",
    )

    resize: int | None = option(
        SEES,
        kind=POSITIVE,
        metavar="N",
        help="resize the shorter side to N pixels first",
    )
    crop: tuple[int, int] | None = option(
        SEES,
        kind=SIZE,
        metavar="N or HxW",
        help="cut so much from the centre: the input size",
    )
    mean: tuple[float, ...] | None = option(
        SEES,
        kind=NUMBERS,
        metavar="R,G,B",
        help="subtracted from [0, 1]",
    )
    std: tuple[float, ...] | None = option(
        SEES,
        kind=NUMBERS,
        metavar="R,G,B",
        help="divided by",
    )
    interpolation: str | None = option(
        SEES,
        choices=("bilinear", "bicubic", "nearest", "lanczos"),
        help="how pixels are resized",
    )
    colour: str | None = option(
        SEES,
        choices=("rgb", "grey"),
        help="colours of the input",
    )

    out: Path = option(
        WHERE,
        HOME / "site",
        kind=PATH,
        metavar="FOLDER",
        decides=False,
        private=True,
        scope="command",
        help="the site (default: site/)",
    )
    name: str | None = option(
        WHERE,
        decides=False,
        help="the atlas's name and folder within the site (default: the model's)",
    )
    budget: int = option(
        WHERE,
        1000,
        kind=POSITIVE,
        metavar="MB",
        decides=False,
        scope="run",
        help="how large the atlas may be (default: 1000, what GitHub Pages takes): the build "
        "leaves out what doesn't fit, and says so first",
    )
    config: Path | None = option(
        WHERE,
        kind=PATH,
        metavar="FILE",
        decides=False,
        private=True,
        scope="command",
        help="the site's title, author and atlases (default: atlas.toml beside build.py, if there "
        "is one); without options of its own the command builds all its atlases",
    )
    notes: Path | None = option(
        WHERE,
        kind=PATH,
        metavar="FOLDER",
        decides=False,
        private=True,
        scope="command",
        help="Markdown files that become pages, in which units appear as figures (default: notes/ "
        "beside build.py)",
    )
    base_url: str | None = option(
        WHERE,
        metavar="URL",
        decides=False,
        scope="command",
        help="the address that the site will be published at, for link previews, embedding and "
        "search engines; every link works without it",
    )
    images_policy: str = option(
        WHERE,
        "show",
        choices=("show", "pointers"),
        help="'pointers' publishes names, boxes, values and reconstructions, but no pixels of "
        "images that may not be passed on (default: show)",
    )
    jpeg: bool = option(
        WHERE,
        True,
        kind=SWITCH,
        help="keep each plate as JPEG, too, for LaTeX, slides and link previews, where there is "
        "room; --no-jpeg is --without jpeg",
    )
    lean: bool = option(
        WHERE,
        False,
        kind=SWITCH,
        help="keep of each unit its page, its plate and its data, and nothing else: --without all "
        "that can be left out",
    )
    without: tuple[str, ...] = option(
        WHERE,
        (),
        kind=WORDS,
        choices=extras.NAMES,
        metavar="PART",
        help=f"leave out a part: {', '.join(extras.NAMES)}; may be repeated, or hold several with "
        "commas. Without names the demo takes a fifth less time, without all others a twelfth. "
        "Where the budget is too small for all, the last of these go first",
    )

    device: str = option(
        HOW,
        "auto",
        scope="run",
        help="auto, cpu, cuda or mps (default: auto)",
    )
    seed: int = option(
        HOW,
        0,
        kind=WHOLE,
        metavar="N",
        help="of random weights (default: 0); the demo world's pictures have a seed of their own",
    )
    batch_size: int = option(
        HOW,
        64,
        kind=POSITIVE,
        metavar="N",
        scope="run",
        help="images the network is run on at once (default: 64; on a CPU always 16, the fastest)",
    )
    workers: int = option(
        HOW,
        min(8, os.cpu_count() or 1),
        kind=NATURAL,
        metavar="N",
        decides=False,
        private=True,  # the default says how many cores this machine has
        scope="run",
        help="processes that decode images; 0 for none beside the main one (default: one for each "
        "core, at most 8)",
    )
    strict: bool = option(
        HOW,
        False,
        kind=SWITCH,
        decides=False,
        private=True,  # an atlas that fails has no page to say so
        scope="run",
        help="fail where an image can't be read, instead of leaving it out",
    )
    fresh: bool = option(
        HOW,
        False,
        kind=SWITCH,
        decides=False,
        private=True,
        scope="command",
        help="compute everything, whatever an earlier build or a stopped one left",
    )
    debug: bool = option(
        HOW,
        False,
        kind=SWITCH,
        decides=False,
        private=True,
        scope="command",
        help="show a traceback when the command fails",
    )

    def __post_init__(self) -> None:
        """Take ``rule`` apart: the first is drawn, what stands after it are other rules."""
        first, *more = self.rule.split(",")
        others = tuple(one for one in dict.fromkeys((*more, *self.other_rules)) if one != first)
        if first in RULES and RULES[first].holds_image and not self.pictures:
            raise UsageError(
                f"--rule {first} multiplies by the images' pixels, which --images-policy pointers "
                "keeps back: choose another rule"
            )
        object.__setattr__(self, "rule", first)
        object.__setattr__(self, "other_rules", others)

    @property
    def atlas_name(self) -> str:
        """The atlas's name: the one given, or the model's."""
        return self.name or re.sub(r"[^\w.-]+", "-", last_component(self.model))

    @property
    def layer_globs(self) -> tuple[str, ...] | None:
        """Which layers to show; None for all."""
        return self.layers or None

    @property
    def has_evidence(self) -> bool:
        """Whether reconstructions are tried and statistics of all images taken."""
        return self.evidence == "all"

    @property
    def has_names(self) -> bool:
        """Whether units are named, and what goes with it is looked for."""
        return self.has_evidence and self.keeps("names")

    @property
    def pictures(self) -> bool:
        """Whether pixels of the images may be shown."""
        return self.images_policy == "show"

    @property
    def kept(self) -> frozenset[str]:
        """The extras that are kept (``atlas.data.extras``)."""
        return extras.kept(without=self.without, lean=self.lean, jpeg=self.jpeg)

    def keeps(self, extra: str) -> bool:
        """Whether an extra is kept, by its name."""
        return extra in self.kept

    @property
    def preprocessing_changes(self) -> dict[str, Any]:
        """The fields of ``Preprocessing`` to replace, with their values."""
        mode = {"rgb": "RGB", "grey": "L"}[self.colour] if self.colour else None
        given = {
            "resize": self.resize,
            "crop": self.crop,
            "mean": self.mean,
            "std": self.std,
            "interpolation": self.interpolation,
            "mode": mode,
        }
        return {name: value for name, value in given.items() if value is not None}

    def shareable(self) -> dict[str, Any]:
        """All settings that may leave this machine, by name, in JSON types: for ``atlas.json``."""
        return {one.name: one.shared(getattr(self, one.name)) for one in OPTIONS if not one.private}

    def deciding(self) -> dict[str, Any]:
        """The settings that can change what is computed, by name, in JSON types.

        A path counts by its last component: what the path leads to has a digest of its own.
        """
        return {one.name: one.shared(getattr(self, one.name)) for one in OPTIONS if one.decides}

    def command(self) -> str:
        """The command to show on pages: what differs from the defaults and isn't private."""
        words = ["python", "build.py"]
        for one in self._given():
            value = getattr(self, one.name)
            if not one.private:
                words += one.words(one.shared(value) if one.may_be_path else value)
        return escaped(shlex.join(words))

    def arguments(self) -> list[str]:
        """The arguments that give another process these settings."""
        return [word for one in self._given() for word in one.words(getattr(self, one.name))]

    def _given(self) -> list[Option]:
        return [one for one in OPTIONS if getattr(self, one.name) != one.default]


OPTIONS = tuple(
    Option(name=one.name, default=one.default, **one.metadata) for one in fields(Settings)
)
