"""Work in pieces: whichever rank does a piece, and wherever it is stopped, the results are one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from atlas.compute.shared_work import shared_work
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.progress import silent
from atlas.runtime.ranks import ALONE, Ranks
from tests.support.experiments import as_ranks

PIECES = [3, 1, 4, 1, 5]


def a_run(checkpoint: Checkpoint, ranks: Ranks = ALONE) -> Any:
    return SimpleNamespace(checkpoint=checkpoint, ranks=ranks, progress=silent, leads=ranks.leads)


def made(piece: int) -> dict[str, np.ndarray]:
    more = {"odd": np.array(piece)} if piece % 2 else {}  # not each piece has the same arrays
    return {"squares": np.arange(piece) ** 2, **more}


def same(found: list[dict[str, np.ndarray]]) -> bool:
    return len(found) == len(PIECES) and all(
        one.keys() == made(piece).keys()
        and all(np.array_equal(one[name], made(piece)[name]) for name in one)
        for one, piece in zip(found, PIECES, strict=True)
    )


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_ranks_share_the_pieces_and_rank_0_has_all(count: int) -> None:
    worked: list[tuple[int, int]] = []

    def work(ranks: Ranks) -> list[dict[str, np.ndarray]]:
        def own(piece: int) -> dict[str, np.ndarray]:
            worked.append((ranks.rank, piece))
            return made(piece)

        return shared_work(a_run(Checkpoint(), ranks), PIECES, own, what="squares")

    first, *others = as_ranks(count, work)
    assert same(first) and others == [[]] * (count - 1)
    assert sorted(piece for _, piece in worked) == sorted(PIECES)  # nothing twice
    assert len({rank for rank, _ in worked}) == min(count, len(PIECES))


@pytest.mark.parametrize("stop", range(len(PIECES) + 1))
@pytest.mark.parametrize("then", [1, 2])
def test_what_is_stopped_after_any_piece_goes_on(tmp_path: Path, stop: int, then: int) -> None:
    path = tmp_path / "state.sqlite"
    done: list[int] = []

    def stopping(piece: int) -> dict[str, np.ndarray]:
        if len(done) == stop:
            raise KeyboardInterrupt
        done.append(piece)
        return made(piece)

    checkpoint = Checkpoint(path)
    if stop < len(PIECES):
        with pytest.raises(KeyboardInterrupt):
            shared_work(a_run(checkpoint), PIECES, stopping, what="squares")
    else:
        shared_work(a_run(checkpoint), PIECES, stopping, what="squares")
    checkpoint.close()
    again: list[int] = []

    def counting(piece: int) -> dict[str, np.ndarray]:
        again.append(piece)
        return made(piece)

    def go_on(ranks: Ranks) -> list[dict[str, np.ndarray]]:
        checkpoint = Checkpoint(path if ranks.leads else None)
        found = shared_work(a_run(checkpoint, ranks), PIECES, counting, what="squares")
        checkpoint.close()
        return found

    assert same(as_ranks(then, go_on)[0])
    assert sorted(again) == sorted(PIECES[stop:])


def test_a_second_call_with_another_name_is_other_work() -> None:
    run = a_run(Checkpoint())
    assert same(shared_work(run, PIECES, made, what="one"))
    (other,) = shared_work(run, [9], lambda piece: {"n": np.array(piece)}, what="other")
    assert other["n"] == 9
    assert shared_work(run, [], made, what="nothing") == []
