"""A finished atlas is found finished without its network, and only where that is true."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas.commands import inputs
from atlas.commands.build import build
from atlas.compute import recognition
from atlas.compute.recognition import is_finished, last_inputs, network_origin
from atlas.compute.stages import STAGES
from atlas.data.documents import read_atlas
from atlas.data.settings import Settings
from atlas.errors import AtlasError

SETTINGS = Settings()


def test_what_decides_a_network_decides_its_origin(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"one")
    same = network_origin(SETTINGS, "cpu")
    assert same and network_origin(Settings(), "cpu") == same
    assert network_origin(replace(SETTINGS, rule="guided", units=3, out=tmp_path), "cpu") == same
    changes: list[dict[str, Any]] = [
        {"weights": "none"},
        {"weights": "none", "seed": 1},
        {"weights": str(weights)},
        {"mean": (0.0, 0.0, 0.0)},
        {"crop": (64, 64)},
        {"batch_size": 8},
        {"model": "alexnet", "weights": "none"},
        {"model": "resnet18", "weights": "none"},
    ]
    origins = [network_origin(replace(SETTINGS, **change), "cpu") for change in changes]
    origins += [same, network_origin(SETTINGS, "cuda")]
    assert None not in origins and len(set(origins)) == len(origins)
    before = network_origin(replace(SETTINGS, weights=str(weights)), "cpu")
    weights.write_bytes(b"two")
    assert network_origin(replace(SETTINGS, weights=str(weights)), "cpu") != before


def test_another_library_or_source_is_another_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    alexnet = replace(SETTINGS, model="alexnet")
    before = network_origin(alexnet, "cpu")
    monkeypatch.setattr(recognition, "_package", lambda _: "another version")
    assert network_origin(alexnet, "cpu") != before
    before = network_origin(SETTINGS, "cpu")
    monkeypatch.setattr(recognition, "sources_of", lambda _: {"atlas.networks.graph": "edited"})
    assert network_origin(SETTINGS, "cpu") != before


@pytest.mark.parametrize(
    "unknown",
    [
        {"model": "mine.py:make"},
        {"model": "alexnet", "weights": "default"},
        {"weights": "nowhere.safetensors"},
    ],
)
def test_what_may_change_unseen_has_no_origin(unknown: dict[str, Any]) -> None:
    assert network_origin(replace(SETTINGS, **unknown), "cpu") is None


def test_a_package_is_its_sources() -> None:
    import jinja2

    home, digest = Path(jinja2.__file__).parent, hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(home).as_posix()} {content}\n".encode())
    assert recognition._package("jinja2") == digest.hexdigest()
    assert recognition._package("no_such_package") is None


def test_an_atlas_is_finished_where_every_key_is_what_it_was(few: Path) -> None:
    facts = read_atlas(few / "small")
    settings = Settings(limit=96, units=4, workers=0, name="small")
    last = last_inputs(facts.stages)

    def finished(**changed: Any) -> bool:
        known = {"stages": STAGES, "settings": settings, "ledger": facts.stages, "inputs": last}
        return is_finished(**(known | changed))

    assert finished()
    assert not finished(settings=replace(settings, rule="guided"))
    assert not finished(stages=STAGES[:-1]) and not finished(ledger={})
    for name in last:
        assert not finished(inputs=last | {name: "another"})
        assert not finished(inputs={other: last[other] for other in last if other != name})
    for stage, key in facts.stages.items():
        for part in ("schema", "source", "libraries"):
            changed = key | {part: key[part] | {next(iter(key[part])): "another"}}
            assert not finished(ledger=facts.stages | {stage: changed})
        if any(stage in other.needs for other in STAGES):
            assert not finished(ledger=facts.stages | {stage: key | {"output": "another"}})


def test_a_finished_atlas_is_rendered_without_its_network(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    shutil.copytree(few, out)
    settings = Settings(limit=96, units=4, workers=0, name="small", out=out)

    def load(*_: Any, **__: Any) -> None:
        raise AtlasError("a network is loaded")

    monkeypatch.setattr(inputs, "load_network", load)
    assert build(settings) == []
    assert build(replace(settings, credit="A. Friend")) == []  # pages alone say so
    assert "A. Friend" in (out / "small" / "index.html").read_text()
    changes: list[dict[str, Any]] = [
        *({"limit": 97}, {"rule": "guided"}, {"weights": "none"}, {"layers": ("conv1",)}),
        *({"fresh": True}, {"jpeg": False}, {"evidence": "none"}),
    ]
    for changed in changes:
        with pytest.raises(AtlasError, match="a network is loaded"):
            build(replace(settings, **changed))
    # what a build that was stopped left is gone on with
    (out / ".building-small").mkdir()
    with pytest.raises(AtlasError, match="a network is loaded"):
        build(settings)
