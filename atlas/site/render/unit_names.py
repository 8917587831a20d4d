"""What a unit follows, on its page: its name, and what the name rests on, or why it has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlas.data.names import CONCEPT, GROUP, PERMUTED, THINGS, Thing, UnitName
from atlas.data.telling import TELLING
from atlas.site import phrases
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.evidence_tables import Row, Table
from atlas.site.render.view import CLASSES, CONCEPTS, AtlasView


@dataclass(frozen=True)
class Naming:
    """What is known of a unit's name.

    ``lead`` says it in a sentence, ``things`` are parts of the form that have pages,
    ``scores`` how the scores fell, ``more`` further sentences.
    """

    lead: str
    things: tuple[Anchor, ...]
    scores: Table | None
    more: tuple[str, ...]


def of_unit(view: AtlasView, layer: str, unit: int, page: PageAddress) -> Naming | None:
    """What is known of a unit's name; None where none was looked for."""
    known = view.followed(layer, unit)
    if known is None:
        return None
    if not known.terms:
        return Naming("It has no name: no label goes with its activation.", (), None, ())
    facts = view.kept(THINGS)
    some = [facts.things[number] for _, number in known.terms]
    return Naming(
        lead=lead(known, facts.images, view.kept_names(layer).twin),
        things=tuple(_pages(view, some, page)),
        scores=_scores(known),
        more=(
            *details(known, [(one.name, one.also) for one in some]),
            *_told(view, layer, unit),
        ),
    )  # fmt: skip


def _pages(view: AtlasView, things: list[Thing], page: PageAddress) -> Iterator[Anchor]:
    """The things that have pages."""
    for one in things:
        link = view.label_link(CONCEPTS if one.kind == CONCEPT else CLASSES, one.name, page)
        if link and one.kind != GROUP:
            yield Anchor(one.name, link)


def lead(known: UnitName, images: int, twin: float) -> str:
    """What the best form is, and why it is a name or none."""
    form, r = phrases.named(known.words), phrases.signed(known.pearson.score)
    goes = f"goes with {form} over {images:,} images (r = {r})"
    if not known.doubt:
        return f"Its activation {goes}."
    best = f"It has no name. Its activation best {goes}"
    if known.doubt == "weak":
        return f"{best}, which is too little."
    if known.doubt == "chance":
        return f"{best}, and labels given out at random go with some unit here as well."
    if known.doubt == "twin":
        beyond = phrases.signed(twin)
        return f"{best}, and units of a network with shuffled weights get as far ({beyond})."
    if known.doubt == "checks":
        return f"{best}, and the scores don't fall when labels are corrupted."
    share = f"{round(100 * known.steady)} %"
    rival = f", {phrases.named(known.rivals[0][0])} among the others" if known.rivals else ""
    return f"{best}, but it is the best in only {share} of draws of the images{rival}."


def _told(view: AtlasView, layer: str, unit: int) -> Iterator[str]:
    """How a machine answers what the nine pose."""
    facts = view.kept(TELLING, layer) if view.has(TELLING, layer) else None
    own = facts.of(unit) if facts else None
    if facts and own and own.features is not None and own.pixels is not None:
        twin = facts.twin_features
        beside = "" if twin is None else f" (units of shuffled weights {round(100 * twin)} %)"
        yield (
            f"Of {facts.tasks} questions which of two other images excites it more, likeness to "
            f"its nine answers {round(100 * own.features)} % by the network's features{beside}, "
            f"{round(100 * own.pixels)} % by pixels."
        )


def _scores(known: UnitName) -> Table:
    def row(head: str, *values: float) -> Row:
        return Row(head, tuple(phrases.signed(one) for one in values))

    pearson, lift = known.pearson, known.lift
    return Table(
        ("as it is", "half the labels away", "as many added"),
        (
            row("Correlation (Pearson)", pearson.score, pearson.missing, pearson.extra),
            row("Precision and recall, beyond chance", lift.score, lift.missing, lift.extra),
        ),
    )


def _chance(p: float) -> str:
    """A chance, from so many permutations that no smaller one can be told."""
    least = 1 / (1 + PERMUTED)
    return f"≤ {least:g}" if p <= least else f"= {p:.2g}"


def details(known: UnitName, also: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    """What else is known of a name, in sentences; ``also`` are things with those like them."""
    said = [
        f"AUPRC {phrases.signed(known.auprc)}, AUC {phrases.signed(known.auc)}, {known.size:,} "
        f"images with the label, p {_chance(known.p)} over the layer, the best in "
        f"{round(100 * known.steady)} % of draws of the images."
    ]
    if known.iou is not None:
        said.append(f"Overlap of areas (IoU) {phrases.signed(known.iou)}.")
    own = known.pearson.score
    higher = [(words, r) for words, r in known.rivals if r > own]
    for what, some in (
        ("A longer label reaches more, but a word more has to add 0.1", higher),
        ("Next best", [one for one in known.rivals if one not in higher]),
    ):
        if some:
            said.append(f"{what}: {'; '.join(f'{w} {phrases.signed(r)}' for w, r in some)}.")
    for name, alike in also:
        if alike:
            said.append(f"Nearly the same images as {name}: {', '.join(alike)}.")
    return said
