"""An atlas as its pages see it: its records, and what pages are made with."""

from __future__ import annotations

import copy
import functools
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from atlas.data import addresses
from atlas.data.documents import Document, read_atlas, read_layer
from atlas.data.experiments import outcomes as experiments
from atlas.data.live import LIVE
from atlas.data.names import CONCEPT, GROUP, NAMES, NOT, THINGS, LayerNames, UnitName
from atlas.data.records import AtlasData, LayerData, LayerSummary, Unit
from atlas.data.telling import TELLING
from atlas.site import atlas_phrases, phrases
from atlas.site.info import SiteInfo
from atlas.site.labelled import Labels, classes, concepts
from atlas.site.render.base import (
    POLICY,
    Anchor,
    Crumb,
    Entry,
    Head,
    PageAddress,
    Preview,
    Renderer,
    Steps,
)
from atlas.site.sharing import Turns

T = TypeVar("T")

LIVE_PAGE = "live.html"  # where the network runs

NO_STEPS = Steps()


@dataclass(frozen=True)
class Kind:
    """What units can stand for: classes of images, or concepts."""

    plural: str
    singular: str
    title: str


WEAK = 0.35  # correlations below it are called so
CLASSES, CONCEPTS = Kind("classes", "class", "Classes"), Kind("concepts", "concept", "Concepts")


@dataclass(frozen=True)
class AtlasView:
    """An atlas with all its layers, the folder of its data, and what pages are made with.

    ``own_pages`` are those that stand for themselves: its overview links to them. ``names`` are
    people's own names for units, by layer and unit. ``turns`` says which items of the kinds of
    pages that are shared are this process's.
    """

    folder: Path
    atlas: AtlasData
    layers: Mapping[str, LayerData]
    renderer: Renderer
    own_pages: tuple[Entry, ...] = ()
    names: Mapping[tuple[str, int], str] = field(default_factory=dict)
    turns: Turns = field(default_factory=Turns, repr=False)

    @staticmethod
    def read(folder: Path, renderer: Renderer) -> AtlasView:
        """The atlas whose data lie in a folder. Raises ``AtlasError`` if they can't be read."""
        atlas = read_atlas(folder)
        layers = {layer: read_layer(folder, layer) for layer in atlas.layers}
        names = renderer.info.names.of(atlas.name)
        return AtlasView(folder, atlas, layers, renderer, names=names)

    def taking(self, turns: Turns) -> AtlasView:
        """The same atlas, with all that was found out of it, for a process with these turns."""
        other = copy.copy(self)
        other.__dict__["turns"] = turns
        return other

    @property
    def name(self) -> str:
        """The atlas's name."""
        return self.atlas.name

    @property
    def info(self) -> SiteInfo:
        """What the site says of itself."""
        return self.renderer.info

    def has(self, document: Document[T], layer: str = "") -> bool:
        """Whether a stage wrote a document of this kind, of the atlas or of a layer."""
        return document.path(self.folder, layer).is_file()

    def document(self, document: Document[T], layer: str = "") -> T:
        """The document of a stage. Raises ``AtlasError`` if it can't be read."""
        return document.read(self.folder, layer)

    @functools.cached_property
    def _kept(self) -> dict[tuple[str, str], object]:
        return {}

    def kept(self, document: Document[T], layer: str = "") -> T:
        """The same, read once for all pages."""
        key = (document.name, layer)
        if key not in self._kept:
            self._kept[key] = self.document(document, layer)
        return cast(T, self._kept[key])

    @functools.cached_property
    def shown_images(self) -> frozenset[int]:
        """The images that have a page: those among any unit's nine, where pages are kept."""
        if not self.atlas.keeps("image-pages"):
            return frozenset()
        units = (unit for layer in self.layers.values() for unit in layer.top)
        return frozenset(winner.image for unit in units for winner in unit.nine)

    def address(self, file: str) -> str:
        """The address of a file of the atlas, from the site's root."""
        return f"{self.name}/{file}"

    def page(self, file: str) -> PageAddress:
        """The address of a page of the atlas, for links from it."""
        return PageAddress(self.address(file))

    def link(self, file: str, page: PageAddress) -> str:
        """The link to a file of the atlas from a page."""
        return page.to(self.address(file))

    @functools.cached_property
    def _labels(self) -> dict[Kind, Labels]:
        layers, facts = self.layers.values(), self.atlas
        known = set(facts.concepts.names) if facts.concepts else set()
        seen = {winner.label for layer in layers for unit in layer.top for winner in unit.nine}
        return {
            CLASSES: classes(
                layers, facts.images.class_sizes, functools.partial(self._named_after, among=seen)
            ),
            CONCEPTS: concepts(layers, functools.partial(self._named_after, among=known)),
        }

    def _named_after(
        self, layer: str, unit: int, *, among: Container[str | None]
    ) -> dict[str, tuple[float, str]]:
        """The things in a unit's name that it asks for, how well it follows it, and in words."""
        known = self.followed(layer, unit)
        if known is None or not known.name:
            return {}
        things = self.kept(THINGS).things
        some = [things[number] for joint, number in known.terms if joint != NOT]
        said = f"named {known.name}, r = {known.pearson.score:.2f}"
        return {name: (known.pearson.score, said)
                for one in some if one.kind != GROUP
                for name in (one.name, *one.also) if name in among}  # fmt: skip

    def labels(self, kind: Kind) -> Labels:
        """The classes or concepts that have units, and so a page, by name."""
        return self._labels[kind]

    def label_folder(self, kind: Kind) -> str:
        """The folder of the pages of the classes or concepts."""
        return addresses.label_folder(kind.plural, self.layers)

    def label_file(self, kind: Kind, name: str) -> str:
        """The page of a class or concept."""
        return addresses.label_page(self.label_folder(kind), name)

    def small_plate(self, layer: str, unit: int, page: PageAddress) -> str:
        """The link to a unit's small plate, as it stands beside links, or else to the plate."""
        small = self.atlas.keeps("small")
        file = addresses.thumbnail_file if small else addresses.plate_file
        return self.link(file(layer, unit), page)

    def label_link(self, kind: Kind, name: str | None, page: PageAddress) -> str:
        """The link to the page of a class or concept; "" for one that has none."""
        if name is None or name not in self.labels(kind):
            return ""
        return self.link(self.label_file(kind, name), page)

    def label_anchor(self, kind: Kind, name: str, page: PageAddress) -> Anchor:
        """A class or concept, with the link to its page."""
        return Anchor(name, self.label_link(kind, name, page))

    def concepts_of(self, layer: LayerData) -> dict[str, int]:
        """The concepts that a layer's units overlap with, and how many units do with each."""
        counts = Counter(name for unit in layer.top for name, _ in unit.concepts)
        return {name: counts[name] for name in self.labels(CONCEPTS) if name in counts}

    def summary(self, layer: str) -> LayerSummary:
        """The summary of a layer."""
        return self.atlas.summary[self.atlas.layers.index(layer)]

    def representative(self, layer: str) -> tuple[int, ...]:
        """The units that stand for a layer where there is no room for all."""
        return self.summary(layer).representative

    def summaries(self) -> Iterator[tuple[LayerData, LayerSummary]]:
        """Each layer with its summary."""
        for summary in self.atlas.summary:
            yield self.layers[summary.layer], summary

    def called(self, layer: str, unit: int) -> str:
        """People's own name for a unit; "" for most."""
        return self.names.get((layer, unit), "")

    @functools.cached_property
    def _names(self) -> dict[tuple[str, int], UnitName]:
        return {
            (layer, one.unit): one
            for layer in self.layers
            if self.has(NAMES, layer)
            for one in self.kept(NAMES, layer).units
        }

    def kept_names(self, layer: str) -> LayerNames:
        """The forms that a layer's units follow, read once."""
        return self.kept(NAMES, layer)

    def has_file(self, file: str) -> bool:
        """Whether the atlas's folder holds a file."""
        return (self.folder / file).is_file()

    def followed(self, layer: str, unit: int) -> UnitName | None:
        """The form that a unit follows; None where none was looked for."""
        return self._names.get((layer, unit))

    def has_name(self, layer: str, unit: int) -> bool:
        """Whether a form was found that names a unit."""
        known = self.followed(layer, unit)
        return bool(known and known.name)

    def best_label(self, layer: str, unit: Unit) -> phrases.Label | None:
        """What a unit is best called: the form that names it; None where nothing does.

        Where no form was looked for, what its nine agree on.
        """
        known = self.followed(layer, unit.unit)
        if known is None:
            return phrases.best_label(unit)
        if not known.name:
            return None
        called, r = phrases.named(known.name), known.pearson.score
        if self._is_elsewhere(known):
            called = f"images with {called}"
        return phrases.Label(called, f"r = {r:.2f}{', weak' if r < WEAK else ''}")

    def _is_elsewhere(self, known: UnitName) -> bool:
        """Whether what names a unit is a concept with which its areas don't overlap.

        Its images show it, and the unit looks at something else on them.
        """
        if len(known.terms) > 1 or known.iou is not None:
            return False
        return self.kept(THINGS).things[known.terms[0][1]].kind == CONCEPT

    def unit_title(self, layer: str, unit: int) -> str:
        """A unit's address, with people's own name for it."""
        return " ".join(filter(None, (f"{layer}/{unit}", phrases.quoted(self.called(layer, unit)))))

    @property
    def title(self) -> str:
        """What pages call the network."""
        return atlas_phrases.title(self.atlas)

    def has_quiz(self, layer: LayerData) -> bool:
        """Whether a layer has a quiz: the images may be shown, and some unit can be asked about."""
        return layer.layer in self._with_quizzes

    @functools.cached_property
    def _with_quizzes(self) -> frozenset[str]:
        if not (self.atlas.pictures and self.atlas.keeps("quizzes")):
            return frozenset()
        return frozenset(
            name
            for name in self.layers
            if self.has(TELLING, name) and self.kept(TELLING, name).quiz
        )

    @functools.cached_property
    def is_live(self) -> bool:
        """Whether the network runs in a page."""
        return self.has(LIVE) and self.document(LIVE).live is not None

    def menu(self, layer: str = "") -> tuple[Crumb, ...]:
        """What the headers of the atlas's pages lead to; the quiz is that of ``layer``, if any."""
        if layer not in self._menus:
            self._menus[layer] = self._menu(layer)
        return self._menus[layer]

    @functools.cached_property
    def _menus(self) -> dict[str, tuple[Crumb, ...]]:
        return {}

    def _menu(self, layer: str) -> tuple[Crumb, ...]:
        menu = [
            Crumb(kind.title, self.address(f"{self.label_folder(kind)}/index.html"))
            for kind in (CONCEPTS, CLASSES)
            if self.labels(kind)
        ][:1]
        if self.is_live:
            menu.insert(0, Crumb("Live", self.address(LIVE_PAGE)))
        if any((self.folder / experiments.FOLDER).glob("*.json")):
            folder = addresses.label_folder(experiments.FOLDER, self.layers)
            menu.append(Crumb("Experiments", self.address(f"{folder}/index.html")))
        for name in (layer, *reversed(self.atlas.layers)):
            if name and self.has_quiz(self.layers[name]):
                menu.append(Crumb("Quiz", self.address(addresses.quiz_page(name))))
                break
        return tuple(menu)

    def head(
        self,
        file: str,
        *,
        description: str,
        layer: str = "",
        title: str = "",
        crumbs: tuple[Crumb, ...] = (),
        steps: Steps = NO_STEPS,
        preview: Preview | None = None,
        oembed: str = "",
        policy: str = POLICY,
    ) -> Head:
        """The head of a page of the atlas; ``file`` is within it, and ``crumbs`` come after it.

        ``layer`` is the one that the page is about, if any.
        """
        return Head(
            address=self.address(file),
            title=(title, self.title) if title else (self.title,),
            description=description,
            crumbs=(Crumb(self.title, self.address("index.html") if crumbs else ""), *crumbs),
            steps=steps,
            preview=preview,
            oembed=oembed,
            atlas=self.name,
            menu=self.menu(layer),
            policy=policy,
        )
