"""Work on pages is shared among processes: each item is done once, whatever becomes of them."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.site.sharing import BLOCK, Counts, Turns, processes, shared


def done(count: int, work: Callable[[Turns], list[int]]) -> list[int]:
    with shared(count, work) as (turns, others):
        return [*work(turns), *(item for found in others for item in found)]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("items", [0, 1, BLOCK, 5 * BLOCK + 3])
def test_each_item_is_done_once_and_by_several_processes(count: int, items: int) -> None:
    def work(turns: Turns) -> list[int]:
        return list(turns.take(range(items)))

    assert sorted(done(count, work)) == list(range(items))

    def by_process(turns: Turns) -> list[int]:
        return [os.getpid() for _ in turns.take(range(items))]

    assert len(set(done(count, by_process))) == min(count, -(-items // BLOCK))


def test_what_is_raised_elsewhere_is_raised_here() -> None:
    def work(turns: Turns) -> list[int]:
        if turns.own:
            raise OSError(28, "No space left on device", "page.html")
        return []

    with pytest.raises(OSError, match="No space left") as caught:
        done(2, work)
    assert caught.value.errno == 28 and caught.value.filename == "page.html"


def test_an_error_that_can_not_be_sent_is_told_by_its_text() -> None:
    class Own(Exception):
        pass

    def work(turns: Turns) -> list[int]:
        if turns.own:
            raise Own("of its own")
        return []

    with pytest.raises(AtlasError, match="Own: of its own"):
        done(2, work)


def test_a_process_that_is_killed_is_told() -> None:
    def work(turns: Turns) -> list[int]:
        if turns.own:
            os.kill(os.getpid(), signal.SIGKILL)
        return []

    with pytest.raises(AtlasError, match=r"was ended \(SIGKILL\); run the same command again"):
        done(3, work)


def test_no_process_outlives_an_interruption(tmp_path: Path) -> None:
    def work(turns: Turns) -> list[int]:
        (tmp_path / str(os.getpid())).touch()
        while True:
            signal.pause()

    def interrupted() -> None:
        with shared(3, work):
            while len(list(tmp_path.iterdir())) < 2:
                pass
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    for path in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.name), 0)


def test_a_process_whose_parent_has_gone_stops(tmp_path: Path) -> None:
    """The parent is killed: its helper does no item more, for the next build may write there."""
    reading, writing = os.pipe()

    def work(turns: Turns) -> list[int]:
        if turns.own:
            for _ in turns.take(range(4 * BLOCK)):
                os.write(writing, b".")
                signal.sigtimedwait([], 0.05)
        return []

    parent = os.fork()
    if not parent:
        with shared(2, work):
            signal.pause()
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"."  # it works
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    rest = b""
    while more := os.read(reading, 100):  # until the last that could write has ended
        rest += more
    assert len(rest) < BLOCK


def test_others_are_counted() -> None:
    counts = Counts(3)

    def work(turns: Turns) -> list[int]:
        for _ in turns.take(range(6 * BLOCK)):
            counts.add(turns.own)
        return []

    done(3, work)
    assert counts.others() == 4 * BLOCK


def test_few_items_are_not_worth_a_process() -> None:
    assert processes(0) == processes(100) == 1
    assert 1 <= processes(10**6) <= 4
