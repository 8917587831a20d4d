"""What is read from files is understood or refused in words, whatever stands in it."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.parsers import EXAMPLES, PARSERS, refuses


@pytest.mark.parametrize("name", [n for n in PARSERS if n != "atlas.json"])
def test_an_example_is_understood(name: str) -> None:
    assert refuses(name, EXAMPLES[name]) is None


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=25)
@given(data=st.data())
def test_anything_is_understood_or_refused(name: str, data: st.DataObject) -> None:
    """An example with bytes changed, left out or put in; and bytes of any kind."""
    content = bytearray(EXAMPLES[name] if data.draw(st.booleans()) else data.draw(st.binary()))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    error = refuses(name, bytes(content))
    assert error is None or str(error)


# what runs guided by coverage found (benchmarks/fuzz.py)
FOUND = [
    ("checkpoints", b"epoch-" + b"9" * 5000 + b".pt"),
    ("record", EXAMPLES["record"][:60] + b"\xff" * 8 + EXAMPLES["record"][68:]),
]


@pytest.mark.parametrize(("name", "content"), FOUND)
def test_what_was_found_stays_mended(name: str, content: bytes) -> None:
    refuses(name, content)


def test_a_record_of_other_arrays_is_refused() -> None:
    file = io.BytesIO()
    np.savez_compressed(file, **{"images": np.zeros(3)})
    assert "build it again" in str(refuses("record", file.getvalue()))
