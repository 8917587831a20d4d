import errno
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.commands import cli
from atlas.errors import AtlasError
from atlas.site import files, published_addresses, publishing
from atlas.site.assembling import whole
from atlas.site.staging import staging
from atlas.site.writing import write_pages
from tests.site.killing import tree, write
from tests.support.documents import edit_atlas
from tests.support.sites import COMMAND

ROOT = Path(__file__).parents[2]


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder for a thousand small sites, in memory where the system has such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


def can_exchange(scratch: Path) -> bool:
    for name in ("one", "other"):
        (scratch / name).mkdir()
    return files.exchange(scratch / "one", scratch / "other")


@pytest.mark.slow
@pytest.mark.parametrize("case", ["exchange", "renames", "first"])
def test_a_kill_at_any_step_leaves_the_old_site_or_the_new_one(in_memory: Path, case: str) -> None:
    """Also a second kill, at any step of the recovery; see ``killing`` for what is checked."""
    if case == "exchange" and not can_exchange(in_memory):
        pytest.skip("this system can't swap two folders in one call")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.site.killing", str(in_memory / "sites"), case],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    counts = json.loads(ran.stdout)
    assert counts["old"] + counts["new"] == counts["kills"] >= 25
    assert min(counts["old"], counts["new"]) >= 9 and counts["kills in recovery"] >= 100


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A site with an atlas, "demo", and a new build of it in ``.building-demo/atlas``."""
    out = tmp_path / "site"
    write(out, {"index.html": "old home", "demo/atlas.json": "old", "demo/0.html": "old"})
    write(out / ".building-demo" / "atlas", {"atlas.json": "new", "1.html": "new"})
    return out


def publish(out: Path) -> None:
    folder = out / ".building-demo" / "atlas"
    publishing.publish(folder, out=out, name="demo", shared={"index.html": "new home"})


def test_publishing_replaces_the_atlas_and_the_shared_files(out: Path) -> None:
    write(out, {".index.html.new": "of an interrupted write", "CNAME": "example.org"})
    publish(out)
    assert tree(out / "demo") == {"atlas.json": b"new", "1.html": b"new"}
    assert (out / "index.html").read_text() == "new home"
    assert {path.name for path in out.iterdir()} == {
        "demo", "index.html", "CNAME", ".building-demo",
    }  # fmt: skip


def test_shared_files_that_stay_the_same_are_left_alone(out: Path) -> None:
    (out / "index.html").write_text("new home")
    before = (out / "index.html").stat()
    publish(out)
    after = (out / "index.html").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("failing", [1, 2])
def test_an_atlas_that_can_not_be_put_in_its_place_leaves_the_site_as_it_was(
    out: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Whichever of the two renames fails."""
    before, rename, calls = tree(out), Path.rename, 0

    def fail(source: Path, target: Path) -> Path:
        nonlocal calls
        calls += "demo" in (source.name, target.name)
        if calls == failing:
            calls += 1
            raise OSError(errno.EACCES, "no")
        return rename(source, target)

    monkeypatch.setattr(files, "exchange", lambda one, other: False)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="no"):
            publish(out)
    found = tree(out)
    assert found.pop(".building-demo/atlas/.publishing") == b""
    assert found == before
    publish(out)
    assert tree(out / "demo") == {"atlas.json": b"new", "1.html": b"new"}


def test_a_folder_that_is_in_the_way_is_not_removed(out: Path) -> None:
    write(out, {".publishing-demo/todo.txt": "precious"})
    before = tree(out)
    with pytest.raises(FileExistsError, match="publishing-demo"):
        publish(out)
    assert tree(out) == before


def test_a_publication_that_can_not_be_finished_says_so(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "demo").rename(out / ".replaced-demo")

    def fail(source: Path, target: Path) -> Path:
        raise OSError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(AtlasError, match="an interrupted publication can't be finished"):
        publishing.recover(out)


def test_recovery_leaves_a_site_alone_that_is_in_order(out: Path, tmp_path: Path) -> None:
    write(out, {".replaced-notes/a": "precious", ".index.html.new": "x", ".publishing-": "x"})
    before = tree(out)
    publishing.recover(out)
    assert tree(out) == before
    publishing.recover(tmp_path / "missing")
    publishing.recover(out / "index.html")  # what is wrong with it is said elsewhere


def test_recovery_waits_for_a_publication_of_another_process(out: Path) -> None:
    with files.alone(out):
        (out / ".publishing-demo" / "shared").mkdir(parents=True)
        recovery = threading.Thread(target=publishing.recover, args=(out,))
        recovery.start()
        recovery.join(0.2)
        assert recovery.is_alive() and (out / ".publishing-demo").exists()
    recovery.join(10)
    assert not (out / ".publishing-demo").exists()


def test_a_build_recovers_before_anything_else(tmp_path: Path) -> None:
    """What is left here is what earlier versions left when killed between their two renames."""
    write(tmp_path / ".replaced-demo", {"atlas.json": "old", "addresses.txt": "index.html\n"})
    before = tree(tmp_path / ".replaced-demo")
    assert cli.main(["--model", "no-such-model", "--name", "demo", "--out", str(tmp_path)]) != 0
    assert tree(tmp_path / "demo") == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_build_after_a_kill_computes_nothing_and_knows_all_addresses(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site"
    shutil.copytree(site, out)
    known = published_addresses.listed(out / "small")
    published_addresses.add_listed(out / "small", [*known, "conv9/7.html"])
    (out / "small").rename(out / ".replaced-small")
    assert cli.main([*COMMAND, "--out", str(out)]) == 0
    assert "nothing to compute" in capsys.readouterr().out
    assert "conv9/7.html" in published_addresses.listed(out / "small")
    assert (out / "small" / "conv9" / "7.html").is_file()
    assert not list(out.glob(".*-small"))


def test_a_second_atlas_joins_the_first(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    shutil.copytree(site, out)
    with staging(out, "other", worth_keeping=lambda scratch: False) as place:
        shutil.copytree(site / "small", place.folder, dirs_exist_ok=True)
        edit_atlas(place.folder, name="other")
        write_pages(place.folder)
        both = whole(out, name="other", folder=place.folder)
        assert both.unreadable == []
        publishing.publish(place.folder, out=out, name="other", shared=both.files.texts)
    home = (out / "index.html").read_text()
    assert 'href="small/index.html"' in home and 'href="other/index.html"' in home
    assert (out / "other" / "conv1" / "0.html").is_file()
    assert not list(out.glob(".building-*")) and not list(out.glob(".replaced-*"))


def test_what_a_new_atlas_leads_to_is_there_before_it_and_the_first_page_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, folder = tmp_path / "site", tmp_path / "new"
    there: list[dict[str, str]] = []
    swap = publishing._swap

    def looked(new: Path, place: Path, old: Path) -> None:
        files = (path for path in out.rglob("*") if ".publishing" not in str(path.relative_to(out)))
        there.append({str(p.relative_to(out)): p.read_text() for p in files if p.is_file()})
        swap(new, place, old)

    monkeypatch.setattr(publishing, "_swap", looked)
    out.mkdir()
    shared = {"index.html": "home", "style.css": "style", "notes/a.html": "a"}
    for name in ("one", "two"):
        folder.mkdir()
        (folder / "atlas.json").write_text(name)
        publishing.publish(folder, out=out, name=name, shared=shared)
        shared = {**shared, "index.html": "both", "style.css": "other", "notes/b.html": "b"}
    first, second = there
    assert first == {"style.css": "style", "notes/a.html": "a"}
    assert second == {
        "index.html": "home", "style.css": "style", "notes/a.html": "a", "notes/b.html": "b",
        "one/atlas.json": "one",
    }  # fmt: skip
    assert {name: (out / name).read_text() for name in shared} == shared
