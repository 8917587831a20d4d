import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from PIL import Image

from atlas.commands import cli
from atlas.commands.contents import build_date
from atlas.commands.parser import given, parsed
from atlas.commands.reference import reference
from atlas.data import options
from atlas.data.options import Option
from atlas.data.settings import OPTIONS, Settings
from atlas.demo.network import demo_network
from atlas.errors import UsageError
from tests.support.sites import FEW

ROOT = Path(__file__).parents[2]
NONE = ["--experiments", "none"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "build.py"), *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


MODELS = """
from torch import nn

def perceptron():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 224 * 224, 3))

def transformer():
    from torchvision.models import VisionTransformer
    return VisionTransformer(224, 56, num_layers=1, num_heads=1, hidden_dim=8, mlp_dim=8)

def raises():
    raise ValueError("no such width")

def grey():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
"""

# what is wrong: arguments ({} is a folder with MODELS, weights and photographs), exit code, words
WRONG = [
    (["--nonsense"], 2, "--nonsense"),
    (["--limit", "0"], 2, "at least 1"),
    (["--limit", "many"], 2, "'many' is not a whole number"),
    (["--batch-size", "-3"], 2, "--batch-size"),
    (["--rule", "magic"], 2, "--rule"),
    (["--model", "alexnett"], 2, "did you mean alexnet"),
    (["--model", "{}/models.py:transformer"], 2, "vision transformer"),
    (["--model", "{}/models.py:perceptron"], 2, "no convolution in it"),
    (["--model", "{}/models.py:raises"], 1, "ValueError: no such width (line 12)"),
    (["--model", "{}/models.py:nothing"], 2, "has no function 'nothing'"),
    (["--model", "{}/none.py:f"], 2, "no such file"),
    (["--model", "{}/models.py:grey", "--colour", "rgb"], 2, "input of 3 channels"),
    (["--model", "squeezenet1_1", "--colour", "grey"], 2, "input of 1 channels"),
    (["--model", "squeezenet1_1", "--crop", "8"], 2, "8x8 input of 3 channels"),
    (["--model", "squeezenet1_1", "--mean", "0.5,0.5"], 2, "--mean has 2 numbers"),
    (["--model", "squeezenet1_1", "--std", "a,b"], 2, "'a,b' is not a list of numbers"),
    (["--model", "squeezenet1_1", "--weights", "{}/demo.pt"], 1, "doesn't fit squeezenet1_1"),
    (["--model", "squeezenet1_1", "--weights", "{}/text.pt"], 1, "can't be read as weights"),
    (["--images", "/no/such/folder"], 2, "no such folder"),
    (["--images", "{}/empty"], 2, "no image in it"),
    (["--images", "{}/broken"], 1, "broken.jpg can't be read as an image"),
    (["--weights", "/no/such/file"], 2, "no such file"),
    (["--masks", "{}/empty"], 2, "the demo world knows its own"),
    (["--images", "{}/broken", "--masks", "/no/such/folder"], 2, "--masks /no/such/folder"),
    (["--images", "{}/broken", "--masks", "{}/empty"], 2, "no mask of any image"),
    (["--evidence", "some"], 2, "--evidence"),
    (["--layers", "conv9*"], 2, "its layers are conv1"),
    (["--device", "abacus"], 2, "--device abacus"),
    (["--name", "../up"], 2, "--name"),
    (["--name", "notes"], 2, "--name notes: that is where a site's notes pages stand"),
    (["--notes", "/no/such/folder"], 2, "--notes /no/such/folder: no such folder"),
    (["--base-url", "ftp://example.org/"], 2, "such as https://example.org/atlas/"),
    (["--out", "{}/text.pt"], 2, "is a file"),
]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "models.py").write_text(MODELS)
    (folder / "text.pt").write_text("not weights")
    torch.save(demo_network().state_dict(), folder / "demo.pt")
    (folder / "empty").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return folder


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG)
def test_whatever_is_wrong_gets_one_line_and_the_right_exit_code(
    arguments: list[str],
    code: int,
    words: str,
    wrong: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    command = [word.replace("{}", str(wrong)) for word in arguments]
    out = [] if "--out" in command else ["--out", str(tmp_path / "out")]
    assert cli.main(["--limit", "8", *NONE, *command, *out]) == code
    lines = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("note:")]
    assert len(lines) == 1 and lines[0].startswith("build.py: ")
    assert words in lines[0]
    assert not (tmp_path / "out" / "index.html").exists()


@pytest.mark.slow
def test_grey_photographs_for_a_network_of_colours_are_told(
    tmp_path: Path, wrong: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for index in range(3):
        Image.new("L", (40, 40), 60 * index).save(tmp_path / f"{index}.png")
    few = [*NONE, "--units", "2", "--evidence", "none", "--workers", "0"]
    words = ["--images", str(tmp_path), "--layers", "conv1", "--out", str(tmp_path / "out")]
    assert cli.main([*words, *few]) == 0
    assert "note: 3 images are grey; the network sees them in three equal channels" in (
        capfd.readouterr().err
    )
    words = ["--model", f"{wrong}/models.py:grey", "--limit", "3", "--crop", "32"]
    assert cli.main([*words, *few, "--out", str(tmp_path / "out")]) == 0
    printed = capfd.readouterr().err
    assert "note: this runs the code of" in printed
    assert "note: 3 images are in colour; the network sees them in grey" in printed


def test_that_a_files_code_is_run_is_said_before_it_runs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.py"
    own.write_text("import sys\nprint('its own words', file=sys.stderr)\ndef make(): return 1\n")
    assert cli.main(["--model", f"{own}:make", "--limit", "3", "--out", str(tmp_path / "out")]) == 1
    printed = capfd.readouterr().err
    assert f"note: this runs the code of {own}" in printed.partition("its own words")[0]


def test_a_failed_build_gets_one_line_and_exit_code_1(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    photographs, out = tmp_path / "photographs", tmp_path / "site"
    photographs.mkdir()
    (photographs / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    shutil.copytree(site, out, ignore=shutil.ignore_patterns("*.webp", "*.jpg"))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    words = ["--images", str(photographs), "--out", str(out), "--name", "small"]
    assert cli.main(words) == 1
    printed = capfd.readouterr().err
    assert "broken.jpg can't be read as an image" in printed
    assert printed.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    ran = run("--images", "/no/such/folder", "--out", str(tmp_path), "--debug")
    assert ran.returncode != 0 and "Traceback" in ran.stderr


def test_whatever_else_ends_a_command_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    raised: BaseException

    def command(*_: object) -> NoReturn:
        raise raised

    monkeypatch.setattr(cli, "parsed", command)
    raised = KeyboardInterrupt()
    assert cli.main([]) == 130
    assert "the same command goes on from here" in capfd.readouterr().err
    for raised in (OSError("a\x1b[31m disk\nand more"), MemoryError(), RuntimeError("no kernel")):
        assert cli.main([]) == 1
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith("build.py: ") and line.endswith(" (--debug shows where)")
        assert "\x1b" not in line and "more" not in line
        with pytest.raises(type(raised)):
            cli.main(["--debug"])


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("CNN Atlas ")
    text = run("--help").stdout
    assert "examples:" in text
    for option in OPTIONS:
        assert f"--{option.key}" in text
    for command in cli.COMMANDS:
        assert command.examples in text
    assert run("verify", "--help").stdout.startswith("usage: build.py verify ")


def test_every_option_is_documented() -> None:
    assert (ROOT / "docs" / "options.md").read_text() == reference()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["verfy", "site/demo"], "invalid choice: 'verfy' (choose from"),
        (["verify", "site/demo", "--lean"], "--lean (python build.py verify --help"),
        (["verify", "site/demo", "--batch-size", "8"], "--batch-size 8 (python build.py verify"),
        (["verify", "site/demo", "--rule", "guided"], "--rule guided (python build.py verify"),
        (["verify", "site/demo", "--out", "x"], "--out x (python build.py verify"),
        (["verify"], "ATLAS[/LAYER[/UNIT]] (python build.py verify"),
        (["figure", "site/demo/conv1", "3"], "--to (python build.py figure"),
        (["figure", "a/b", "3", "--to", "a.svg", "--seed=3"], "--seed=3 (python build.py figure"),
        (["build", "--nonsense"], "--nonsense (python build.py --help"),
        (["--limit", "8", "verify"], "verify (python build.py --help"),
    ],
)
def test_what_a_command_does_not_have_is_refused(
    words: list[str], named: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    printed = capfd.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith("build.py: ") and named in line and not printed.out


def test_build_is_the_command_where_none_is_named() -> None:
    for words in ([], ["--limit", "8"]):
        with_name, without = parsed(cli.COMMANDS, ["build", *words]), parsed(cli.COMMANDS, words)
        assert with_name.run is without.run is cli.COMMANDS[0].run
        assert given(with_name) == given(without)


def _can_be_read(value: object) -> bool:
    return options.last_component(str(value)) != "--"  # argparse of Python 3.11 drops that


TEXTS = st.text(st.characters(codec="ascii"), min_size=1)
PATHS = st.text("abc-/ ", min_size=1).map(Path)


def _values(option: Option) -> st.SearchStrategy[object]:
    of_kind = {
        options.TEXT: TEXTS.filter(_can_be_read),
        options.PATH: PATHS.filter(_can_be_read),
        options.POSITIVE: st.integers(1),
        options.NATURAL: st.integers(0),
        options.WHOLE: st.integers(),
        options.SIZE: st.tuples(st.integers(1), st.integers(1)),
        options.NUMBERS: st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1).map(
            tuple
        ),
        options.GLOBS: st.lists(
            st.text("conv*-?.", min_size=1).filter(_can_be_read), min_size=1
        ).map(tuple),
        options.SWITCH: st.booleans(),
    }
    if option.kind is options.SWITCH and option.scope == "command":
        return st.just(True)  # that is all a command line can say
    if option.kind is options.WORDS:
        some = st.lists(st.sampled_from(option.choices or ()), min_size=1, unique=True)
        return some.map(tuple)
    return st.sampled_from(option.choices) if option.choices else of_kind[option.kind]


def _fit(values: dict[str, object]) -> bool:
    """Whether settings go together: a picture by ``smooth`` holds what pointers keep back."""
    return (values.get("rule"), values.get("images_policy")) != ("smooth", "pointers")


SETTINGS = st.fixed_dictionaries({}, optional={one.name: _values(one) for one in OPTIONS}).filter(
    _fit
)


@hypothesis.given(SETTINGS)
def test_a_process_that_gets_the_arguments_of_settings_has_the_same(
    values: dict[str, object],
) -> None:
    settings = Settings(**values)  # type: ignore[arg-type]
    assert Settings(**given(parsed(cli.COMMANDS, settings.arguments()))) == settings


@hypothesis.given(SETTINGS)
def test_the_command_shown_says_what_may_leave_this_machine(values: dict[str, object]) -> None:
    settings = Settings(**values)  # type: ignore[arg-type]
    python, program, *words = shlex.split(settings.command())
    assert (python, program) == ("python", "build.py")
    assert Settings(**given(parsed(cli.COMMANDS, words))).shareable() == settings.shareable()


def test_the_same_bytes_with_workers_and_in_another_process(few: Path, tmp_path: Path) -> None:
    """How many workers there were is nobody's business (``site`` is built without a network)."""
    ran = subprocess.run(
        [sys.executable, "build.py", *FEW, "--workers", "2", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    first = {path.relative_to(few) for path in few.rglob("*") if path.is_file()}
    assert len(first) > 100
    assert first == {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    changed = [p for p in sorted(first) if (few / p).read_bytes() != (tmp_path / p).read_bytes()]
    assert changed == []


def test_the_date_is_shown_only_if_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert build_date() is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert build_date() == "1970-01-02"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH=yesterday"):
        build_date()


def test_the_command_is_shown_without_this_machines_paths() -> None:
    words = ["--model", "alexnet", "--weights=/home/me/w.pt", "--images", "/data/photos/",
             "--out", "/srv/site", "--layers", "conv*", "--debug"]  # fmt: skip
    assert Settings(**given(parsed(cli.COMMANDS, words))).command() == (
        "python build.py --model alexnet --weights w.pt --images photos --layers 'conv*'"
    )


@pytest.mark.slow
def test_a_folder_of_photographs_and_some_layers(tmp_path: Path) -> None:
    from atlas.images.sources import DemoImages

    world = DemoImages(12)
    photographs = tmp_path / "photographs"
    for index in range(len(world)):
        path = photographs / world.name(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        world[index].resize((160, 150)).save(path)
    out = tmp_path / "out"
    words = ["--model", "squeezenet1_1", "--weights", "none", "--images", str(photographs)]
    words += [*NONE, "--layers", "features.0,features.3.*", "--out", str(out), "--limit", "10"]
    assert cli.main([*words, "--crop", "64", "--units", "4", "--workers", "0"]) == 0
    facts = json.loads((out / "squeezenet1_1" / "atlas.json").read_text())
    assert facts["layers"] == ["features.0", "features.3.squeeze", "features.3.expand1x1",
                               "features.3.expand3x3"]  # fmt: skip
    assert facts["images"]["count"] == 10
