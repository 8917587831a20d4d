"""Archives of arrays: read as they were written, or refused in words."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from atlas.compute.peak_files import PEAKS, read_peaks, read_seen, write_peaks, write_seen
from atlas.compute.thing_files import THINGS, read_things, write_things
from atlas.data.array_files import read_arrays
from atlas.errors import AtlasError
from atlas.evidence.peaks import LayerPeaks, Seen

AGAIN = "; build it again with --fresh"
ROWS, VALUES = np.arange(40), np.random.default_rng(0).random((40, 7), np.float32)


def _things(folder: Path) -> tuple[Path, Callable[[Path], object]]:
    write_things(folder, ROWS, VALUES > 0.5)
    return folder / THINGS, read_things


def _peaks(folder: Path) -> tuple[Path, Callable[[Path], object]]:
    write_peaks(folder, "conv1", LayerPeaks(VALUES, VALUES, ROWS))
    return folder / "conv1" / PEAKS, read_peaks


def _seen(folder: Path) -> tuple[Path, Callable[[Path], object]]:
    write_seen(folder, Seen(ROWS, VALUES, VALUES, ROWS))
    return folder / PEAKS, read_seen


@pytest.mark.parametrize("written", [_things, _peaks, _seen])
def test_what_was_damaged_is_told_and_no_traceback(written, tmp_path: Path) -> None:
    """Of what a file may raise, the kinds are many: of zip, of zlib, of NumPy's headers."""
    path, read = written(tmp_path)
    content, told = path.read_bytes(), Counter[str]()
    read(path)
    cut = [content[:length] for length in range(0, len(content), 97)]
    places = range(0, len(content), 13)
    changed = [content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :] for at in places]
    for damaged in (*cut, *changed):
        path.write_bytes(damaged)
        try:
            read(path)  # what changed may be a date
        except AtlasError as error:
            words, cause = str(error), type(error.__cause__).__name__
            told[cause] += words.startswith(f"{path} can't be read: ") and AGAIN in words
    assert told["error"] and told["BadZipFile"] and sum(told.values()) > len(cut) + len(places) / 2


def test_an_archive_without_an_array_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", one=VALUES)
    assert np.array_equal(read_arrays(tmp_path / "some.npz", ["one"])["one"], VALUES)
    with pytest.raises(AtlasError, match="other is not a file in the archive"):
        read_arrays(tmp_path / "some.npz", ["one", "other"])
