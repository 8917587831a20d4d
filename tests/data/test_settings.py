import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from atlas.data import extras
from atlas.data.settings import OPTIONS, Settings
from atlas.errors import UsageError

EVERYTHING = Settings(
    model="/home/me/models.py:make", weights="/home/me/w.pt", images="/home/me/photos/",
    limit=500, layers=("conv*", "fc?"), units=8, rule="guided,lrp", tiles="close",
    near_duplicates=4, title="Seen", about="All of it.",
    masks=Path("/home/me/masks"), hierarchy=Path("/home/me/tree.tsv"), evidence="none",
    credit="A/B", images_licence="CC0", resize=256,
    crop=(224, 192), mean=(0.5, 0.4, 0.3), std=(0.25, 0.25, 1.0), interpolation="bicubic",
    colour="rgb", out=Path("/home/me/site"), name="mine", budget=20,
    config=Path("/home/me/atlas.toml"), notes=Path("/home/me/notes"), base_url="https://a.b/c/",
    images_policy="pointers", jpeg=False, lean=True, without=("cards", "jpeg"), device="cpu",
    seed=-3, batch_size=32, checkpoints=Path("/home/me/epochs"), live="off",
    experiments=("fooling", "maps"), subjects=("dog/*",), wants="all", curves="all",
    wants_more=("second",),
    workers=99, strict=True, fresh=True, debug=True,
)  # fmt: skip


def test_everything_above_gives_every_option_another_value() -> None:
    for one in OPTIONS:
        assert getattr(EVERYTHING, one.name) != one.default, one.name


def test_settings_are_values() -> None:
    assert Settings() == Settings() and hash(EVERYTHING) != hash(Settings())
    with pytest.raises(FrozenInstanceError):
        Settings().limit = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        Settings("demo")  # type: ignore[misc]
    assert [one.name for one in OPTIONS] == [part.name for part in fields(Settings)]


def test_every_option_is_described() -> None:
    for one in OPTIONS:
        assert one.help and one.group, one.name
        if one.default not in (None, ()):
            assert one.read(one.kind.write(one.default)) == one.default


def test_everything_decides_but_what_is_exempted() -> None:
    assert {one.name for one in OPTIONS if not one.decides} == {
        "credit", "images_licence", "title", "about", "out", "name", "budget", "config", "notes",
        "base_url", "workers", "strict", "fresh", "debug", "experiments",
    }  # fmt: skip
    assert Settings().deciding().keys() == {one.name for one in OPTIONS if one.decides}
    assert not [one.name for one in OPTIONS if one.decides and one.private]


def test_what_is_private_stays_on_this_machine() -> None:
    shared = EVERYTHING.shareable()
    assert {one.name for one in OPTIONS} - shared.keys() == {
        "out", "config", "notes", "workers", "strict", "fresh", "debug",
    }  # fmt: skip
    for said in (json.dumps(shared), json.dumps(EVERYTHING.deciding()), EVERYTHING.command()):
        assert "/home/me" not in said and "/me" not in said
    assert shared["model"] == "models.py:make" and shared["images"] == "photos"
    assert shared["weights"] == "w.pt" and shared["masks"] == "masks"
    assert shared["credit"] == "A/B" and shared["base_url"] == "https://a.b/c/"


def test_a_path_that_is_no_utf_8_leaves_this_machine_escaped() -> None:
    given = Settings(images="/data/caf\udce9", model="m\udcff.py:f", credit="A\x1b")
    shared = given.shareable()
    assert (shared["images"], shared["model"]) == ("caf\\xe9", "m\\xff.py:f")
    assert shared["credit"] == "A\\x1b"
    assert "caf\\xe9" in given.command() and given.command().isprintable()
    assert given.arguments()[3] == "/data/caf\udce9"  # another process gets it as it is


def test_what_is_shared_is_json() -> None:
    for settings in (Settings(), EVERYTHING):
        for said in (settings.shareable(), settings.deciding()):
            assert json.loads(json.dumps(said)) == said


def test_the_command_follows_from_what_differs_from_the_defaults() -> None:
    given = Settings(
        layers=("conv*",), images="/data/photos/", weights="/home/me/w.pt", model="alexnet",
        out=Path("/srv/site"), workers=0, debug=True, rule="deconvnet",
    )  # fmt: skip
    assert given.command() == (
        "python build.py --model alexnet --weights w.pt --images photos --layers 'conv*'"
    )
    assert Settings().command() == "python build.py"
    assert EVERYTHING.command() == (
        "python build.py --model models.py:make --weights w.pt --images photos --checkpoints "
        "epochs --limit 500 --layers 'conv*,fc?' --units 8 --rule guided --other-rules lrp "
        "--tiles close --near-"
        "duplicates 4 --masks masks --hierarchy tree.tsv --evidence none "
        "--experiments fooling,maps --live off "
        "--subjects 'dog/*' --wants all --curves all --wants-more second "
        "--title Seen --about 'All of it.' "
        "--credit A/B --images-licence CC0 "
        "--resize 256 --crop 224x192 --mean 0.5,0.4,0.3 --std 0.25,0.25,1.0 --interpolation "
        "bicubic --colour rgb --name mine --budget 20 --base-url https://a.b/c/ --images-policy "
        "pointers --no-jpeg --lean --without cards,jpeg --device cpu --seed=-3 --batch-size 32"
    )


def test_the_arguments_for_another_process_hold_private_settings_too() -> None:
    given = Settings(model="/home/me/models.py:make", out=Path("/srv/site"), credit="-", jpeg=False)
    assert given.arguments() == [
        "--model", "/home/me/models.py:make", "--credit=-", "--out", "/srv/site", "--no-jpeg",
    ]  # fmt: skip


def test_rules_after_the_first_are_other_rules() -> None:
    for given in (
        Settings(rule="guided,lrp,guided,deconvnet", other_rules=("lrp", "smooth")),
        Settings(rule="guided", other_rules=("lrp", "deconvnet", "smooth", "guided")),
    ):
        assert (given.rule, given.other_rules) == ("guided", ("lrp", "deconvnet", "smooth"))
    assert Settings().rule == "deconvnet" and Settings().other_rules == ()
    rule = next(one for one in OPTIONS if one.name == "rule")
    assert rule.read("deconvnet,lrp") == "deconvnet,lrp"
    with pytest.raises(ValueError, match="'lpr' is not among deconvnet, guided"):
        rule.read("deconvnet,lpr")
    with pytest.raises(UsageError, match="multiplies by the images' pixels"):
        Settings(rule="smooth", images_policy="pointers")


def test_what_stages_ask_settings() -> None:
    plain = Settings()
    assert plain.atlas_name == "demo" and plain.layer_globs is None
    assert plain.has_evidence and plain.pictures and plain.kept == set(extras.NAMES)
    assert plain.preprocessing_changes == {}
    assert not Settings(images_policy="pointers").pictures
    assert Settings(lean=True).pictures and not Settings(lean=True).kept
    assert Settings(jpeg=False).kept == Settings(without=("jpeg",)).kept == plain.kept - {"jpeg"}
    assert not Settings(without=("names",)).keeps("quizzes")  # which are made with them
    assert Settings(model="/home/me/my net.py:make").atlas_name == "my-net.py-make"
    assert EVERYTHING.atlas_name == "mine" and EVERYTHING.layer_globs == ("conv*", "fc?")
    assert not EVERYTHING.has_evidence
    assert EVERYTHING.preprocessing_changes == {
        "resize": 256, "crop": (224, 192), "mean": (0.5, 0.4, 0.3), "std": (0.25, 0.25, 1.0),
        "interpolation": "bicubic", "mode": "RGB",
    }  # fmt: skip
    assert Settings(colour="grey").preprocessing_changes == {"mode": "L"}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("limit", "0", "at least 1"),
        ("limit", "many", "'many' is not a whole number"),
        ("near_duplicates", "-1", "'-1' is not a whole number"),
        ("seed", "1.5", "'1.5' is not a whole number"),
        ("crop", "10x", "'' is not a whole number"),
        ("std", "a,b", "'a,b' is not a list of numbers"),
        ("rule", "magic", "'magic' is not among deconvnet, guided, gradient"),
        ("lean", "yes", "'yes' is neither true nor false"),
    ],
)
def test_a_text_that_is_no_value_is_refused_in_words(name: str, text: str, words: str) -> None:
    (one,) = (one for one in OPTIONS if one.name == name)
    with pytest.raises(ValueError, match=words):
        one.read(text)


def test_settings_load_neither_torch_nor_a_parser() -> None:
    code = (
        "import sys, atlas.data.settings; "
        "print(*({'torch', 'argparse', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
