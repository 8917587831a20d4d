"""The images that an experiment looks at, as its page names them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from atlas.data import addresses
from atlas.data.experiments.outcomes import Subject
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.view import AtlasView


def called(subjects: Sequence[Subject]) -> tuple[str, ...]:
    """What each subject is called: its class where no other subject has it, or else its name."""
    counts = Counter(one.label for one in subjects)
    return tuple(
        one.label if one.label is not None and counts[one.label] == 1 else one.name
        for one in subjects
    )


def anchors(view: AtlasView, subjects: Sequence[Subject], page: PageAddress) -> tuple[Anchor, ...]:
    """Each subject by what it is called, with the link to the image's page if it has one."""
    with_page = view.shown_images
    return tuple(
        Anchor(
            name,
            view.link(addresses.image_page(one.image), page) if one.image in with_page else "",
        )
        for one, name in zip(subjects, called(subjects), strict=True)
    )
