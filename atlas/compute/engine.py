"""The engine: it runs the stages that are missing or stale, and what depends on them.

A stage whose key is what it was when it last ran isn't run again. Keys hold the digests of the
results of the stages that a stage needs, so where a stage runs anew and comes out equal, nothing
after it runs. A run that was stopped goes on: finished stages stay, and the one that was at work
finds its scratch folder and its checkpoint as it left them. Results and half-done work that are not
as they were written are computed again. A stage for which the device had too little memory goes on,
too, and where that doesn't help, with batches of half the size.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from atlas.compute.keys import Key, changes, identities, key_of
from atlas.compute.ledger import damaged, output_digest, owned_files, read_ledger, write_ledger
from atlas.compute.restricted import restricted
from atlas.compute.room import pieces_are_whole
from atlas.compute.run import Run
from atlas.compute.stage import Stage
from atlas.data.whole_files import write_whole
from atlas.errors import AtlasError, first_line
from atlas.runtime import device_memory
from atlas.runtime.checkpoint import Checkpoint, UnusableCheckpoint

Report = Callable[[str], Any]
TRIES = 2  # with batches of one size, where nothing was kept in between


def compute(
    run: Run,
    stages: Sequence[Stage],
    *,
    report: Report = print,
    took: dict[str, float] | None = None,
) -> list[str]:
    """Run the stages whose results are missing or stale; returns their names.

    ``stages`` are in an order in which each comes after those it needs. ``report`` is told why a
    stage of an atlas that was there already runs again. ``took`` is given the seconds of each stage
    that runs, by name, and is empty before. Every rank of the run calls this.
    """
    took = {} if took is None else took
    _check(stages)
    ledger = read_ledger(run.folder, run.scratch) if run.leads else {}
    for name in damaged(run.folder, ledger):
        report(f"note: {name} again: its files are not as they were written")
        ledger[name] = {"files": ledger[name]["files"]}  # not as finished
    inputs = identities(run, stages) if run.leads else {}
    _forget(run, stages, ledger)
    for stage in stages:
        key: Key = {}
        reasons: list[str] = []
        if run.leads:
            outputs = {name: ledger[name]["output"] for name in stage.needs}
            key = key_of(stage, run.settings, inputs=inputs, outputs=outputs)
            before = ledger.get(stage.name)
            if before and "output" not in before:  # it was begun and not finished
                before = None
            reasons = changes(before, key)
            if reasons and before:
                report(f"note: {stage.name} again: {'; '.join(reasons)}")
        if not run.ranks.share(bool(reasons)):
            continue
        began = time.perf_counter()
        run = _run(run, stage, stages, key=key, ledger=ledger, report=report)
        took[stage.name] = time.perf_counter() - began
    if run.leads and took:  # in whatever order they ran
        write_ledger(run.scratch, {stage.name: ledger[stage.name] for stage in stages})
    return list(took)


def _run(
    run: Run,
    stage: Stage,
    stages: Sequence[Stage],
    *,
    key: Key,
    ledger: dict[str, Any],
    report: Report,
) -> Run:
    """Run a stage; returns the run for those after it, which may have smaller batches."""
    scratch = run.ranks.share(run.scratch / stage.name)
    if run.leads:
        _prepare(run.folder, scratch, stage, key)
        if ledger.pop(stage.name, None):
            write_ledger(run.scratch, ledger)
    needed = frozenset(
        name for other in stages if other.name in stage.needs for name in _readable(other)
    )
    tries = 0
    while True:
        state = Checkpoint()
        if run.leads:
            state = _checkpoint(run.folder, scratch, stage, key, report)
        with closing(state) as checkpoint:
            own = restricted(run, stage, needed=needed, scratch=scratch, checkpoint=checkpoint)
            if not _runs_out(stage, own, ranks=run.ranks.count):
                break
        # what comes and goes, such as another program's memory, may be gone
        tries = 1 if checkpoint.commits else tries + 1
        again = "again"
        if tries == TRIES:
            run, tries = _halved(run, stage), 0
            again = f"again with {run.slots} images at once"
            if not stage.any_batch:  # its checkpoint counts batches
                shutil.rmtree(scratch)
                _prepare(run.folder, scratch, stage, key)
        report(f"note: {stage.name} ran out of the device's memory: {again}")
        device_memory.release()
    if run.leads:
        done = {**key, "files": list(stage.owned), "output": output_digest(run.folder, stage.owned)}
        ledger[stage.name] = done
        write_ledger(run.scratch, ledger)
    return run


def _runs_out(stage: Stage, own: Run, *, ranks: int) -> bool:
    """Run a stage; whether the device's memory ran out. Several ranks can't begin again alone."""
    try:
        stage.run(own)
    except RuntimeError as error:
        if not device_memory.ran_out(error):
            raise
        if ranks > 1:
            raise AtlasError(
                f"{stage.name} ran out of the device's memory: {first_line(error)}; the same "
                "command goes on from here, and a smaller --batch-size needs less"
            ) from error
        return True
    return False


def _halved(run: Run, stage: Stage) -> Run:
    """The run with batches of half the size. Raises ``AtlasError`` where they hold one image."""
    if run.slots == 1:
        raise AtlasError(f"{stage.name} ran out of the device's memory, one image at a time")
    return replace(run, slots=run.slots // 2)


def _readable(stage: Stage) -> list[str]:
    """What other stages may read of a stage's results."""
    files = [file.removeprefix("*/").removesuffix(".npz") for file in stage.files]
    return [*(document.name for document in stage.documents), *files]


def _checkpoint(folder: Path, scratch: Path, stage: Stage, key: Key, report: Report) -> Checkpoint:
    """The stage's checkpoint; its half-done work is cleared away where it isn't as it was left."""
    path, own = scratch / "state.sqlite", hashlib.sha256(_told(key).encode()).hexdigest()
    try:
        checkpoint = Checkpoint(path)
        is_own = checkpoint.is_whole() and checkpoint["of"] in (None, own)
        if is_own and pieces_are_whole(checkpoint, scratch):
            checkpoint["of"] = own
            return checkpoint
        checkpoint.close()
    except UnusableCheckpoint:
        pass
    report(f"note: {stage.name} from its beginning: what a stopped build left of it is damaged")
    shutil.rmtree(scratch)
    _prepare(folder, scratch, stage, key)
    checkpoint = Checkpoint(path)
    checkpoint["of"] = own
    return checkpoint


def _told(key: Key) -> str:
    return json.dumps(key, sort_keys=True)


def _prepare(folder: Path, scratch: Path, stage: Stage, key: Key) -> None:
    """Leave what a stage with the same key left half done, and clear away all else of the stage."""
    mark, wanted = scratch / "key.json", _told(key).encode()
    if mark.is_file() and mark.read_bytes() == wanted:
        return
    shutil.rmtree(scratch, ignore_errors=True)
    for path in owned_files(folder, stage.owned):
        path.unlink()
    scratch.mkdir(parents=True)
    write_whole(mark, wanted)


def _forget(run: Run, stages: Sequence[Stage], ledger: dict[str, Any]) -> None:
    """Clear away what stages wrote that there are no more."""
    gone = {name: ledger.pop(name)["files"] for name in ledger.keys() - {s.name for s in stages}}
    if not gone:
        return
    # stopped from here on, they are still known, and not as finished
    write_ledger(run.scratch, ledger | {name: {"files": files} for name, files in gone.items()})
    for files in gone.values():
        for path in owned_files(run.folder, files):
            path.unlink()
    write_ledger(run.scratch, ledger)


def _check(stages: Sequence[Stage]) -> None:
    before: set[str] = set()
    for stage in stages:
        missing = set(stage.needs) - before
        if missing or stage.name in before:
            why = f"needs {', '.join(sorted(missing))} before it" if missing else "is there twice"
            raise ValueError(f"stage {stage.name} {why}")
        before.add(stage.name)
