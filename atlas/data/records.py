"""What an atlas holds, as plain records: all that pages show, and the JSON beside them.

Positions are (row, column); boxes ``(top, left, bottom, right)``, half-open, in pixels of the input
frame. ``atlas.data.documents`` says which file holds which of these.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgspec import Struct

from atlas.data.extras import kept_by
from atlas.data.numbered import find

SCHEMA = 5  # of atlas.json and of a unit's JSON; every stage's own JSON has a number of its own

Corners = tuple[int, int, int, int]  # top, left, bottom, right
Pair = tuple[int, int]
Link = tuple[str, int, float | None]  # layer and number of a unit, and how strong the bond is
Figures = tuple[float | None, ...]  # of a measure, for each of a unit's nine; None where not tried
Evidence = dict[str, Figures]  # by the name of the measure
Concept = tuple[str, float]  # a concept's name, and its overlap with a unit
# layer and number of a unit, what it contributes, and its share of the weights, if there are any
Feeder = tuple[str, int, float, float | None]


class Winner(Struct, frozen=True, rename={"label": "class"}, omit_defaults=True):
    """One of a unit's nine: an image, how strongly and where it activates the unit.

    ``box`` is the nominal receptive field of the position and ``true_box`` all pixels that can
    influence the activation. Where some of them do so through gates alone, ``box`` and ``held_box``
    are the nominal box and the clipped one with gates held; or else ``held_box`` is None.
    ``close_box`` is the close-up that its tiles show; None where they show ``box``.
    """

    image: int
    file: str
    label: str | None
    value: float
    position: Pair
    box: Corners
    true_box: Corners
    held_box: Corners | None = None
    close_box: Corners | None = None

    @property
    def shown(self) -> Corners:
        """What its tiles show."""
        return self.close_box or self.box

    @property
    def reach(self) -> Corners:
        """The pixels that reach the activation while gates keep their values."""
        return self.held_box or self.true_box


class Sample(Struct, frozen=True):
    """An image near a percentile of all images, by how strongly they activate a unit.

    Of several for one percentile the first lies on it. ``winner`` is None where that image doesn't
    activate the unit at all.
    """

    percent: float
    winner: Winner | None = None


class Sums(Struct, frozen=True):
    """What a unit's pre-activations are sums of: means over its nine.

    ``feeders`` are the units below that add or take away most, strongest first, and ``others`` what
    all other units below add together; ``rest`` comes from what isn't known to be a unit, such as
    the image, and ``bias`` from nothing below. Together they are ``whole``, the pre-activation.
    """

    feeders: tuple[Feeder, ...]
    others: float
    rest: float
    bias: float
    whole: float


class Unit(Struct, frozen=True):
    """Everything an atlas knows of one unit.

    ``fired`` counts the images that activate it; ``nine`` holds its winners, strongest first.
    ``levels`` holds the first level of activation (``atlas.data.levels``) that an image's maximum
    reaches, and how many images reach this level and each higher one. ``effective`` is the
    effective receptive field, as a box within the nominal one. ``below`` and ``above`` are the
    units it is made of and feeds; ``alike`` those whose activations go with it. ``spectrum`` holds
    images that activate it less than its nine; ``evidence`` the figures of its reconstructions'
    trials; ``concepts`` what it overlaps with by more than chance, the best first; ``sums`` what
    its pre-activations are sums of, None where that isn't known.
    """

    unit: int
    fired: int
    nine: tuple[Winner, ...]
    effective: Corners | None = None
    levels: tuple[int, tuple[int, ...]] = (0, ())
    below: tuple[Link, ...] = ()
    above: tuple[Link, ...] = ()
    alike: tuple[Link, ...] = ()
    spectrum: tuple[Sample, ...] = ()
    evidence: Evidence | None = None
    concepts: tuple[Concept, ...] = ()
    sums: Sums | None = None

    @property
    def commonest(self) -> tuple[str, int] | None:
        """The class that most winners have, and how many do; the first to appear on a tie."""
        counts = Counter(winner.label for winner in self.nine if winner.label is not None)
        return counts.most_common(1)[0] if counts else None

    @property
    def outside(self) -> float | None:
        """The mean share of its winners' boxes that can't reach the activation."""
        shares = [1 - _area(winner.reach) / _area(winner.box) for winner in self.nine]
        return sum(shares) / len(shares) if shares else None

    @property
    def drawn_on(self) -> float | None:
        """The share of its nominal box that the effective receptive field covers."""
        if not self.effective or not self.nine:
            return None
        return _area(self.effective) / _area(self.nine[0].box)


def _area(box: Corners) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


class Plate(Struct, frozen=True):
    """Where the tiles of a unit's plate lie, in pixels of the plate.

    Three rows of six: the nine reconstructions on the left, their patches on the right; or three of
    three, where the images may not be shown.
    """

    tile: Pair
    gap: int
    gutter: int
    patches: bool = True

    @property
    def size(self) -> Pair:
        """Height and width of the whole plate."""
        height = 3 * self.tile[0] + 2 * self.gap
        width = 3 * self.tile[1] + 2 * self.gap
        return height, 2 * width + self.gutter if self.patches else width

    def place(self, rank: int, patch: bool) -> Pair:
        """Top left corner of a tile: of a winner's patch, or of its reconstruction."""
        row, column = divmod(rank, 3)
        height, width = self.tile
        beyond = 3 * width + 2 * self.gap + self.gutter if patch else 0
        return row * (height + self.gap), column * (width + self.gap) + beyond


class ReceptiveField(Struct, frozen=True):
    """The nominal receptive field: (height, width), (rows, columns), (top, left) in pixels."""

    size: Pair
    stride: Pair
    offset: Pair


class LayerFacts(Struct, frozen=True):
    """What a layer is.

    ``shape`` is (units, height, width) of its activations; ``filters`` the height and width of one
    filter on the layer's sheet of filters and how many stand in a row, None where there is no
    sheet; ``parents`` the layers it is computed from, "" for the input; ``image_free`` whether
    nothing of an image but the activation's strength enters its reconstructions.
    ``receptive_field`` is the field with gates held, by which tiles are cut; ``true_field`` the one
    that counts what comes through gates, None where no gate lies below. ``close_up`` is the side of
    the largest close-up that tiles may show, None where they show nominal boxes.
    """

    layer: str
    module: str
    kind: str
    shape: tuple[int, int, int]
    receptive_field: ReceptiveField
    plate: Plate
    filters: tuple[int, int, int] | None = None
    parents: tuple[str, ...] = ()
    image_free: bool = False
    true_field: ReceptiveField | None = None
    close_up: int | None = None

    @property
    def shown(self) -> Pair:
        """Height and width of the largest box that a tile shows."""
        return (self.close_up, self.close_up) if self.close_up else self.receptive_field.size

    @property
    def units(self) -> int:
        """How many units it has."""
        return self.shape[0]


class LayerData(LayerFacts, frozen=True, kw_only=True):
    """A layer with its units: all of them, unless the build was asked for fewer.

    ``images`` counts the different images that were scanned.
    """

    images: int
    top: tuple[Unit, ...]

    def find(self, number: int) -> Unit | None:
        """A unit by its number; None if it isn't shown."""
        return find(self.top, number)

    def unit(self, number: int) -> Unit:
        """A unit that is known to be shown, by its number."""
        unit = self.find(number)
        assert unit is not None
        return unit

    @property
    def dead(self) -> int:
        """How many of the units shown never fired."""
        return sum(unit.fired == 0 for unit in self.top)


class LayerSummary(Struct, frozen=True):
    """A layer in few words.

    ``representative`` are the units that stand for the layer where there is no room for all;
    ``evidence`` the mean of each measure over its units, None if nothing was tried; ``concepts``
    those its units are named for and how many units each has, the commonest first.
    """

    layer: str
    kind: str
    units: int
    shown: int
    dead: int
    representative: tuple[int, ...]
    evidence: dict[str, float] | None = None
    concepts: tuple[tuple[str, int], ...] = ()


class NetworkFacts(Struct, frozen=True):
    """What the network is.

    ``extensions`` are operations that the rule's paper doesn't treat; ``left_out`` says what of it
    isn't shown and why, "" if it is all shown.
    """

    name: str
    weights: str
    weights_hash: str
    missing: tuple[str, ...]
    layers: int
    parameters: int
    extensions: tuple[str, ...]
    preprocessing: PreprocessingFacts
    left_out: str = ""


class PreprocessingFacts(Struct, frozen=True):
    """What turns an image into a stimulus; ``crop`` is the height and width of the input frame."""

    resize: int | None
    crop: Pair
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    mode: str


class SkippedImage(Struct, frozen=True):
    """An image that can't be read, and the reason in a few words."""

    image: int
    file: str
    reason: str


class ImageFacts(Struct, frozen=True):
    """What the images are.

    ``count`` are all that were found; ``skipped`` those that can't be read; ``different`` those of
    the others that repeat none before them; ``duplicates`` pairs of an image and the earlier one it
    repeats; ``recoloured`` counts grey images shown to a network of colours, or the reverse;
    ``hash`` is a SHA-256 over the digests of all decoded images, with zeros for a skipped one.
    """

    description: str
    count: int
    different: int
    class_sizes: tuple[int, ...]
    hash: str
    recoloured: int
    duplicates: tuple[Pair, ...]
    skipped: tuple[SkippedImage, ...] = ()

    @property
    def read(self) -> int:
        """How many could be read: those that the atlas looks through."""
        return self.count - len(self.skipped)

    @property
    def aside(self) -> set[int]:
        """The indices of those that repeat others or can't be read."""
        return {image for image, _ in self.duplicates} | {one.image for one in self.skipped}

    @property
    def usable(self) -> list[int]:
        """The indices of the different ones, in order."""
        aside = self.aside
        return [index for index in range(self.count) if index not in aside]

    @property
    def classes(self) -> int:
        """How many classes they have."""
        return len(self.class_sizes)


class ConceptFacts(Struct, frozen=True):
    """What units were compared with: a line on the masks, how many images, the concepts' names."""

    description: str
    images: int
    names: tuple[str, ...]


class AtlasData(Struct, frozen=True):
    """The facts of an atlas, as they stand in ``atlas.json``.

    ``settings`` are the build's, without what may not leave the machine it was made on; ``slots``
    is how many images the network was run on at once; ``stages`` the key of each stage: what
    decided its result. ``origin`` is a digest of all that decides the atlas, None where that can't
    be told without loading its network.
    """

    name: str
    program: str
    network: NetworkFacts
    images: ImageFacts
    concepts: ConceptFacts | None
    layers: tuple[str, ...]
    summary: tuple[LayerSummary, ...]
    settings: dict[str, Any]
    command: str = ""
    date: str | None = None
    slots: int = 0
    stages: dict[str, Any] = {}
    origin: str | None = None
    schema: int = SCHEMA

    @property
    def preprocessing(self) -> PreprocessingFacts:
        """What turned images into stimuli."""
        return self.network.preprocessing

    @property
    def rule(self) -> str:
        """The rule that reconstructions follow."""
        return str(self.settings["rule"])

    @property
    def near_duplicates(self) -> int | None:
        """In how many bits perceptual hashes of images that count as one may differ, if in any."""
        bits: int | None = self.settings["near_duplicates"]
        return bits

    @property
    def evidence(self) -> bool:
        """Whether reconstructions were tried and statistics taken."""
        return bool(self.settings["evidence"] == "all")

    @property
    def pictures(self) -> bool:
        """Whether pixels of the images may be shown."""
        return bool(self.settings["images_policy"] == "show")

    def keeps(self, extra: str) -> bool:
        """Whether an extra is kept (``atlas.data.extras``), where it doesn't take what isn't."""
        return extra in kept_by(self.settings)

    @property
    def stimuli(self) -> bool:
        """Whether whole images are kept."""
        return self.pictures and self.keeps("images")

    @property
    def strips(self) -> bool:
        """Whether patches of weaker images are."""
        return self.pictures and self.evidence and self.keeps("strips")

    @property
    def is_partial(self) -> bool:
        """Whether it shows only some of its network's layers, or some of their units."""
        some = any(summary.shown < summary.units for summary in self.summary)
        return some or len(self.layers) < self.network.layers
