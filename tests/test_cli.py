import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from atlas import cli
from tests.conftest import COMMAND

ROOT = Path(__file__).parent.parent


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "build.py"), *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nonsense"], "--nonsense"),
        (["--limit", "0"], "at least 1"),
        (["--limit", "many"], "'many' is not a whole number"),
        (["--batch-size", "-3"], "--batch-size"),
        (["--model", "alexnett"], "did you mean alexnet"),
        (["--model", "vit_b_16"], "vision transformer"),
        (["--images", "/no/such/folder"], "no such folder"),
        (["--weights", "/no/such/file"], "no such file"),
        (["--layers", "conv9*"], "its layers are conv1"),
        (["--device", "abacus"], "--device abacus"),
        (["--name", "../up"], "--name"),
    ],
)
def test_bad_usage_gets_one_line_and_exit_code_2(
    arguments: list[str], words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*arguments, "--out", str(tmp_path / "out")]) == 2
    printed = capfd.readouterr().err
    assert words in printed
    assert printed.count("\n") == 1 and printed.startswith("build.py: ")
    assert not (tmp_path / "out" / "index.html").exists()


def test_a_failed_build_gets_one_line_and_exit_code_1(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    (photographs / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*")}
    given = ["--images", str(photographs), "--out", str(site), "--name", "small"]
    assert cli.main(given) == 1
    printed = capfd.readouterr().err
    assert "broken.jpg can't be read as an image" in printed
    assert printed.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*")} == before


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    ran = run("--images", "/no/such/folder", "--out", str(tmp_path), "--debug")
    assert ran.returncode != 0 and "Traceback" in ran.stderr


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("CNN Atlas ")
    text = run("--help").stdout
    assert "examples:" in text
    for option in ("model", "weights", "images", "limit", "layers", "out", "name", "device",
                   "seed", "batch-size", "workers", "debug"):  # fmt: skip
        assert f"--{option}" in text


def test_the_demo_touches_no_network_and_builds_the_same_bytes(site: Path, tmp_path: Path) -> None:
    """The command in a process without sockets, and with workers: the same site as before."""
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise OSError('no network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from atlas.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    given = [word if word != "0" else "2" for word in COMMAND]
    ran = subprocess.run(
        [sys.executable, "-c", code, *given, "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    assert "472 units" in ran.stdout and "open file://" in ran.stdout
    assert ran.stderr == ""  # no bar outside a terminal
    first = {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    assert first == {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    changed = [p for p in sorted(first) if (site / p).read_bytes() != (tmp_path / p).read_bytes()]
    # the command, which the atlas tells, is the only thing that differs
    assert changed == [Path("small/atlas.json"), Path("small/index.html")]


def test_the_date_is_shown_only_if_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert cli.date() is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert cli.date() == "1970-01-02"


def test_the_command_is_shown_without_this_machines_paths() -> None:
    given = ["--model", "alexnet", "--weights=/home/me/w.pt", "--images", "/data/photos/",
             "--out", "/srv/site", "--layers", "conv*", "--debug"]  # fmt: skip
    assert cli.command(given) == (
        "python build.py --model alexnet --weights=w.pt --images photos --layers 'conv*'"
    )


def test_a_folder_of_photographs_and_some_layers(tmp_path: Path) -> None:
    from atlas.images import DemoImages

    world = DemoImages(12)
    photographs = tmp_path / "photographs"
    for index in range(len(world)):
        path = photographs / world.name(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        world[index].resize((160, 150)).save(path)
    out = tmp_path / "out"
    given = ["--model", "squeezenet1_1", "--weights", "none", "--images", str(photographs)]
    given += ["--layers", "features.0,features.3.*", "--out", str(out), "--limit", "10"]
    assert cli.main([*given, "--workers", "0"]) == 0
    facts = json.loads((out / "squeezenet1_1" / "atlas.json").read_text())
    assert facts["layers"] == ["features.0", "features.3.squeeze", "features.3.expand1x1",
                               "features.3.expand3x3"]  # fmt: skip
    assert facts["images"]["count"] == 10
