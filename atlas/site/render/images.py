"""The page of an image: the units that have it among their nine, and where in it they look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import Corners, LayerData, Pair, Plate, Unit, Winner
from atlas.drawing import pixels
from atlas.site import atlas_phrases, phrases
from atlas.site.render.base import Anchor, Crumb, PageAddress, Steps
from atlas.site.render.pictures import reach, view_box, within
from atlas.site.render.view import CLASSES, AtlasView


@dataclass(frozen=True)
class Use:
    """One place of an image among a unit's nine."""

    layer: LayerData
    unit: Unit
    rank: int

    @property
    def winner(self) -> Winner:
        """The activation."""
        return self.unit.nine[self.rank]


@dataclass(frozen=True)
class UseEntry:
    """A unit that has an image among its nine.

    ``called`` is people's own name for it. ``mark`` is the fragment of the page that shows where it
    looks: ``box``, and with it ``close``, ``inner`` and ``reach`` (see ``BoxedStimulus``).
    ``tile`` is the place on its plate, ``source``, of what was reconstructed from this image.
    """

    mark: str
    unit: int
    called: str
    page: str
    rank: int
    value: str
    box: Corners
    close: Corners | None
    inner: Corners | None
    reach: Corners | None
    source: str
    tile: Pair


@dataclass(frozen=True)
class LayerUses:
    """The units of a layer that have an image among their nine; ``plate`` is how theirs are."""

    layer: str
    page: str
    plate: Plate
    crisp: bool
    entries: tuple[UseEntry, ...]


@dataclass(frozen=True)
class ImagePage:
    """What an image's page shows; ``source`` is "" where the image may not be shown.

    ``boxes`` says what the boxes over it mean.
    """

    image: int
    name: str
    label: Anchor | None
    credit: str
    source: str
    size: Pair
    view_box: str
    boxes: str
    count: int
    layers: tuple[LayerUses, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page of each image that is among any unit's nine: (address within the atlas, HTML)."""
    if not view.atlas.keeps("image-pages"):
        return
    uses = uses_by_image(view)
    images = list(uses)
    for place, image in view.turns.take(list(enumerate(images))):
        page = view.page(addresses.image_page(image))
        steps = Steps(
            _step(view, images[place - 1], page) if place > 0 else None,
            _step(view, images[place + 1], page) if place + 1 < len(images) else None,
        )
        yield addresses.image_page(image), image_page(view, image, uses[image], steps=steps)


def uses_by_image(view: AtlasView) -> dict[int, list[Use]]:
    """Every image that is among any unit's nine, in order, with all its places there."""
    uses: dict[int, list[Use]] = {}
    for layer in view.layers.values():
        for unit in layer.top:
            for rank, winner in enumerate(unit.nine):
                uses.setdefault(winner.image, []).append(Use(layer, unit, rank))
    return dict(sorted(uses.items()))


def image_page(view: AtlasView, image: int, uses: Sequence[Use], *, steps: Steps) -> str:
    """An image with the boxes of the units that have it among their nine."""
    file = addresses.image_page(image)
    page = view.page(file)
    size = view.atlas.preprocessing.crop
    first = uses[0].winner
    by_layer: dict[str, list[Use]] = {}
    for use in uses:
        by_layer.setdefault(use.layer.layer, []).append(use)
    head = view.head(
        file,
        title=f"Image {image}",
        description=f"The units of {view.name} that have image {image} among their nine",
        crumbs=(Crumb(f"image {image}"),),
        steps=steps,
    )
    content = ImagePage(
        image=image,
        name=first.file,
        label=view.label_anchor(CLASSES, first.label, page) if first.label else None,
        credit=atlas_phrases.credit(view.atlas),
        source=f"{image}.webp" if view.atlas.stimuli else "",
        size=size,
        view_box=view_box(size, [use.winner.box for use in uses]),
        boxes=phrases.boxes(use.unit for use in uses),
        count=len(uses),
        layers=tuple(
            LayerUses(
                layer=name,
                page=view.link(addresses.layer_page(name), page),
                plate=some[0].layer.plate,
                crisp=pixels.is_crisp(some[0].layer.shown),
                entries=tuple(_entry(view, use, page) for use in some),
            )
            for name, some in by_layer.items()
        ),
    )
    return view.renderer.page("image.html", head, content)


def _entry(view: AtlasView, use: Use, page: PageAddress) -> UseEntry:
    layer, unit, winner, plate = use.layer.layer, use.unit.unit, use.winner, use.layer.plate
    return UseEntry(
        mark=addresses.mark(layer, unit),
        unit=unit,
        called=phrases.quoted(view.called(layer, unit)),
        page=view.link(addresses.unit_page(layer, unit), page),
        rank=use.rank + 1,
        value=phrases.activation(winner.value),
        box=winner.box,
        close=winner.close_box,
        inner=within(winner.box, use.unit.effective),
        reach=reach(winner),
        source=view.link(addresses.plate_file(layer, unit), page),
        tile=plate.place(use.rank, patch=False),
    )


def _step(view: AtlasView, image: int, page: PageAddress) -> Anchor:
    return Anchor(f"image {image}", view.link(addresses.image_page(image), page))
