"""Work on many pages shared among forked processes: each takes its turns, and writes its own files.

A forked process has all that was read before, so nothing is read or sent twice. It ends when the
process that forked it does.
"""

from __future__ import annotations

import gc
import mmap
import os
import pickle
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, NoReturn, TypeVar

from atlas.errors import AtlasError

T = TypeVar("T")

BLOCK = 16  # neighbours stay together: they have much in common
WORTH = 128  # items that are worth a process
MOST = 4  # processes: each needs some memory of its own
_COUNT = struct.Struct("=Q")


@dataclass
class Turns:
    """Which items are this process's: the blocks whose number is ``own`` modulo ``of``."""

    own: int = 0
    of: int = 1
    _parent: int = field(default_factory=os.getppid)

    def take(self, items: Sequence[T]) -> Iterator[T]:
        """The items that are this process's, in order."""
        for first in range(self.own * BLOCK, len(items), self.of * BLOCK):
            for item in items[first : first + BLOCK]:
                if self.own and os.getppid() != self._parent:
                    os._exit(1)  # nobody waits for it any more
                yield item


def processes(items: int) -> int:
    """How many processes so many items are worth here."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1  # forks safely there
    return max(1, min(cores, MOST, items // WORTH))


class Counts:
    """How many items each process has done, seen by all of them."""

    def __init__(self, processes: int) -> None:
        self._memory = mmap.mmap(-1, _COUNT.size * processes)

    def add(self, process: int) -> None:
        """Say that a process has done one more."""
        place = _COUNT.size * process
        _COUNT.pack_into(self._memory, place, _COUNT.unpack_from(self._memory, place)[0] + 1)

    def others(self) -> int:
        """How many all have done but the first process."""
        return sum(one for (one,) in _COUNT.iter_unpack(self._memory[_COUNT.size :]))


@contextmanager
def shared(count: int, work: Callable[[Turns], T]) -> Iterator[tuple[Turns, Iterator[T]]]:
    """Have so many processes at work, this one among them: what is its own, and what others find.

    The others work within the block, and none outlives it. Asking for what they have found waits
    for them; it raises what they raised, and ``AtlasError`` where one was ended.
    """
    sys.stdout.flush()  # what waits to be written would be written by each
    sys.stderr.flush()
    children: list[tuple[int, IO[bytes]]] = []

    def found() -> Iterator[T]:
        while children:
            yield _answer(*children.pop(0))

    gc.freeze()  # what was read before is not looked through again, and so not copied
    try:
        for own in range(1, count):
            children.append(_forked(own, count, work))
        yield Turns(0, count), found()
    finally:
        gc.unfreeze()
        for child, said in children:  # something was raised: nobody needs them
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            said.close()


def _forked(own: int, count: int, work: Callable[[Turns], T]) -> tuple[int, IO[bytes]]:
    """A process that does its part: its number, and where its answer can be read."""
    parent = os.getpid()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _do(lambda: work(Turns(own, count, parent)), unread=reading, writing=writing)
    os.close(writing)
    return child, os.fdopen(reading, "rb")


def _do(work: Callable[[], object], *, unread: int, writing: int) -> NoReturn:
    """Work, write what it finds or raises, and end this process."""
    code = 1
    try:
        os.close(unread)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        try:
            answer: tuple[bool, object] = True, work()
        except BaseException as error:
            answer = False, _sent(error)
        with os.fdopen(writing, "wb") as said:
            pickle.dump(answer, said)
        code = 0
    finally:
        os._exit(code)  # without clearing up what is the other process's


def _answer(child: int, said: IO[bytes]) -> Any:
    """What a process has found; raises what it raised."""
    with said:
        content = said.read()
    _, status = os.waitpid(child, 0)
    if status or not content:
        raise AtlasError(
            "a process that worked on pages was ended "
            f"({_ended(os.waitstatus_to_exitcode(status))}); run the same command again: "
            "it goes on where this build stopped"
        )
    done, found = pickle.loads(content)
    if not done:
        raise found
    return found


def _ended(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _sent(error: BaseException) -> BaseException:
    """An error as it can be sent: itself, or its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return AtlasError(f"{type(error).__name__}: {error}")
    return error
