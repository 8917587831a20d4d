"""Short pieces of English about an atlas: what it is and how it was made. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from atlas.data.records import AtlasData
from atlas.data.rules import RULES
from atlas.demo import shipped


@dataclass(frozen=True)
class Fact:
    """A fact of how an atlas was made: its term and its value."""

    term: str
    value: str


DEMO_TITLE = "The demo world"
DEMO_ABOUT = (
    "A small network that learned from drawings of 24 things. Nobody told it what an eye, "
    "a spoke or a wing is."
)


def title(atlas: AtlasData) -> str:
    """What pages call an atlas's network."""
    given: str = atlas.settings.get("title", "")
    return given or (DEMO_TITLE if _is_demo(atlas) else atlas.name)


def about(atlas: AtlasData) -> str:
    """A sentence on an atlas's network; "" where its author has written none."""
    given: str = atlas.settings.get("about", "")
    return given or (DEMO_ABOUT if _is_demo(atlas) else "")


def _is_demo(atlas: AtlasData) -> bool:
    return atlas.name == atlas.network.name == "demo"


def atlas_lead(atlas: AtlasData) -> str:
    """How many units of which network an atlas shows, and through which images."""
    units = sum(summary.units for summary in atlas.summary)
    return (
        f"{units:,} units in {len(atlas.layers)} layers of {atlas.network.name}, "
        f"seen through {atlas.images.description}."
    )


def explore(atlas: AtlasData) -> str:
    """How much there is to see in an atlas."""
    units = sum(summary.shown for summary in atlas.summary)
    return (
        f"{units:,} units in {len(atlas.layers)} layers to explore, each by the nine image patches "
        "that excite it most."
    )


def provenance(atlas: AtlasData) -> str:
    """What an atlas was made from, by the first digits of each SHA-256."""
    height, width = atlas.preprocessing.crop
    return (
        f"weights {atlas.network.weights_hash[:12]}, images {atlas.images.hash[:12]}, "
        f"{height}×{width} pixels, CNN Atlas {atlas.program}"
    )


def credit(atlas: AtlasData) -> str:
    """Who the images belong to, and their licence."""
    parts = (atlas.settings.get(key) for key in ("credit", "images_licence"))
    return ". ".join(part.rstrip(".") for part in parts if part)


def rule(atlas: AtlasData) -> str:
    """The rule that reconstructions follow, and which operations it was extended to."""
    extensions = atlas.network.extensions
    beyond = f"; extended to {', '.join(extensions)}" if extensions else ""
    return f"{atlas.rule} ({RULES[atlas.rule].source}){beyond}"


def repeats(atlas: AtlasData) -> str:
    """How many images repeat another and so don't count; "" if none does."""
    images = atlas.images
    repeated = images.read - images.different
    if not repeated:
        return ""
    like = "have the same pixels as another"
    if atlas.near_duplicates is not None:
        like = (
            "have the same pixels as another, or a perceptual hash that differs in at most "
            f"{atlas.near_duplicates} of 64 bits,"
        )
    return f"{repeated:,} of {images.read:,} images {like} and count once with it."


def skipped(atlas: AtlasData) -> str:
    """How many images can't be read and so are left out; "" if all can."""
    images = atlas.images
    if not images.skipped:
        return ""
    verb = "is" if len(images.skipped) == 1 else "are"
    return f"{len(images.skipped):,} of {images.count:,} images can't be read and {verb} left out."


def skipped_images(atlas: AtlasData, most: int) -> tuple[str, ...]:
    """The images that are left out, each with the reason; ``most`` of them, and how many more."""
    images = atlas.images.skipped
    named = [f"{one.file}: {one.reason}" for one in images[:most]]
    more = len(images) - most
    return (*named, f"and {more:,} more, which atlas.json names") if more > 0 else tuple(named)


def accuracy(atlas: AtlasData) -> str:
    """How often the network is right, where that was measured: for the demo's own weights."""
    if not _is_demo(atlas) or atlas.network.weights != shipped.TOLD:
        return ""
    return (
        f"{100 * shipped.accuracy():.1f} % of {shipped.TESTED:,} fresh pictures of the demo world, "
        "which neither its training nor this atlas has"
    )


def made(atlas: AtlasData) -> tuple[Fact, ...]:
    """How an atlas was made."""
    network, images, preprocessing = atlas.network, atlas.images, atlas.preprocessing
    height, width = preprocessing.crop
    resized = ""
    if preprocessing.resize:
        by = preprocessing.interpolation
        resized = f"shorter side to {preprocessing.resize} pixels ({by}), "
    facts = {
        "Network": f"{network.name}, {network.parameters:,} parameters",
        "Weights": f"{network.weights}; SHA-256 {network.weights_hash[:16]}",
        "Accuracy": accuracy(atlas),
        "Left out": network.left_out,
        "Images": (
            f"{images.description}; {images.read:,} images, {images.classes} classes; "
            f"SHA-256 {images.hash[:16]}"
        ),
        "Pictures": (
            "" if atlas.pictures else "the images may not be shown; their names and boxes are"
        ),
        "Credit": credit(atlas),
        "Skipped": skipped(atlas),
        "Repeats": repeats(atlas),
        "Preprocessing": f"{resized}centre {height}×{width}",
        "Reconstructions": rule(atlas),
        "Program": f"CNN Atlas {atlas.program}",
        "Command": atlas.command,
        "Date": atlas.date or "",
    }
    return tuple(Fact(term, value) for term, value in facts.items() if value)


def compared_with(atlas: AtlasData) -> str:
    """The concepts that units were compared with; "" if there were no masks."""
    if not atlas.concepts:
        return ""
    return (
        f"{len(atlas.concepts.names)} that were looked for in {atlas.concepts.images:,} "
        f"images: {atlas.concepts.description}"
    )
