"""What every page has in common: the templates, links from page to page, the head and the foot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from atlas import __version__
from atlas.data import addresses
from atlas.data.records import AtlasData, LayerData, read_layer
from atlas.site.info import SiteInfo

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"

Templates = jinja2.Environment
Crumb = tuple[str, str | None]  # a name, and the address it leads to if it isn't this page


def environment(templates: Path = TEMPLATES) -> jinja2.Environment:
    """The templates, compiled once; undefined names are errors."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True)
class PageAddress:
    """A page's own address, from the site's root; every link on it is relative to it."""

    address: str

    @property
    def root(self) -> str:
        """The way up to the site's root."""
        return "../" * self.address.count("/")

    def to(self, address: str) -> str:
        """The link to another address."""
        return addresses.relative(address, self.address)


@dataclass(frozen=True)
class Preview:
    """A picture that stands for a page where its link is pasted: address, width and height."""

    address: str
    size: tuple[int, int]


def page(
    templates: jinja2.Environment,
    about: SiteInfo,
    template: str,
    address: str,
    title: Sequence[str],
    description: str,
    crumbs: Sequence[Crumb],
    preview: Preview | None = None,
    **content: Any,
) -> str:
    """A page of the site at an address, as HTML.

    ``title`` goes from the particular to the general; ``crumbs`` hold addresses from the site's
    root, the last of them this page's own name. ``previous`` and ``next`` in ``content`` are a name
    and a link each, or None.
    """
    here = PageAddress(address)
    return templates.get_template(template).render(
        {
            "previous": None,
            "next": None,
            "atlas_name": "",
            "oembed": "",
            **content,
            "title": " · ".join([*title, about.title]),
            "heading": title[0] if title else about.title,
            "description": description,
            "version": __version__,
            "about": about,
            "here": here,
            "root": here.root,
            "canonical": about.url(address) if about.base else "",
            "preview": preview,
            "crumbs": [
                (name, here.to(target) if target else None)
                for name, target in ((about.title, "index.html" if crumbs else None), *crumbs)
            ],
        }
    )


@dataclass(frozen=True)
class AtlasView:
    """An atlas with all its layers, and what its pages are made with."""

    atlas: AtlasData
    layers: dict[str, LayerData]
    about: SiteInfo
    templates: jinja2.Environment

    @staticmethod
    def of(
        atlas: AtlasData, folder: Path, about: SiteInfo, templates: jinja2.Environment
    ) -> AtlasView:
        """The shelf of an atlas whose data lie in a folder."""
        return AtlasView(atlas, {n: read_layer(folder, n) for n in atlas.layers}, about, templates)

    @property
    def name(self) -> str:
        """The atlas's name."""
        return self.atlas.name

    @property
    def pictures(self) -> bool:
        """Whether pixels of the images may be shown."""
        return bool(self.atlas.images["pictures"])

    @property
    def lean(self) -> bool:
        """Whether there is nothing of a unit but its page, its plate and its data."""
        return bool(self.atlas.images.get("lean"))

    @property
    def stimuli(self) -> bool:
        """Whether whole images are there, each with a page of its own."""
        return self.pictures and not self.lean

    def address(self, file: str) -> str:
        """A file of the atlas, from the site's root."""
        return f"{self.name}/{file}"

    def summary(self, layer: str) -> dict[str, Any]:
        """What the atlas's facts say of a layer."""
        return next(one for one in self.atlas.summary if one["layer"] == layer)

    def representative(self, layer: str) -> list[int]:
        """The units that stand for a layer where there is no room for all."""
        found: list[int] = self.summary(layer)["representative"]
        return found

    def summaries(self) -> Iterator[tuple[LayerData, dict[str, Any]]]:
        """Each layer with the summary of it."""
        for summary in self.atlas.summary:
            yield self.layers[summary["layer"]], summary

    def page(
        self,
        template: str,
        file: str,
        title: Sequence[str],
        description: str,
        crumbs: Sequence[Crumb],
        **content: Any,
    ) -> str:
        """A page of the atlas; ``file`` is within its folder, ``crumbs`` come after the atlas."""
        return page(
            self.templates,
            self.about,
            template,
            self.address(file),
            [*title, self.name],
            description,
            [(self.name, self.address("index.html") if crumbs else None), *crumbs],
            atlas_name=self.name,
            **content,
        )
