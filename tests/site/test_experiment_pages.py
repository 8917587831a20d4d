"""What the pages of experiments say, from their data alone."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from msgspec import structs

from atlas.data.experiments.fooling import ChangedLayer, ChangedUnit, Fooled, Fooling, Walk
from atlas.data.experiments.invariance import (
    ROTATION,
    SCALE,
    TRANSLATION,
    Curve,
    Features,
    Invariance,
    Transformation,
    Untransformed,
)
from atlas.data.experiments.outcomes import Subject
from atlas.data.experiments.table import EXPERIMENTS
from atlas.site.render.experiments import fooling, invariance
from atlas.site.render.experiments.subjects import called

SUBJECTS = (Subject(4, "cat/4.png", "cat", 1), Subject(9, "dog/9.png", "dog", 2))
MOVES = (-2.0, -1.0, 0.0, 1.0, 2.0)
SCALES = (1.0, 1.4, 1.8)
TURNS = (0.0, 90.0, 180.0, 270.0, 360.0)


def straight(amounts: tuple[float, ...], given: tuple[int, ...], start: float = 0) -> Curve:
    """Features that go as far as the amount in the last layer, and at once in the first."""
    last = tuple(abs(amount - start) for amount in amounts)
    first = tuple(8.0 if amount != start else 0.0 for amount in amounts)
    return Curve(first, last, tuple(0.5 for _ in amounts), given)


def agreeing() -> Invariance:
    """A network that does what the paper says."""
    return Invariance(
        (16, 16), SUBJECTS, (Untransformed(1, 0.9, 1), Untransformed(2, 0.8, 2)), None, 5,
        Features("conv1", 100, False, 10.0), Features("conv5", 7, True, 4.0),
        (
            Transformation(TRANSLATION, MOVES, (0, 4), (
                straight(MOVES, (1,) * 5), straight(MOVES, (2,) * 5))),
            Transformation(SCALE, SCALES, (0, 2), (
                straight(SCALES, (1,) * 3, 1), straight(SCALES, (2,) * 3, 1))),
            Transformation(ROTATION, TURNS, (0, 4), (
                straight(TURNS, (1, 1, 1, 1, 1)), straight(TURNS, (2, 0, 0, 0, 2)))),
        ),
        {0: "ant", 1: "cat", 2: "dog"},
    )  # fmt: skip


def test_a_network_that_does_as_the_paper_says_agrees_in_everything() -> None:
    small, line, stable, turned = invariance.findings(agreeing())
    assert "Moved by 1 pixel of 16, an image is 80 % as far" in small and "25 % in conv5" in small
    assert "As in the paper" in small
    assert "R² 1.00 when images move and 1.00" in line and "The paper, too" in line
    assert "100 % of the moved images and to 100 % of the enlarged" in stable
    assert "as the paper found" in stable
    # a full turn changes nothing and doesn't count: three of six keep their class
    assert "50 % of cases; at every angle: cat." in turned and "As in the paper" in turned


def test_a_network_that_does_otherwise_is_said_to_disagree() -> None:
    result = agreeing()
    swapped = tuple(
        structs.replace(
            one,
            curves=tuple(
                structs.replace(c, first=c.last, last=tuple(v**0.01 if v else 0 for v in c.first),
                                given=(0,) * len(c.given))
                for c in one.curves
            ),
        )
        for one in result.transformations
    )  # fmt: skip
    result = structs.replace(result, transformations=swapped, symmetric=1)
    small, line, stable, turned = invariance.findings(result)
    assert "not so here" in small
    assert "here it is not" in line and "R² 1.00" not in line.split(";")[0]
    assert "0 % of the moved images" in stable and "here it is not" in stable
    assert "none does at every angle" in turned and "dog, whose picture changes least" in turned


def test_without_scores_nothing_is_said_of_classes() -> None:
    nothing = tuple(Untransformed(None, None, None) for _ in SUBJECTS)
    bare = tuple(
        structs.replace(
            one, curves=tuple(structs.replace(c, probability=(), given=()) for c in one.curves)
        )
        for one in agreeing().transformations
    )
    result = structs.replace(agreeing(), untransformed=nothing, transformations=bare)
    assert len(invariance.findings(result)) == 2


def test_large_distances_are_written_out() -> None:
    first = structs.replace(agreeing().first, another=37412.3)
    said = " ".join(invariance.about(structs.replace(agreeing(), first=first)))
    assert "(37,412 in conv1, 4 in conv5)" in said and "e+" not in said


def test_subjects_are_called_by_their_class_where_that_tells_them_apart() -> None:
    assert called(SUBJECTS) == ("cat", "dog")
    twice = (*SUBJECTS, Subject(5, "cat/5.png", "cat", 1), Subject(6, "6.png", None, None))
    assert called(twice) == ("cat/4.png", "dog", "cat/5.png", "6.png")


def fooled(subject: Subject, smallest: int | None, random: int | None) -> Fooled:
    given, other = 1, 2
    steps, by_chance = (1, 2, 3), (1, 64)
    walk = Walk(
        (0.6, 0.4, 0.2), tuple(other if smallest and s >= smallest else given for s in steps)
    )
    chance = Walk((0.9, 0.8), tuple(other if random and s >= random else given for s in by_chance))
    layers = tuple(
        ChangedLayer(name, far, 0.1, (ChangedUnit(3, 1.0, 2.5, far),))
        for name, far in (("conv1", 0.2), ("conv5", 0.9))
    )
    return Fooled(
        subject, given, 0.9, smallest, other if smallest else None, 42, walk, (chance, chance),
        layers if smallest else (),
    )  # fmt: skip


def fooling_of(*subjects: Fooled) -> Fooling:
    return Fooling((1, 2, 3), (1, 64), subjects, {1: "cat", 2: "dog"}, True)


def test_findings_on_fooling_say_how_little_and_that_random_signs_need_more() -> None:
    one, other = (
        fooled(subject, step, None) for subject, step in zip(SUBJECTS, (2, 3), strict=True)
    )
    first, random, grows, direction = fooling.findings(fooling_of(one, other))
    assert "2 of 2 images" in first and "at most 3 of 255" in first and "2.5 levels" in first
    assert "4 of 4 tries change no class even with 64 levels" in random
    assert "grows" in grows and "conv1 change by 0.20" in grows and "conv5 by 0.90" in grows
    assert "by 0.10: what fools is the direction" in direction
    said = fooling.findings(fooling_of(fooled(SUBJECTS[0], 2, 64), fooled(SUBJECTS[1], None, 64)))
    assert "1 of 2 images" in said[0] and "Random signs take 64 levels" in said[1]
    assert "32 times as much" in said[1]
    nothing = fooling.findings(fooling_of(fooled(SUBJECTS[0], None, None)))
    assert nothing[0].startswith("No step of up to 3 of 255 levels") and len(nothing) == 2


@pytest.fixture(scope="module")
def pages(experimented: Path) -> Path:
    return experimented / "site" / "small" / "experiments"


def text(page: Path) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.read_text())).split())


def test_the_json_suffices_to_compute_what_the_page_on_invariance_says(pages: Path) -> None:
    data = json.loads((pages / "invariance.json").read_text())["result"]
    said = text(pages / "invariance.html")
    fits, shares = {}, {}
    for one in data["transformations"]:
        sizes = np.abs(one["amounts"])
        fits[one["name"]] = [
            fmean(np.corrcoef(sizes, curve[layer])[0, 1] ** 2 for curve in one["curves"])
            for layer in ("last", "first")
        ]
        neutral = {"translation": (0,), "scale": (1,), "rotation": (0, 360)}[one["name"]]
        shares[one["name"]] = fmean(
            given == own["given"]
            for curve, own in zip(one["curves"], data["untransformed"], strict=True)
            for amount, given in zip(one["amounts"], curve["given"], strict=True)
            if amount not in neutral
        )
    (moved, moved_first), (enlarged, enlarged_first) = fits["translation"], fits["scale"]
    assert f"R² {moved:.2f} when images move and {enlarged:.2f} when they are enlarged" in said
    assert f"with {moved_first:.2f} and {enlarged_first:.2f}" in said
    assert f"to {100 * shares['translation']:.0f} % of the moved images" in said
    assert f"keep their class in {100 * shares['rotation']:.0f} % of cases" in said


def test_the_json_suffices_to_compute_what_the_page_on_fooling_says(pages: Path) -> None:
    data = json.loads((pages / "fooling.json").read_text())["result"]
    said = text(pages / "fooling.html")
    steps = []
    for one in data["subjects"]:
        changed = [step for step, given in zip(data["gradient_steps"], one["gradient"]["given"],
                                               strict=True) if given != one["given"]]  # fmt: skip
        assert one["smallest"] == (changed[0] if changed else None)
        steps += changed[:1]
    assert f"{len(steps)} of {len(data['subjects'])} images" in said
    assert f"the median is {np.median(steps):g} level" in said
    layers = [one["changed"] for one in data["subjects"] if one["changed"]]
    last = fmean(one[-1]["fooled"] for one in layers)
    assert f"those of {layers[0][-1]['layer']} by {last:.2f}" in said


def test_every_experiment_has_a_page_with_findings_and_stands_in_the_list(pages: Path) -> None:
    listed = (pages / "index.html").read_text()
    for one in EXPERIMENTS:
        assert f'href="{one.name}.html"' in listed
        page = (pages / f"{one.name}.html").read_text()
        assert one.title in page
        assert html.escape(one.question, quote=False) in html.unescape(page)
        # a small site has too few images of a class for some of them
        assert '<ul class="findings">' in page or "This experiment was not made" in page
        assert f"{one.name}.json" in page
        reason = json.loads((pages / f"{one.name}.json").read_text())["reason"]
        assert not reason or f"Not made here: {reason}." in html.unescape(listed)
        for picture in re.findall(r'<img src="([^"]+)"', page):
            assert (pages / picture).is_file()
