"""The figures of a unit, each a column of the atlas's table of units.

A row here is a column of ``units.csv`` and its like, a line of the table in ``docs/methods.md``
(a test compares them), and, where it is a number, an axis of a layer's chart. Where other rules
were tried, each adds the columns ``of_rules``, which no chart shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from atlas.data.beside import UnitRules
from atlas.data.curves import UnitCurves
from atlas.data.faces import UnitFaces
from atlas.data.measures import MEASURES, mean
from atlas.data.names import UnitName
from atlas.data.records import LayerData, Unit
from atlas.data.telling import UnitTelling

Value = str | int | float | None


@dataclass(frozen=True)
class Known:
    """All that is known of a unit; what a build didn't look for is None."""

    layer: LayerData
    unit: Unit
    name: UnitName | None
    faces: UnitFaces | None
    telling: UnitTelling | None
    curves: UnitCurves | None = None
    beside: UnitRules | None = None


@dataclass(frozen=True)
class Column:
    """A figure: its ``key`` in files, what a chart calls it, and what it is.

    ``title`` is "" for one that no chart shows.
    """

    key: str
    type: type
    title: str
    about: str
    of: Callable[[Known], Value]


def _named(of: Callable[[UnitName], Value]) -> Callable[[Known], Value]:
    return lambda known: of(known.name) if known.name and known.name.terms else None


def _measure(name: str) -> Callable[[Known], Value]:
    return lambda known: mean((known.unit.evidence or {}).get(name, ()))


def _faces(known: UnitFaces | None) -> int | None:
    if known is None or known.clarity is None:
        return None
    return 2 if known.faces else 1


_TRIED = {
    "ssim": "likeness of reconstruction and control's (SSIM)",
    "rank": "rank correlation of their strengths by place",
    "kept": "share of the activation that the marked fifth keeps by itself",
    "kept_elsewhere": "share that a mask of the same shape elsewhere keeps",
    "lost": "share that is lost when the marked fifth is blurred",
    "lost_elsewhere": "share that is lost to a mask of the same shape elsewhere",
    "own": "share of the reconstruction that is the unit's own",
}

COLUMNS: tuple[Column, ...] = (
    Column("layer", str, "", "the layer's id", lambda k: k.layer.layer),
    Column("unit", int, "", "the unit's number", lambda k: k.unit.unit),
    Column(
        "active", float, "active in (share of images)",
        "share of the images that excite it",
        lambda k: k.unit.fired / k.layer.images if k.layer.images else None,
    ),
    Column(
        "strongest", float, "strongest activation",
        "largest activation over all images",
        lambda k: k.unit.nine[0].value if k.unit.nine else None,
    ),
    Column(
        "ninth", float, "ninth strongest activation",
        "activation of the ninth of its nine",
        lambda k: k.unit.nine[8].value if len(k.unit.nine) == 9 else None,
    ),
    Column(
        "commonest_class", str, "",
        "class of most of its nine",
        lambda k: k.unit.commonest[0] if k.unit.commonest else None,
    ),
    Column(
        "agreeing", int, "of its nine in one class",
        "how many of its nine have that class",
        lambda k: k.unit.commonest[1] if k.unit.commonest else None,
    ),
    Column(
        "field", int, "",
        "height of its nominal receptive field in pixels",
        lambda k: k.layer.receptive_field.size[0],
    ),
    Column(
        "drawn_on", float, "share of its field that it draws on",
        "share of the nominal box that the effective field covers",
        lambda k: k.unit.drawn_on,
    ),
    *(
        Column(
            one.name, float, _TRIED[one.name],
            f"mean over its nine: {_TRIED[one.name]}",
            _measure(one.name),
        )
        for one in MEASURES
    ),
    Column("kept_between", float, "area between its order and a shifted one, kept",
           "area between the curves of what is kept, in its reconstructions' order and shifted",
           lambda k: k.curves.kept_between.mean if k.curves else None),
    Column("left_between", float, "area between its order and a shifted one, blurred",
           "the same of what is left when it is blurred",
           lambda k: k.curves.left_between.mean if k.curves else None),
    Column(
        "overlap_concept", str, "",
        "concept whose areas it overlaps with most, beyond chance",
        lambda k: k.unit.concepts[0][0] if k.unit.concepts else None,
    ),
    Column(
        "overlap", float, "overlap of areas (IoU)",
        "that overlap, intersection over union",
        lambda k: k.unit.concepts[0][1] if k.unit.concepts else None,
    ),
    Column("name", str, "", "the form that names it; empty where doubt is left",
           lambda k: (k.name.name or None) if k.name else None),
    Column("follows", str, "", "the form that it follows best, a name or not",
           _named(lambda n: n.words)),
    Column("doubt", str, "", "why that is no name: weak, chance, twin, checks or rivals",
           _named(lambda n: n.doubt or None)),
    Column("pearson", float, "correlation with its best form",
           "Pearson's correlation with that form over all images",
           _named(lambda n: n.pearson.score)),
    Column("pearson_missing", float, "",
           "the same, its labels taken away with probability ½ (mean of ten draws)",
           _named(lambda n: n.pearson.missing)),
    Column("pearson_extra", float, "",
           "the same, as many labels added at random (mean of ten draws)",
           _named(lambda n: n.pearson.extra)),
    Column("auprc", float, "AUPRC of its best form",
           "area under the curve of precision and recall (average precision)",
           _named(lambda n: n.auprc)),
    Column("auc", float, "", "area under the ROC curve, which proposed the form",
           _named(lambda n: n.auc)),
    Column("p", float, "", "chance of such a correlation in the layer with permuted labels",
           _named(lambda n: n.p)),
    Column("steady", float, "", "share of draws of the images in which the form is the best",
           _named(lambda n: n.steady)),
    Column("clarity", float, "clarity",
           "mean cosine of two of its strongest images, by the network's last features",
           lambda k: k.faces.clarity if k.faces else None),
    Column("polysemanticity", float, "polysemanticity",
           "1 less the cosine of the two halves into which they fall best",
           lambda k: k.faces.apart if k.faces else None),
    Column("redundancy", float, "redundancy",
           "largest cosine of their mean with that of another unit of the layer",
           lambda k: k.faces.redundancy if k.faces else None),
    Column("faces", int, "", "2 where two groups of them stand out, else 1",
           lambda k: _faces(k.faces)),
    Column("told", float, "questions answered by features",
           "share of two-alternative questions that a machine answers by the network's features",
           lambda k: k.telling.features if k.telling else None),
    Column("told_by_pixels", float, "questions answered by pixels",
           "the same by plain pixels", lambda k: k.telling.pixels if k.telling else None),
)  # fmt: skip


BY_RULE = ("kept", "lost", "ssim", "own")  # what is told of each other rule


def of_rules(rules: Sequence[str]) -> tuple[Column, ...]:
    """The columns of other rules' figures, in an atlas that shows what these draw."""
    return tuple(
        Column(
            f"{rule}_{name}", float, "",
            f"the same as {name}, of its reconstructions by {rule}",
            _by_rule(rule, name),
        )
        for rule in rules
        for name in BY_RULE
    )  # fmt: skip


def _by_rule(rule: str, name: str) -> Callable[[Known], Value]:
    def of(known: Known) -> Value:
        evidence = known.beside.evidence.get(rule) if known.beside else None
        return mean((evidence or {}).get(name, ()))

    return of
