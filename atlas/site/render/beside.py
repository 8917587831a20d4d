"""What other rules draw and how they fare: views on a unit's page, and the page that compares."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from atlas.data import addresses
from atlas.data.beside import RULES_BESIDE, LayerRules
from atlas.data.measures import mean
from atlas.data.plan import Plan
from atlas.data.records import Evidence, LayerData, Unit
from atlas.data.rules import RULES
from atlas.drawing.nines import SIDE
from atlas.site.contest import contest
from atlas.site.measure_words import MEASURE_WORDS, WORDS_OF
from atlas.site.render.base import Anchor, Crumb
from atlas.site.render.evidence_tables import Row, Table, figure
from atlas.site.render.picture_views import PictureView
from atlas.site.render.view import AtlasView

FILE, TITLE = "rules.html", "Which rule's pictures to trust"
WORDS = {"lrp": "LRP", "smooth": "Integrated"}  # on a button; others are their names
SAID = {
    "deconvnet": "What passes down is rectified on its way, whatever the image had there.",
    "guided": "Guided backpropagation: nothing passes down where a unit below was silent.",
    "gradient": "The gradient at this image, times the activation.",
    "lrp": "Relevance: the activation shared out, layer by layer, among what it was made of.",
    "smooth": "Integrated gradients: those on the way from plain grey to the image, times the "
    "image.",
}
WHY = "It is here because no image enters this layer's reconstructions by deconvnet."
COMPARED = (("kept", True), ("lost", True), ("ssim", False), ("own", True))  # and is more better?
NOTHING = 0.001  # a share that is as good as none
GOOD = {
    "kept": "what is kept",
    "lost": "what is lost",
    "ssim": "unlikeness to the control",
    "own": "what is the unit's own",
}


@dataclass(frozen=True)
class RuleSheet:
    """A sheet of the nine reconstructions by another rule: the link to it."""

    rule: str
    source: str


@dataclass(frozen=True)
class Beside:
    """What other rules make of a unit: sheets, if pictures are kept, their views, their figures.

    ``cells`` are the places of the nine on a sheet, as classes of the style sheet.
    """

    sheets: tuple[RuleSheet, ...]
    views: tuple[PictureView, ...]
    table: Table | None
    cells: tuple[str, ...] = tuple(f"r{rank // SIDE} c{rank % SIDE}" for rank in range(SIDE * SIDE))


@dataclass(frozen=True)
class Compared:
    """A table that compares rules over units: of a layer, or of all; the heads are measures'."""

    name: str
    layer: Anchor | None
    units: int
    rows: tuple[tuple[str, tuple[tuple[str, bool], ...]], ...]
    remark: str = ""


@dataclass(frozen=True)
class Best:
    """By what a rule is better than every other one, in words; without a name none is."""

    rule: str
    by: str


@dataclass(frozen=True)
class RulesPage:
    """What the page shows; ``best`` has a row for each rule that is best by anything."""

    title: str
    lead: str
    best: tuple[Best, ...]
    heads: tuple[str, ...]
    tables: tuple[Compared, ...]


def of_unit(view: AtlasView, layer: LayerData, unit: Unit) -> Beside | None:
    """What other rules make of a unit; None where there are none."""
    found = _found(view, layer.layer)
    if found is None or not unit.nine:
        return None
    own = found.of(unit.unit)
    evidence = own.evidence if own else {}
    first, pictures = view.atlas.rule, view.atlas.pictures
    kept = found.rules if view.atlas.keeps("rules") else ()
    drawn = [rule for rule in kept if pictures or not RULES[rule].holds_image]
    return Beside(
        tuple(RuleSheet(rule, f"rules/{rule}/{unit.unit}.webp") for rule in drawn),
        tuple(
            PictureView(
                rule,
                WORDS.get(rule, rule.capitalize()),
                SAID[rule],
                fares=_fares(found, evidence.get(rule), unit.evidence, first),
            )
            for rule in drawn
        ),
        _table(found.rules, evidence, unit.evidence, first),
    )


def _found(view: AtlasView, layer: str) -> LayerRules | None:
    return view.kept(RULES_BESIDE, layer) if view.has(RULES_BESIDE, layer) else None


def _fares(found: LayerRules, own: Evidence | None, first: Evidence | None, drawn: str) -> str:
    """How a unit's reconstructions by another rule fare, beside those that its plate shows."""
    said = "" if found.asked else WHY
    if not own:
        return said
    kept, lost, ssim, unique = (_pair(name, own, first or {}) for name, _ in COMPARED)
    return (
        f"Its marks keep {kept} of the activation and lose {lost}; likeness to the control "
        f"{ssim}, unique {unique}. In brackets {drawn}. {said}"
    ).strip()


def _pair(name: str, own: Evidence, first: Evidence) -> str:
    words = WORDS_OF[name]
    mine, other = (mean(some.get(name, ())) for some in (own, first))
    return f"{figure(mine, words)} ({figure(other, words)})"


def _table(
    rules: Sequence[str], evidence: Mapping[str, Evidence], first: Evidence | None, drawn: str
) -> Table | None:
    if not evidence or not first:
        return None
    columns = {drawn: first, **{rule: evidence.get(rule, {}) for rule in rules}}
    rows = tuple(
        Row(
            words.head or "elsewhere",
            tuple(figure(mean(one.get(words.name, ())), words) for one in columns.values()),
        )
        for words in MEASURE_WORDS
    )
    return Table(tuple(columns), rows)


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page that compares rules: (address within the atlas, HTML)."""
    tables = list(_tables(view))
    if not tables:
        return
    head = view.head(
        FILE,
        title=TITLE,
        description=f"Which rule's reconstructions hold most, layer by layer, in {view.title}",
        crumbs=(Crumb("rules"),),
    )
    heads = tuple(WORDS_OF[name].head for name, _ in COMPARED)
    best = _best(tables[0])
    yield FILE, view.renderer.page("rules.html", head, RulesPage(
        TITLE, _lead(tables[0], best), best, heads, tuple(tables)
    ))  # fmt: skip


def _tables(view: AtlasView) -> Iterator[Compared]:
    layers = list(_tried(view))
    for rules in dict.fromkeys(one.rules for one in layers):
        some = [one for one in layers if one.rules == rules]
        table = _compared("All layers", None, rules, [unit for one in some for unit in one.units])
        if table and len(some) > 1:
            yield replace(table, remark=" ".join(_left_out(one) for one in some if one.alike))
    for one in layers:
        left = [rule for rule in one.rules if rule not in one.alike]
        table = _compared(one.layer.text, one.layer, left, one.units)
        if table and len(left) > 1:
            yield replace(table, remark=_left_out(one) if one.alike else "")


@dataclass(frozen=True)
class _Tried:
    """A layer where rules were tried, and the evidence of its units by those worth comparing.

    ``alike`` are the others: what they draw is the same for every unit.
    """

    layer: Anchor
    rules: tuple[str, ...]
    units: list[dict[str, Evidence]]
    alike: list[str]


def _tried(view: AtlasView) -> Iterator[_Tried]:
    page = view.page(FILE)
    for name, layer in view.layers.items():
        found = _found(view, name)
        if found is None:
            continue
        units = []
        for unit in layer.top:
            own = found.of(unit.unit)
            if own and own.evidence and unit.evidence:
                units.append({view.atlas.rule: unit.evidence, **own.evidence})
        rules = (view.atlas.rule, *found.rules)
        alike = [rule for rule in rules if _draws_alike([unit.get(rule, {}) for unit in units])]
        told = [{rule: one[rule] for rule in one if rule not in alike} for one in units]
        yield _Tried(Anchor(name, view.link(addresses.layer_page(name), page)), rules, told, alike)


def _draws_alike(units: Sequence[Evidence]) -> bool:
    """Whether nothing that is drawn is a unit's own, nor what the network has learned."""
    own, like = (
        [figure for unit in units for figure in unit.get(name, ()) if figure is not None]
        for name in ("own", "ssim")
    )
    return bool(own and like) and max(own) < NOTHING and min(like) > 1 - NOTHING


def _left_out(tried: _Tried) -> str:
    return (
        f"In {tried.layer.text} {_listed(tried.alike)} is left out: it draws the same for every "
        "unit, whatever the weights, and so tells only where a unit looks."
    )


def _compared(
    name: str, layer: Anchor | None, rules: Sequence[str], units: Sequence[dict[str, Evidence]]
) -> Compared | None:
    cells: dict[str, list[tuple[str, bool]]] = {rule: [] for rule in rules}
    count = 0
    for measure, most in COMPARED:
        words = WORDS_OF[measure]
        figures = {
            rule: [mean(unit.get(rule, {}).get(measure, ())) for unit in units] for rule in rules
        }
        scores, counted = contest(figures, most=most)
        count = max(count, counted)
        by_rule = {score.rule: score for score in scores}
        for rule in rules:
            score = by_rule.get(rule)
            if score is None:
                cells[rule].append(("–", False))
                continue
            error = f"{100 * score.error:.1f}" if words.is_share else f"{score.error:.2f}"
            cells[rule].append((f"{figure(score.mean, words)} ± {error}", score.wins))
    if all(text == "–" for row in cells.values() for text, _ in row):
        return None
    return Compared(name, layer, count, tuple((rule, tuple(row)) for rule, row in cells.items()))


def _best(table: Compared) -> tuple[Best, ...]:
    """Which rule is best by what, and what decides for none; empty where nothing decides."""
    won = {rule: [wins for _, wins in row] for rule, row in table.rows}
    if not any(map(any, won.values())):
        return ()
    won[""] = [not any(column) for column in zip(*won.values(), strict=True)]
    words = [GOOD[name] for name, _ in COMPARED]
    return tuple(
        Best(rule, _listed(list(itertools.compress(words, wins))))
        for rule, wins in won.items()
        if any(wins)
    )


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _lead(table: Compared, best: Sequence[Best]) -> str:
    """What the rows of the best say, or that there are none."""
    where = "Over all layers" if table.layer is None else f"In {table.name}"
    if not best:
        return f"{where} no rule is better than every other one by more than chance."
    return f"{where}, better than every other rule by more than chance:"


def estimate(plan: Plan) -> int:
    """Bytes of the page."""
    layers = [layer for layer in plan.layers if layer.beside]
    return 4_000 + sum(400 * (layer.beside + 2) for layer in layers) if layers else 0
