"""The engine on small stages, each of which writes a number that follows from what it reads."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas.compute.engine import compute
from atlas.compute.ledger import begun, read_ledger
from atlas.compute.room import note_pieces, room
from atlas.compute.run import Run
from atlas.compute.stage import Stage
from atlas.data.documents import Document
from atlas.data.settings import Settings
from atlas.images.stimuli import StimulusCache


@dataclass(frozen=True)
class Numbers:
    """Images of which nobody looks at more than how many there are."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        raise AssertionError

    def identity(self) -> str:
        return f"numbers {self.count}"


def stage(
    name: str, value: Callable[[Run], int], *needs: str, inputs: tuple[str, ...] = (), **more: Any
) -> Stage:
    document: Document[Any] = Document(name, dict, more.pop("schema", 1))

    def run(run: Run) -> None:
        run.write(document, {"value": value(run)})
        (run.folder / f"{name}.txt").write_text(name)

    return Stage(name, run, (document,), needs, inputs, files=(f"{name}.txt",), **more)


def read(run: Run, name: str) -> int:
    document: Document[Any] = Document(name, dict)
    return int(run.read(document)["value"])


FIRST = stage("first", lambda run: len(run.images), inputs=("images",))
UNITS = stage("units", lambda run: run.settings.units or 0, settings=("units",))
PARITY = stage("parity", lambda run: read(run, "first") % 2, "first")
SUM = stage("sum", lambda run: read(run, "parity") + read(run, "units"), "parity", "units")
STAGES = (FIRST, UNITS, PARITY, SUM)


def a_run(folder: Path, images: int = 4, **settings: Any) -> Run:
    (folder / "atlas").mkdir(parents=True, exist_ok=True)
    (folder / "scratch").mkdir(exist_ok=True)
    nothing: Any = None
    return Run(
        network=nothing,
        images=Numbers(images),
        settings=Settings(**settings),
        slots=16,
        folder=folder / "atlas",
        scratch=folder / "scratch",
        cache=StimulusCache(folder / "stimuli", (1, 1, 1)),
    )


def test_what_is_there_already_is_not_computed_again(tmp_path: Path) -> None:
    said: list[str] = []
    every = ["first", "units", "parity", "sum"]
    assert compute(a_run(tmp_path), STAGES, report=said.append) == every
    assert compute(a_run(tmp_path), STAGES, report=said.append) == []
    assert said == []  # a first build needs no reasons


def test_each_stage_that_runs_says_how_long_it_took(tmp_path: Path) -> None:
    took: dict[str, float] = {}
    slow = stage("slow", lambda run: time.sleep(0.05), "first")
    compute(a_run(tmp_path), (FIRST, slow), took=took)
    assert list(took) == ["first", "slow"] and took["slow"] >= 0.05
    took.clear()
    compute(a_run(tmp_path), (FIRST, slow), took=took)
    assert took == {}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"took" in path.read_bytes() for path in files)  # no atlas holds a time


def test_what_changed_runs_with_all_that_depends_on_it(tmp_path: Path) -> None:
    compute(a_run(tmp_path), STAGES)
    said: list[str] = []
    assert compute(a_run(tmp_path, units=3), STAGES, report=said.append) == ["units", "sum"]
    assert said == [
        "note: units again: units was not given and is 3",
        "note: sum again: the result of units changed",
    ]
    assert compute(a_run(tmp_path, 5, units=3), STAGES, report=said.append) == [
        "first", "parity", "sum",
    ]  # fmt: skip
    assert "note: first again: the images changed" in said


def test_nothing_depends_on_a_result_that_came_out_equal(tmp_path: Path) -> None:
    compute(a_run(tmp_path, 4), STAGES)
    assert compute(a_run(tmp_path, 6), STAGES) == ["first", "parity"]  # both are even


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (replace(FIRST, documents=(Document("first", dict, 2),)), "the form of its data changed"),
        (replace(FIRST, settings=("rule",)), "rule was not given and is deconvnet"),
        (replace(FIRST, run=PARITY.run), ""),
    ],
)
def test_whatever_decides_a_stage_makes_it_run(tmp_path: Path, changed: Stage, reason: str) -> None:
    compute(a_run(tmp_path), (FIRST,))
    said: list[str] = []
    ran = compute(a_run(tmp_path), (changed,), report=said.append)
    assert ran == (["first"] if reason else []) and reason in "".join(said)


MODULE = """
from atlas.data.documents import Document
{imports}
DOCUMENT = Document("own", dict)

def run(run):
    {comment}
    run.write(DOCUMENT, {{"value": {value}}})
"""


def test_a_stage_runs_again_when_its_source_says_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an editor would change it: first a comment, then a number, then an import."""
    import importlib
    import sys

    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "own_stage.py"
    ran = []
    for said in (
        {"imports": "", "comment": "# a", "value": 1},
        {"imports": "", "comment": "# other words", "value": 1},
        {"imports": "", "comment": "# other words", "value": 2},
        {"imports": "from atlas.data import levels", "comment": "", "value": 2},
    ):
        path.write_text(MODULE.format(**said))
        importlib.invalidate_caches()
        sys.modules.pop("own_stage", None)
        module = importlib.import_module("own_stage")
        own = Stage("own", module.run, (module.DOCUMENT,))
        reasons: list[str] = []
        compute(a_run(tmp_path), (own,), report=reasons.append)
        ran.append("".join(reasons))
    monkeypatch.delitem(sys.modules, "own_stage", raising=False)
    assert ran[:2] == ["", ""]
    assert ran[2] == "note: own again: the source of own_stage changed"
    assert ran[3] == "note: own again: the source of atlas.data.levels, own_stage changed"


@pytest.mark.parametrize(
    ("reads", "what"),
    [
        (lambda run: run.settings.units, "the setting units"),
        (lambda run: run.settings.pictures, "the setting images_policy"),
        (lambda run: run.settings.keeps("jpeg"), "the extra jpeg"),
        (lambda run: run.settings.layer_globs, "the setting layers"),
        (lambda run: len(run.images), "reads images"),
        (lambda run: run.network.layers, "reads network"),
        (lambda run: int(run.slots), "reads slots"),
        (lambda run: bool(run.masks), "reads masks"),
        (lambda run: read(run, "first"), "reads first"),
        (lambda run: run.record("conv1"), "reads record"),
    ],
)
def test_a_stage_can_not_read_what_it_does_not_declare(
    tmp_path: Path, reads: Callable[[Run], int], what: str
) -> None:
    """So its key holds all that decides its result, by construction."""
    with pytest.raises(LookupError, match=what):
        compute(a_run(tmp_path), (FIRST, stage("bold", reads)))
    compute(a_run(tmp_path), (FIRST, stage("fine", lambda run: run.settings.workers)))


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    def stops(run: Run) -> int:
        seen.append(run.checkpoint["step"])
        run.checkpoint["step"] = 1
        run.checkpoint.commit()
        (run.scratch / "half").write_text("done")
        if len(seen) < 3:
            raise KeyboardInterrupt
        return 0

    seen: list[int | None] = []
    slow = stage("slow", stops, "first", settings=("units",))
    assert not begun(a_run(tmp_path).scratch)
    with pytest.raises(KeyboardInterrupt):
        compute(a_run(tmp_path), (FIRST, slow))
    assert begun(a_run(tmp_path).scratch)
    assert list(read_ledger(tmp_path / "atlas", tmp_path / "scratch")) == ["first"]
    with pytest.raises(KeyboardInterrupt):
        compute(a_run(tmp_path), (FIRST, slow))
    # another setting: what was half done is of no use
    assert compute(a_run(tmp_path, units=2), (FIRST, slow)) == ["slow"]
    assert seen == [None, 1, None]


@pytest.mark.parametrize("file", ["parity.json", "parity.txt"])
def test_results_that_are_not_as_they_were_written_are_computed_again(
    tmp_path: Path, file: str
) -> None:
    compute(a_run(tmp_path), STAGES)
    before, path = read_ledger(tmp_path / "atlas", tmp_path / "scratch"), tmp_path / "atlas" / file
    content = path.read_bytes()
    for damaged in (content[:-1] + bytes([content[-1] ^ 1]), content[:3], b"", None):
        path.write_bytes(damaged) if damaged is not None else path.unlink()
        said: list[str] = []
        assert compute(a_run(tmp_path), STAGES, report=said.append) == ["parity"]
        assert said == ["note: parity again: its files are not as they were written"]
        assert path.read_bytes() == content
    after = read_ledger(tmp_path / "atlas", tmp_path / "scratch")
    assert after == before and list(after) == list(before)  # atlas.json keeps it in this order


def test_half_done_work_that_is_not_as_it_was_left_is_begun_anew(tmp_path: Path) -> None:
    def fills(run: Run) -> int:
        numbers = room(run.scratch / "numbers", (4, 2), np.int32)
        begun_at.append(run.checkpoint["step"] or 0)
        for step in range(begun_at[-1], 4):
            if step == stop:
                raise KeyboardInterrupt
            rows, columns = np.array([step, step]), np.array([0, 1])
            numbers[rows, columns] = step
            note_pieces(run.checkpoint, [((numbers,), rows, columns)])
            run.checkpoint["step"] = step + 1
            run.checkpoint.commit()
        return int(numbers.sum())

    begun_at: list[int] = []
    slow, scratch = stage("slow", fills), tmp_path / "scratch" / "slow"

    def change(name: str) -> None:
        content = bytearray((scratch / name).read_bytes())
        content[len(content) // 5] ^= 2
        (scratch / name).write_bytes(content)

    def swap() -> None:
        other = tmp_path / "other"
        with pytest.raises(KeyboardInterrupt):
            compute(a_run(other, 9), (stage("slow", fills, inputs=("images",)),))
        shutil.copy(other / "scratch" / "slow" / "state.sqlite", scratch)

    for damage in (
        lambda: change("numbers"),
        lambda: os.truncate(scratch / "numbers", 7),
        lambda: (scratch / "numbers").unlink(),
        lambda: os.truncate(scratch / "state.sqlite", 5000),
        lambda: (scratch / "state.sqlite").write_bytes(b"Dear diary" * 999),
        swap,
    ):
        shutil.rmtree(tmp_path / "scratch", ignore_errors=True)
        shutil.rmtree(tmp_path / "atlas", ignore_errors=True)
        said: list[str] = []
        stop = 2
        with pytest.raises(KeyboardInterrupt):
            compute(a_run(tmp_path), (slow,))
        stop = 3
        with pytest.raises(KeyboardInterrupt):  # where nothing is damaged it goes on
            compute(a_run(tmp_path), (slow,), report=said.append)
        assert begun_at[-2:] == [0, 2] and said == []
        damage()
        stop = 4
        assert compute(a_run(tmp_path), (slow,), report=said.append) == ["slow"]
        assert begun_at[-1] == 0 and read(a_run(tmp_path), "slow") == 12
        assert said == ["note: slow from its beginning: what a stopped build left of it is damaged"]


def test_a_ledger_that_is_damaged_or_strange_deletes_nothing_of_other_people(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    compute(a_run(tmp_path), STAGES)
    ledger = tmp_path / "scratch" / "ledger.json"
    for strange in (
        {"gone": {"files": ["../*.txt", f"{tmp_path}/*", "", "/*", "../../**/*"]}},
        {"first": 7, "units": None, "parity": {"files": "x"}, "sum": {"files": [3]}},
        {"first": {"files": ["first.*"]}, "sum": {"files": [], "output": 3}},
    ):
        ledger.write_text(json.dumps(strange))
        compute(a_run(tmp_path), STAGES, report=lambda _: None)
        assert (tmp_path / "mine.txt").read_text() == "precious"
        assert compute(a_run(tmp_path), STAGES) == []


def test_files_of_a_stage_that_is_stale_or_gone_are_cleared_away(tmp_path: Path) -> None:
    folder = tmp_path / "atlas"
    compute(a_run(tmp_path), STAGES)
    (folder / "mine.txt").write_text("somebody's own")
    assert (folder / "units.txt").is_file() and (folder / "units.json").is_file()
    compute(a_run(tmp_path), (FIRST, PARITY))
    assert {path.name for path in folder.iterdir()} == {
        "first.txt", "first.json", "parity.txt", "parity.json", "mine.txt",
    }  # fmt: skip


def test_a_stage_that_was_gone_is_computed_when_it_is_wanted_again(tmp_path: Path) -> None:
    compute(a_run(tmp_path), STAGES)
    assert compute(a_run(tmp_path), (FIRST, UNITS, PARITY)) == []
    assert not (tmp_path / "atlas" / "sum.txt").exists()
    assert "sum" not in read_ledger(tmp_path / "atlas", tmp_path / "scratch")
    assert compute(a_run(tmp_path), STAGES) == ["sum"]
    assert (tmp_path / "atlas" / "sum.txt").is_file()


def test_a_run_stopped_while_it_clears_a_stage_away_leaves_none_of_it_for_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute(a_run(tmp_path), STAGES)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            compute(a_run(tmp_path), (FIRST, UNITS, PARITY))
    # whether it is wanted again or not
    assert compute(a_run(tmp_path), STAGES, report=lambda _: None) == ["sum"]
    compute(a_run(tmp_path), (FIRST, UNITS, PARITY))
    assert not list((tmp_path / "atlas").glob("sum.*"))


def test_stages_out_of_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="parity needs first"):
        compute(a_run(tmp_path), (PARITY, FIRST))
    with pytest.raises(ValueError, match="twice"):
        compute(a_run(tmp_path), (FIRST, FIRST))
