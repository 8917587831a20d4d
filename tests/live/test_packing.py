import base64
import re

import numpy as np
import pytest

from atlas.live import packing


def test_scripts_hold_every_number_in_order() -> None:
    generator = np.random.default_rng(0)
    shapes = [(3, 5, 7, 7), (3,), (1, 1, 1, 1), (7,)]
    tensors = [generator.normal(size=shape).astype(np.float32) for shape in shapes]
    content = packing.packed(tensors, half=True)
    parts = [re.fullmatch(r'atlasLive\.part\((\d+),"([A-Za-z0-9+/=]*)"\);\n', script)
             for script in packing.scripts(content * 1500)]  # fmt: skip
    assert [int(part[1]) for part in parts if part] == list(range(len(parts))) and len(parts) > 1
    assert b"".join(base64.b64decode(part[2]) for part in parts if part) == content * 1500
    at = 0
    for tensor in tensors:  # read as the page does
        kind = np.dtype("<f2" if tensor.ndim == 4 else "<f4")
        found = np.frombuffer(content, kind, tensor.size, at).astype(np.float32)
        np.testing.assert_array_equal(found.reshape(tensor.shape), tensor.astype(kind))
        at += -(-tensor.size * kind.itemsize // 4) * 4
    assert at == len(content)


@pytest.mark.parametrize("half", [True, False])
def test_sizes_of_numbers_and_scripts_are_known_beforehand(
    half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [(3, 5, 7, 7), (3,), (1, 1, 1, 1), (7,)]
    content = packing.packed([np.ones(size, np.float32) for size in sizes], half=half)
    assert packing.packed_size(sizes, half=half) == len(content)
    for part in (100, len(content) // 2, len(content)):
        monkeypatch.setattr(packing, "PART", part)
        made = sum(map(len, packing.scripts(content)))
        assert packing.scripts_size(len(content)) == made


def test_what_half_precision_costs_is_known() -> None:
    one = np.array([1.0, 1.0 + 2**-12], np.float32).reshape(1, 2, 1, 1)
    found = packing.half_error([one, np.array([1 / 3], np.float32)])
    assert found == pytest.approx(2**-12 / (1 + 2**-12))
    assert packing.half_error([np.full((1, 1, 1, 1), 1e-9, np.float32)]) == 1.0
    assert packing.half_error([np.zeros((1, 1, 1, 1), np.float32)]) == 0.0
