"""Units of two atlases, matched from the records of their scans alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import atlas
from atlas.commands.config import Pair, read_config
from atlas.compute.record_files import write_record
from atlas.data import levels
from atlas.data.settings import Settings
from atlas.errors import UsageError
from atlas.images.sources import DemoImages
from atlas.scanning import sketching, topk
from atlas.scanning.topk import Maxima, TopNine
from atlas.site import matching
from atlas.site.render.base import Renderer
from atlas.site.render.comparisons import Comparison, files
from atlas.site.render.view import AtlasView
from tests.support.computing import computed
from tests.support.documents import edit_atlas

UNITS, IMAGES = 12, 300
RANDOM = np.random.default_rng(7)
VALUES = np.exp(RANDOM.normal(size=(IMAGES, UNITS))).astype(np.float32)
ORDER = RANDOM.permutation(UNITS)


def recorded(values: np.ndarray, statistics: bool = True) -> TopNine:
    """The record of units with these maxima ``[N, U]``."""
    place = np.zeros(values.shape, np.int64)
    images = np.arange(len(values), dtype=np.int64)
    maxima = Maxima(np.ascontiguousarray(values), place, images, 1)
    return topk.include(topk.empty(values.shape[1], statistics), maxima)


def view(folder: Path, name: str, record: TopNine, shown: list[int] | None = None) -> Any:
    """What matching reads of an atlas."""
    write_record(folder / name, "conv1", record)
    units = [SimpleNamespace(unit=unit) for unit in shown or range(record.units)]
    return SimpleNamespace(
        name=name, folder=folder / name, layers={"conv1": SimpleNamespace(top=units)}
    )


def test_directions_are_the_scan_s_own(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[:, 3] = 1.0  # never varies
    record = recorded(values)
    write_record(tmp_path, "conv1", record)
    found = matching.directions(tmp_path / "conv1" / matching.RECORD)
    expected = sketching.directions(record.sketch, record.signs, record.counts)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert not expected[3].any()


def test_permuted_units_are_found_again(tmp_path: Path) -> None:
    one = view(tmp_path, "one", recorded(VALUES))
    other = view(tmp_path, "other", recorded(VALUES[:, ORDER]))
    found = matching.matches(one, other, "conv1")
    assert found
    assert {(x, int(ORDER[y])) for x, y, _ in found.pairs} == {(n, n) for n in range(UNITS)}
    assert found.mean == pytest.approx(1) and found.by_chance < 0.3


def test_correlations_are_near_those_of_the_levels(tmp_path: Path) -> None:
    noisy = (VALUES[:, ORDER] * np.exp(0.7 * RANDOM.normal(size=VALUES.shape))).astype(np.float32)
    one, other = view(tmp_path, "one", recorded(VALUES)), view(tmp_path, "two", recorded(noisy))
    found = matching.matches(one, other, "conv1")
    assert found
    x, y = levels.level_of(VALUES), levels.level_of(noisy)
    for own, its, r in found.pairs:
        assert own == ORDER[its]
        assert r == pytest.approx(np.corrcoef(x[:, own], y[:, its])[0, 1], abs=0.15)
    assert [r for _, _, r in found.pairs] == sorted((r for _, _, r in found.pairs), reverse=True)


def test_units_that_are_shown_are_matched_and_the_fewer_all(tmp_path: Path) -> None:
    one = view(tmp_path, "one", recorded(VALUES), shown=[2, 5, 7])
    other = view(tmp_path, "other", recorded(VALUES))
    for left, right, side in ((one, other, 0), (other, one, 1)):
        found = matching.matches(left, right, "conv1")
        assert found
        assert sorted(pair[side] for pair in found.pairs) == [2, 5, 7]
        assert all(x == y for x, y, _ in found.pairs)


def test_without_statistics_nothing_is_matched(tmp_path: Path) -> None:
    one = view(tmp_path, "one", recorded(VALUES, statistics=False))
    with pytest.raises(UsageError, match="one was built with --evidence none"):
        matching.matches(one, one, "conv1")


def test_a_configuration_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "atlas.toml"
    path.write_text('[site]\ncompare = [["a", "b"], { atlases = ["a", "c"], match = true }]\n')
    assert read_config(path).site["compare"] == [Pair(("a", "b")), Pair(("a", "c"), True)]


def test_pages_of_matched_atlases(tmp_path: Path) -> None:
    settings = Settings(layers=("conv1",), units=4, limit=24, workers=0)
    computed(atlas.load_network("demo"), DemoImages(24), tmp_path, settings)
    own = AtlasView.read(tmp_path / "atlas", Renderer())
    texts = dict(files(Comparison(own, own, match=True)))
    folder = f"compare/{own.name}--{own.name}"
    assert list(texts) == [f"{folder}/index.html", f"{folder}/conv1/index.html"]
    assert texts[f"{folder}/conv1/index.html"].count("Correlation 1.00") == 4
    assert "Matched units correlate at 1.00 on average" in texts[f"{folder}/index.html"]
    edit_atlas(tmp_path / "atlas", images=_others(own))
    other = AtlasView.read(tmp_path / "atlas", Renderer())
    with pytest.raises(UsageError, match="they looked at different images"):
        list(files(Comparison(own, other, match=True)))


def _others(own: AtlasView) -> Any:
    from msgspec import structs

    return structs.replace(own.atlas.images, hash="0" * 64)
