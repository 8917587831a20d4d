"""The command that serves a site and keeps it up to date: what it renders, and what it computes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from atlas.commands import serve
from atlas.data.settings import Settings
from atlas.errors import AtlasError, UsageError
from tests.support.sites import FEW

ROOT = Path(__file__).parents[2]
CONFIG = '[site]\ncss = "mine.css"\ntemplates = "mine"\nlabels = "labels.csv"\n'
ENOUGH = 300  # seconds, on a machine with much else to do


@pytest.fixture(scope="module")
def folder(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small atlas's site, and what an author has beside it."""
    folder = tmp_path_factory.mktemp("author")
    shutil.copytree(few, folder / "site")
    (folder / "notes").mkdir()
    (folder / "mine").mkdir()
    (folder / "notes" / "a.md").write_text("# A note\n\nAt first.\n")
    (folder / "mine" / "note.html").write_text('{% extends "original/note.html" %}\n')
    (folder / "mine.css").write_text("h1 { color: teal; }")
    (folder / "labels.csv").write_text("conv5/0, honeycombs\n")
    (folder / "atlas.toml").write_text(CONFIG)
    return folder


def words(folder: Path) -> list[str]:
    where = {"out": folder / "site", "config": folder / "atlas.toml", "notes": folder / "notes"}
    return [
        *FEW,
        "--workers",
        "0",
        *(word for name, path in where.items() for word in (f"--{name}", str(path))),
    ]


@dataclass
class Served:
    """A command that serves: its process, what it has printed, and its address."""

    process: subprocess.Popen[str]
    printed: list[str]
    address: str

    def text(self, file: str) -> str:
        return urllib.request.urlopen(self.address + file, timeout=60).read().decode()

    def state(self) -> dict[str, str]:
        return json.loads(self.text(".reload"))

    def until(self, holds: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """What pages are told, once it is as it should be."""
        for _ in range(20 * ENOUGH):
            state = self.state()
            if holds(state):
                return state
            time.sleep(0.05)
        raise AssertionError(f"{state}, {self.printed}")


def wait(printed: list[str], process: subprocess.Popen[str]) -> str:
    for _ in range(20 * ENOUGH):
        for line in printed:
            if found := re.match(r"serving (http://127\.0\.0\.1:[0-9]+/) ", line):
                return found[1]
        assert process.poll() is None, printed
        time.sleep(0.05)
    raise AssertionError(printed)


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "build.py"), "serve", "--port", "0", *words(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as in a terminal
    )
    printed: list[str] = []
    assert process.stdout
    reading = threading.Thread(target=lambda: printed.extend(process.stdout), daemon=True)
    reading.start()
    yield Served(process, printed, wait(printed, process))
    process.send_signal(signal.SIGINT)
    assert process.wait(ENOUGH) == 0, printed[-12:]
    reading.join(ENOUGH)
    assert printed[-1] == "stopped\n" and "Traceback" not in "".join(printed)


def test_what_is_the_authors_own_is_served_and_nothing_is_computed(served: Served) -> None:
    assert "note: nothing to compute" in "".join(served.printed)
    page = served.text("small/conv5/0.html")
    assert "“honeycombs”" in page and "own.css" in page and "/.reload.js" in page
    assert served.text("own.css") == "h1 { color: teal; }"
    assert sum("serving http" in line for line in served.printed) == 1


def test_a_changed_note_or_style_is_there_a_moment_later(served: Served, folder: Path) -> None:
    for file, text, address in (
        ("notes/a.md", "# A note\n\nLater.\n", "notes/a.html"),
        ("mine.css", "h1 { color: purple; }", "own.css"),
    ):
        before = served.state()["version"]
        (folder / file).write_text(text)
        served.until(lambda state, before=before: state["version"] != before)
        assert text.split("\n")[-2 if "\n" in text else 0] in served.text(address)


def test_new_names_are_on_the_pages(served: Served, folder: Path) -> None:
    before = served.state()["version"]
    (folder / "labels.csv").write_text("conv5/0, wheels\n")
    served.until(lambda state: state["version"] != before)
    assert "“wheels”" in served.text("small/conv5/0.html")


@pytest.mark.parametrize(
    ("file", "wrong", "words"),
    [
        ("notes/a.md", "# A note\n\n[[conv5/9999]]\n", r"a\.md:3: .* conv5 shows no unit 9999"),
        ("mine/note.html", "\n\n{% nonsense %}", r"note\.html:3: Encountered unknown tag"),
        ("labels.csv", "\nconv9, x\n", r"labels\.csv:2: 'conv9' is not the address of a unit"),
        ("atlas.toml", "[site]\ntitle =\n", r"atlas\.toml:2: Invalid value"),
        ("atlas.toml", "[site]\ntitel = 'x'\n", r"atlas\.toml:2: \[site\] has no 'titel'"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line_until_it_is_mended(
    served: Served, folder: Path, file: str, wrong: str, words: str
) -> None:
    before, right = served.state(), (folder / file).read_text()
    page = served.text("notes/a.html")
    assert before["error"] == ""
    (folder / file).write_text(wrong)
    state = served.until(lambda state: bool(state["error"]))
    assert re.search(words, state["error"]) and "\n" not in state["error"]
    assert state["version"] == before["version"]  # pages stay, with the error over them
    assert served.text("notes/a.html") == page
    (folder / file).write_text(right)
    served.until(lambda state: not state["error"] and state["version"] != before["version"])


# without a server: what is computed, and what is rendered


@pytest.fixture
def upkeep(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[serve.Upkeep, list[Settings]]:
    """The upkeep of the site, and what was asked to be built: the site has all that already."""
    asked: list[Settings] = []
    monkeypatch.setattr(serve, "build", lambda settings, contents: asked.append(settings))
    said = {
        "out": folder / "site",
        "config": folder / "atlas.toml",
        "notes": folder / "notes",
        "name": "small",
    }
    return serve.Upkeep(said), asked


def test_what_decides_pages_alone_computes_nothing(
    upkeep: tuple[serve.Upkeep, list[Settings]], folder: Path
) -> None:
    keeping, asked = upkeep
    keeping.said["fresh"] = True
    keeping.renew()
    assert [one.atlas_name for one in asked] == ["small"] and asked[0].fresh
    (folder / "mine.css").write_text("h1 { color: olive; }")
    (folder / "atlas.toml").write_text(CONFIG + 'footer = "Ours"\n')
    keeping.renew()
    assert len(asked) == 1
    assert (folder / "site" / "own.css").read_text() == "h1 { color: olive; }"
    assert "<p>Ours</p>" in (folder / "site/small/conv1/0.html").read_text()
    (folder / "site" / ".building-small").mkdir()  # as a build that was stopped leaves it
    keeping.renew()
    assert len(asked) == 2 and not asked[1].fresh
    (folder / "site" / ".building-small").rmdir()
    (folder / "atlas.toml").write_text(CONFIG)


def test_an_atlas_is_built_again_where_its_settings_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def built(settings: Settings, contents: object) -> None:
        asked.append(f"{settings.atlas_name} {settings.limit}")
        if settings.limit == 3:
            raise AtlasError("no")

    monkeypatch.setattr(serve, "build", built)
    monkeypatch.setattr("atlas.commands.rendering.render_again", lambda atlases, contents: 0)
    config = tmp_path / "atlas.toml"

    def renew(first: int, second: int) -> list[str]:
        tables = (f"[[atlas]]\nname='{n}'\nlimit={k}\n" for n, k in (("a", first), ("b", second)))
        config.write_text("".join(tables))
        asked.clear()
        keeping.renew()
        return asked

    keeping = serve.Upkeep({"out": tmp_path, "config": config})
    assert renew(1, 1) == ["a 1", "b 1"]
    assert renew(1, 1) == []
    assert renew(1, 2) == ["b 2"]
    with pytest.raises(AtlasError):
        renew(1, 3)
    assert renew(1, 2) == ["b 2"]  # what failed may have changed something


def test_a_program_that_has_changed_renders_nothing(
    upkeep: tuple[serve.Upkeep, list[Settings]], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping, asked = upkeep
    monkeypatch.setattr(serve, "_program", lambda: "other source")
    with pytest.raises(AtlasError, match="the program itself has changed"):
        keeping.renew()
    assert asked == []


def test_all_that_decides_pages_is_watched(folder: Path) -> None:
    said = {"config": folder / "atlas.toml", "notes": folder / "notes"}
    names = {path.name for path in serve.watched(said)}
    assert names == {"atlas.toml", "templates", "notes", "mine.css", "mine", "labels.csv"}
    assert {path.name for path in serve.watched({"config": folder / "none.toml"})} == {
        "none.toml",
        "templates",
    }


def test_a_command_that_is_wrong_ends_at_once(tmp_path: Path) -> None:
    from atlas.commands.serving import Live

    keeping = serve.Upkeep({"out": tmp_path, "config": tmp_path / "none.toml"})
    with pytest.raises(UsageError, match=r"none\.toml: no such file"):
        serve._renew(keeping, Live(tmp_path), first=True)
    live = Live(tmp_path)
    assert not serve._renew(keeping, live) and "no such file" in live.error and live.version
