"""Would a person tell: a machine's answers to the question that the nine pose."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from atlas.compute.peak_files import read_peaks, read_seen
from atlas.compute.peaking import pieces_of
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.compute.told import asked, pixels_of, told
from atlas.data.documents import NINE
from atlas.data.plan import Plan
from atlas.data.telling import (
    ACROSS,
    ASKED,
    GRID,
    SIDE,
    STRONG,
    TELLING,
    WEAK,
    Question,
    quiz_sheet,
)  # fmt: skip
from atlas.data.whole_files import write_whole
from atlas.drawing import sheets
from atlas.evidence.faces import directions
from atlas.evidence.peaks import FEWEST, Seen
from atlas.evidence.telling import SHOWN

if TYPE_CHECKING:
    from atlas.compute.run import Run

PIECE = 400  # images
SHEETS = 32  # between two commits
LIMIT = 16_000  # bytes of a question's sheet


def run(run: Run) -> None:
    """Ask about all units that are shown."""
    if not run.settings.has_names:
        return
    seen = read_seen(run.file("peaks")) if run.leads else None
    images = run.ranks.share(seen.images.tolist() if seen else [])
    if len(images) < FEWEST:
        return
    pieces = pieces_of(images, PIECE)

    def look(piece: list[int]) -> dict[str, np.ndarray]:
        return {"pixels": pixels_of(stimuli_of(run, piece))}

    parts = shared_work(run, pieces, look, what="telling")
    questions: list[tuple[str, Question]] = []
    if seen is not None:
        questions = _answered(run, seen, np.concatenate([part["pixels"] for part in parts]))
    _draw(run, run.ranks.share(questions))


def _answered(run: Run, seen: Seen, pixels: np.ndarray) -> list[tuple[str, Question]]:
    """Write the machine's answers; the questions for people, by layer."""
    quizzes = run.settings.pictures and run.settings.keeps("quizzes")
    alike = directions(pixels)
    own, twin = (directions(seen.features), alike), (directions(seen.twin), alike[seen.rows])
    questions: list[tuple[str, Question]] = []
    for layer in run.network.choose(run.settings.layer_globs):
        units = [one.unit for one in run.read(NINE, layer.id).units]
        full = [one.unit for one in run.read(NINE, layer.id).units if len(one.nine) == SHOWN]
        peaks = read_peaks(run.file("peaks", layer.id))
        quiz = asked(peaks, full, seen.images, own[0]) if quizzes else ()
        run.write(TELLING, replace(told(peaks, units, own, twin), quiz=quiz), layer.id)
        questions += [(layer.id, question) for question in quiz]
    return questions


def _draw(run: Run, questions: list[tuple[str, Question]]) -> None:
    cells = [*(divmod(place, ACROSS) for place in range(SHOWN)), STRONG, WEAK]

    def sheet(question: Question) -> np.ndarray:
        images = stimuli_of(run, [*question.least, question.strong, question.weak])
        small = [sheets.small(one, SIDE) for one in images]
        return np.frombuffer(sheets.sheet(small, cells, grid=GRID, limit=LIMIT), np.uint8)

    def drawn(piece: list[int]) -> dict[str, np.ndarray]:
        made = pool.map(sheet, [questions[place][1] for place in piece])
        return {str(place): one for place, one in enumerate(made)}

    with ThreadPoolExecutor() as pool:
        parts = shared_work(run, pieces_of(range(len(questions)), SHEETS), drawn, what="quiz")
    made = [part[str(place)] for part in parts for place in range(len(part))]
    for (layer, question), content in zip(questions, made, strict=False):
        path = run.folder / quiz_sheet(layer, question.unit)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.tobytes())


def _estimate(plan: Plan) -> int:
    if not plan.names:
        return 0
    drawn = plan.pictures and "quizzes" in plan.kept
    asked_about = sum(min(ASKED, layer.units) for layer in plan.layers) if drawn else 0
    return plan.units * 45 + asked_about * (130 + LIMIT)


STAGE = Stage(
    "telling",
    run,
    (TELLING,),
    needs=("peaks", "nine"),
    inputs=("network", "images"),
    settings=("layers", "evidence", "images_policy"),
    extras=("names", "quizzes"),
    files=("*/quiz/*.webp",),
    estimate=_estimate,
)
