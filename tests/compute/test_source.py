import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from atlas.compute.source import digest_of, imports_of, sources_of
from atlas.compute.stages import STAGES

SOURCE = '''
"""What it is for."""

from __future__ import annotations

from atlas.data import levels  # what levels are


def half(value: float) -> float:
    """Its half."""
    return value * 0.5  # exactly


NAMES = frozenset({"one", "other"})
'''


def digest(tmp_path: Path, source: str) -> str:
    path = tmp_path / f"{abs(hash(source))}.py"
    path.write_text(source)
    return digest_of(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  # exactly", ""),
        ("# what levels are", "# more words"),
        ("Its half.", "Half of it."),
        ('"""What it is for."""', '"""Many\nlines.\n"""'),
        ("value * 0.5", "(value\n            * 0.5)"),
    ],
)
def test_words_and_form_decide_nothing(tmp_path: Path, before: str, after: str) -> None:
    assert before in SOURCE
    assert digest(tmp_path, SOURCE.replace(before, after)) == digest(tmp_path, SOURCE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0.5", "0.25"),
        ("value * 0.5", "value + 0.5"),
        ("value * 0.5", "value * 0.5 + 0"),
        ('"other"', '"others"'),
        ("import levels", "import records"),
        ("def half", "def halved"),
    ],
)
def test_whatever_it_does_decides(tmp_path: Path, before: str, after: str) -> None:
    assert before in SOURCE
    assert digest(tmp_path, SOURCE.replace(before, after)) != digest(tmp_path, SOURCE)


def test_a_source_that_was_edited_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "edited.py"
    path.write_text("a = 1\n")
    before = digest_of(path)
    path.write_text("a = 2\n")
    assert digest_of(path) != before


def test_imports_are_found_wherever_they_are_but_for_types(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "import numpy\n"
        "import atlas.data.levels\n"
        "if TYPE_CHECKING:\n    from atlas.site import links\n"
        "def f():\n    from atlas.drawing import pixels\n"
    )
    found = imports_of(path)
    assert {"atlas.data.levels", "atlas.drawing", "atlas.drawing.pixels"} == set(found)


def test_what_decides_each_stage_is_found_through_its_imports() -> None:
    sources = {stage.name: set(sources_of(stage.run)) for stage in STAGES}
    for name, modules in sources.items():
        assert f"atlas.compute.stages.{name}" in modules
        # pages and commands decide nothing that is computed
        assert not [m for m in modules if m.startswith(("atlas.site", "atlas.commands"))]
    assert "atlas.scanning.topk" in sources["scan"]
    assert "atlas.reconstruction.sparse" in sources["reconstructions"]
    assert "atlas.reconstruction.sparse" not in sources["scan"]
    assert "atlas.evidence.concepts" in sources["concepts"]
    assert "atlas.evidence.concepts" not in sources["reconstructions"]
    assert "atlas.scanning.topk" not in sources["connections"]
    # the table of measures decides what is taken, and nothing before the second pass
    measured = {name for name, modules in sources.items() if "atlas.data.measures" in modules}
    assert measured == {"close_ups", "reconstructions", "rules", "summary"}
    assert "atlas.evidence.trials" not in sources["examples"]


ROOT = Path(__file__).parents[2]
PRINT = (
    "from atlas.compute.source import sources_of; from atlas.compute.stages import STAGES\n"
    "print([sorted(sources_of(stage.run).items()) for stage in STAGES])"
)


def printed(folder: Path, seed: str) -> str:
    """What decides the stages of the program in a folder, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PRINT], capture_output=True, text=True, check=True, cwd=folder,
        env={"PYTHONHASHSEED": seed, "PATH": ""},
    ).stdout  # fmt: skip


@pytest.mark.slow
def test_digests_are_the_same_in_every_process_and_wherever_the_checkout_lies(
    tmp_path: Path,
) -> None:
    """Also below folders that have the names of wings or of anything that is left out."""
    elsewhere = tmp_path / "render" / "site" / "commands"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "atlas", elsewhere / "atlas", ignore=ignored)
    here = f"{[sorted(sources_of(stage.run).items()) for stage in STAGES]}\n"
    assert printed(elsewhere, "2") == here and "atlas.scanning.topk" in here
