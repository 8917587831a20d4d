"""What GitHub runs: pinned by commits and hashes, and what it publishes is fit to be published."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from atlas.data.experiments.table import NAMES
from tests.support.forked import Parent

yaml = pytest.importorskip("yaml", reason="PyYAML, which myst-parser needs, is not installed")

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
LOCKS = {"requirements.txt": "requirements.lock", "requirements-dev.txt": "requirements-dev.lock"}
LARGEST = 100 << 20  # bytes of a file
BASE = "https://example.org/atlas"


def steps(name: str, job: str) -> list[dict[str, Any]]:
    parsed = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    found: list[dict[str, Any]] = parsed["jobs"][job]["steps"]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = [line.strip(" -") for line in path.read_text().splitlines() if "uses:" in line]
    assert used and [line for line in used if not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_packages_are_installed_by_their_hashes(path: Path) -> None:
    commands = re.findall(r"pip install (.*)", path.read_text())
    assert len(commands) == 1
    words = commands[0].split()
    assert words[:2] == ["--require-hashes", "-r"] and words[2] in LOCKS.values()


@pytest.mark.parametrize("required", LOCKS)
def test_a_lock_holds_what_is_required_and_hashes_of_all(required: str) -> None:
    lock = (ROOT / LOCKS[required]).read_text().replace("\\\n", " ")
    locked = [line for line in lock.splitlines() if re.match(r"[\w.-]+==", line)]
    assert len(locked) > 20 and all("--hash=sha256:" in line for line in locked)
    pins = {line.split()[0].lower() for line in locked}
    wanted = (ROOT / required).read_text().lower().splitlines()
    assert {line for line in wanted if not line.startswith("-r")} <= pins


def test_every_version_of_python_that_is_promised_is_tested() -> None:
    parsed = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
    assert parsed["jobs"]["tests"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()
    assert "python -m tests" in [step.get("run") for step in steps("tests.yml", "tests")]


@pytest.mark.slow
def test_what_the_workflow_builds_can_be_published(tmp_path: Path, forked: Parent) -> None:
    """Its command as it stands, but for few images and units and for one experiment."""
    before, (build,), after = split_at_build(steps("pages.yml", "build"))
    assert [step["uses"].partition("@")[0] for step in before if "uses" in step] == [
        "actions/checkout", "actions/setup-python", "actions/configure-pages",
    ]  # fmt: skip
    words = shlex.split(build["run"].replace("${{ steps.pages.outputs.base_url }}", BASE))
    assert words[:2] == ["python", "build.py"] and words[2:4] == ["--experiments", "all"]
    assert "first-layer" in NAMES
    out = tmp_path / "site"
    few = ["--limit", "20", "--units", "1", "--layers", "conv1", "--evidence", "none"]
    command = [
        "--experiments",
        "first-layer",
        *words[4:],
        *few,
        "--workers",
        "0",
        "--out",
        str(out),
    ]
    forked.run(command, tmp_path / "printed")
    (upload,) = [step for step in after if "uses" in step]
    assert upload["uses"].startswith("actions/upload-pages-artifact@")
    assert upload["with"]["path"] == "site"  # where builds go that don't say --out
    fit_to_be_published(out)
    assert f"{BASE}/demo/" in (out / "sitemap.xml").read_text()


def split_at_build(found: list[dict[str, Any]]) -> tuple[list[Any], list[Any], list[Any]]:
    at = next(n for n, step in enumerate(found) if "build.py" in step.get("run", ""))
    return found[:at], found[at : at + 1], found[at + 1 :]


def fit_to_be_published(site: Path) -> None:
    """As GitHub Pages wants it: an index, files and folders alone, none too large or hidden."""
    assert (site / "index.html").is_file()
    paths = list(site.rglob("*"))
    assert len(paths) > 50
    assert [path for path in paths if path.is_symlink()] == []
    assert [path for path in paths if not (path.is_dir() or path.is_file())] == []
    files = [path for path in paths if path.is_file()]
    assert max(path.stat().st_size for path in files) < LARGEST
    assert sum(path.stat().st_size for path in files) < 1 << 30
    assert [path for path in files if path.stat().st_mode & 0o444 != 0o444] == []
