"""A finished atlas is found finished without its network, and only where that is true."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas.commands import inputs
from atlas.commands.build import build
from atlas.commands.cli import COMMANDS
from atlas.commands.parser import given, parsed
from atlas.compute import recognition
from atlas.compute.recognition import origin_of, program_digest
from atlas.data.settings import HOME, Settings
from atlas.errors import AtlasError
from atlas.networks import network
from tests.support.sites import FEW

SETTINGS = Settings()


def known(settings: Settings = SETTINGS, **changed: Any) -> str | None:
    return origin_of(settings, **({"images": "i", "masks": None, "device": "cpu"} | changed))


def test_what_decides_an_atlas_decides_its_origin(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"one")
    same = known()
    assert same and known(Settings()) == same
    for shown in ({"out": tmp_path}, {"title": "T"}, {"workers": 0}, {"strict": True}):
        assert known(replace(SETTINGS, **shown)) == same
    changes: list[dict[str, Any]] = [
        {"weights": "none"},
        {"weights": "none", "seed": 1},
        {"weights": str(weights)},
        {"mean": (0.0, 0.0, 0.0)},
        {"crop": (64, 64)},
        {"batch_size": 8},
        {"model": "alexnet", "weights": "none"},
        {"model": "resnet18", "weights": "none"},
        {"rule": "guided"},
        {"units": 3},
        {"jpeg": False},
        {"experiments": ("none",)},
    ]
    origins = [known(replace(SETTINGS, **change)) for change in changes]
    origins += [same, known(device="cuda"), known(images="j"), known(masks="m")]
    assert None not in origins and len(set(origins)) == len(origins)
    before = known(replace(SETTINGS, weights=str(weights)))
    weights.write_bytes(b"two")
    assert known(replace(SETTINGS, weights=str(weights))) != before


@pytest.mark.parametrize("part", ["_version", "_torch", "_package", "program_digest"])
def test_another_library_or_program_is_another_origin(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alexnet = replace(SETTINGS, model="alexnet")
    before = known(alexnet)
    monkeypatch.setattr(recognition, part, lambda *_: "another")
    assert known(alexnet) != before


def test_what_computes_an_atlas_is_part_of_the_program_and_what_shows_it_not(
    tmp_path: Path,
) -> None:
    home = tmp_path / "atlas"
    files = ["scanning/scan.py", "demo/weights.safetensors", "commands/build.py", "errors.py"]
    shown = ["site/render/units.py", "scanning/__pycache__/scan.pyc"]
    for file in files + shown:
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text("one")
    digests = {program_digest(home)}
    for file in shown:
        (home / file).write_text("two")
        assert program_digest(home) in digests
    for file in files:
        (home / file).write_text("two")
        digests.add(program_digest(home))
    (home / "networks").mkdir()
    (home / "networks" / "new.py").write_text("")
    digests.add(program_digest(home))
    assert len(digests) == 1 + len(files) + 1


@pytest.mark.parametrize(
    "unknown",
    [
        {"model": "mine.py:make"},
        {"model": "alexnet", "weights": "default"},
        {"weights": "nowhere.safetensors"},
    ],
)
def test_what_may_change_unseen_has_no_origin(unknown: dict[str, Any]) -> None:
    assert known(replace(SETTINGS, **unknown)) is None


def test_a_path_whose_contents_nobody_digests_has_no_origin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recognition, "PATHS", recognition.PATHS - {"masks"})
    assert known() is not None
    assert known(replace(SETTINGS, masks=Path("masks"))) is None


def test_a_package_is_its_sources() -> None:
    import jinja2

    home, digest = Path(jinja2.__file__).parent, hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(home).as_posix()} {content}\n".encode())
    assert recognition._package("jinja2") == digest.hexdigest()
    assert recognition._package("no_such_package") is None


def test_a_machine_that_may_have_an_accelerator_asks_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(inputs, "ACCELERATORS", (tmp_path / "nvidiactl",))
    monkeypatch.setattr(sys, "platform", "linux")
    assert inputs.device("auto") == "cpu"
    (tmp_path / "nvidiactl").touch()
    assert inputs.device("auto") == "cuda" and inputs.device("cpu") == "cpu"


def test_a_finished_atlas_is_shown_without_torch(few: Path, tmp_path: Path) -> None:
    if not inputs.has_no_accelerator():
        pytest.skip("only torch knows what this machine's accelerator can do")
    out = tmp_path / "site"
    shutil.copytree(few, out)
    code = (
        "import sys; from atlas.commands.cli import main; code = main(sys.argv[1:])\n"
        "sys.exit('torch was loaded' if 'torch' in sys.modules else code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *FEW, "--title", "Again", "--out", str(out)],
        capture_output=True, text=True, cwd=HOME,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "Again" in (out / "small" / "index.html").read_text()


def test_a_finished_atlas_is_rendered_without_its_network(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    shutil.copytree(few, out)
    settings = Settings(**given(parsed(COMMANDS, FEW)), out=out)

    def load(*_: Any, **__: Any) -> None:
        raise AtlasError("a network is loaded")

    monkeypatch.setattr(network, "load_network", load)
    assert build(settings) == []
    assert build(replace(settings, credit="A. Friend")) == []  # pages alone say so
    assert "A. Friend" in (out / "small" / "index.html").read_text()
    changes: list[dict[str, Any]] = [
        *({"limit": 97}, {"rule": "guided"}, {"weights": "none"}, {"layers": ("conv1",)}),
        *({"fresh": True}, {"jpeg": False}, {"evidence": "none"}, {"experiments": ("none",)}),
    ]
    for changed in changes:
        with pytest.raises(AtlasError, match="a network is loaded"):
            build(replace(settings, **changed))
    # what a build that was stopped left is gone on with
    (out / ".building-small").mkdir()
    with pytest.raises(AtlasError, match="a network is loaded"):
        build(settings)
