from atlas.data.measures import MEASURES
from atlas.data.records import LayerSummary, Unit
from atlas.site.measure_words import MEASURE_WORDS
from atlas.site.render import evidence_tables
from atlas.site.render.pictures import ORDERS


def test_every_measure_has_its_words() -> None:
    assert [words.name for words in MEASURE_WORDS] == [measure.name for measure in MEASURES]


def test_every_measure_stands_in_the_tables_and_where_units_are_sorted() -> None:
    evidence = {measure.name: (0.25, None) for measure in MEASURES}
    means = dict.fromkeys(evidence, 0.75)
    unit = Unit(0, 2, (), evidence=evidence)
    summary = LayerSummary("conv1", "convolution", 1, 1, 0, (0,), means)
    of_unit, of_layer = evidence_tables.of_unit(unit, summary), evidence_tables.of_layer(summary)
    of_atlas = evidence_tables.of_atlas([summary])
    assert of_unit and of_layer and of_atlas
    for place, words in enumerate(MEASURE_WORDS):
        shown = ("25 %", "75 %") if words.is_share else ("0.25", "0.75")
        assert of_unit.rows[place].head == of_layer.rows[place].head == words.text
        assert of_unit.rows[place].figures == shown
        figures = {
            figure: head
            for head, cell in zip(of_atlas.heads, of_atlas.rows[0].cells, strict=True)
            for figure in (cell.figure, cell.baseline)
        }
        assert shown[1] in figures and (not words.head or words.head in of_atlas.heads)
        assert bool(words.head) != any(other.baseline == words.name for other in MEASURE_WORDS)
        named = [order for order in ORDERS if order.name == words.name]
        assert bool(named) == bool(words.order)
        assert not named or named[0].key(unit) == 0.25


def test_a_share_that_rounds_to_nothing_has_no_sign() -> None:
    assert evidence_tables.percent(-0.001) == "0 %"


def test_what_speaks_against_pictures_is_said_with_what_speaks_for_them() -> None:
    good = {"kept": (0.8, 0.6), "kept_elsewhere": (0.1,), "ssim": (0.2,)}
    said = evidence_tables.trust(Unit(0, 2, (), evidence=good), image_free=False)
    assert said.startswith("Fairly well: what they mark keeps 70 %") and said.endswith("of 1).")
    doubtful = {**good, "rank": (0.9, 0.7), "own": (0.2,)}
    said = evidence_tables.trust(Unit(0, 2, (), evidence=doubtful), image_free=False)
    assert "in the same places (correlation 0.80). 20 % of what they show is this unit's" in said
    alike = {**doubtful, "ssim": (0.7,)}
    said = evidence_tables.trust(Unit(0, 2, (), evidence=alike), image_free=False)
    assert said.startswith("Partly") and "though" not in said
