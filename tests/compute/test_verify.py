import json
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from atlas.commands import cli
from atlas.compute import verify as verifying
from atlas.data import documents
from atlas.errors import UsageError
from atlas.images.sources import DemoImages
from atlas.networks.network import Network, load_network

SPARE = ("*.html", "*.jpg", "images", "embed", "experiments", "live")


@pytest.fixture
def copy(site: Path, tmp_path: Path) -> Path:
    """The atlas without what verifying doesn't read, nor what names were found from."""
    shutil.copytree(
        site / "small", tmp_path / "small", ignore=shutil.ignore_patterns(*SPARE, "peaks.npz")
    )
    return tmp_path / "small"


def verify(capfd: pytest.CaptureFixture[str], *given: str) -> tuple[int, str]:
    code = cli.main(["verify", *given, "--workers", "0"])
    printed = capfd.readouterr()
    return code, printed.out + printed.err


def test_what_the_site_says_is_so(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, said = verify(capfd, str(copy / "conv3" / "16"))
    assert code == 0 and "conv3/16: as the site says" in said
    code, said = verify(capfd, str(copy), "--sample", "12")
    assert code == 0 and "12 of 12 units are as the site says" in said


def test_what_was_tampered_with_is_told(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = copy / "conv4" / "nine.json"
    layer = json.loads(path.read_text())
    layer["units"][3]["nine"][2]["value"] += 0.5
    layer["units"][4]["nine"][0]["position"][0] += 1
    layer["units"][5]["fired"] += 1
    path.write_text(json.dumps(layer))
    with Image.open(copy / "conv4" / "8.webp") as plate:
        turned = plate.convert("RGBA").transpose(Image.Transpose.ROTATE_180)
    turned.save(copy / "conv4" / "48.webp")
    code, said = verify(capfd, str(copy / "conv4"))
    assert code == 1 and "10 of 14 units" in said
    assert "conv4/24: no. 3 is" in said and "conv4/32: no. 1 stands elsewhere" in said
    assert "conv4/40: fired for" in said and "conv4/48: the reconstruction of no. 1" in said


def test_names_faces_and_answers_are_found_anew(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "small"
    shutil.copytree(site / "small", copy, ignore=shutil.ignore_patterns(*SPARE))
    changes = {
        "names": ((3, "doubt", "made up"), (4, "auprc", 5.0)),
        "faces": ((5, "clarity", -5.0), (6, "apart", -5.0)),
    }
    for name, changed in changes.items():
        path = copy / "scores" / f"{name}.json"
        layer = json.loads(path.read_text())
        for unit, key, value in changed:
            layer["units"][unit][key] = value
        path.write_text(json.dumps(layer))
    code, said = verify(capfd, str(copy / "scores"))
    assert code == 1 and "10 of 14 units" in said
    assert "scores/5: it follows" in said and "scores/6: AUPRC" in said
    assert "scores/8: clarity" in said and "scores/10: polysemanticity" in said


def test_other_weights_or_images_are_told(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    unit = str(copy / "conv1" / "3")
    code, said = verify(capfd, unit, "--weights", "none")
    assert code == 1 and "these are not the weights of the atlas" in said
    code, said = verify(capfd, unit, "--limit", "95")
    assert code == 1 and "these are not the images of the atlas" in said


def test_what_is_no_unit_is_told(copy: Path) -> None:
    assert verifying.find(copy) == (copy, None, None)
    assert verifying.find(copy / "conv2" / "8") == (copy, "conv2", 8)
    for path, words in ((copy / "conv9", "no layer"), (copy / "conv2" / "x", "not a unit's number"),
                        (copy.parent, "no unit, layer or atlas")):  # fmt: skip
        with pytest.raises(UsageError, match=words):
            verifying.find(path)
    with pytest.raises(UsageError, match="shows no unit 999"):
        verifying.choose(copy, layer="conv2", unit=999)


@dataclass(frozen=True)
class Watched(Network):
    """A network that keeps how many images it runs on at once."""

    sizes: list[int] = field(default_factory=list)

    def inputs(self, stimuli: np.ndarray) -> Tensor:
        self.sizes.append(len(stimuli))
        return super().inputs(stimuli)


@pytest.mark.parametrize("slots", [8, 64])
def test_the_network_runs_on_as_many_images_at_once_as_for_the_atlas(
    copy: Path, slots: int
) -> None:
    assert documents.read_atlas(copy).slots == 16  # as a CPU made it
    facts = json.loads((copy / "atlas.json").read_text())
    (copy / "atlas.json").write_text(json.dumps({**facts, "slots": slots}))
    demo = load_network("demo")
    network = Watched(**{part.name: getattr(demo, part.name) for part in fields(Network)})
    (verdict,) = verifying.verify(copy, {"conv2": [5]}, network, DemoImages(96))
    assert (verdict.layer, verdict.unit) == ("conv2", 5)
    assert set(network.sizes) == {slots}
    assert len(network.sizes) > -(-96 // slots)  # the scan's and those of the second pass


@pytest.mark.parametrize("option", ["--batch-size=8", "--lean", "--rule=guided"])
def test_what_the_atlas_says_itself_is_no_option(
    copy: Path, capfd: pytest.CaptureFixture[str], option: str
) -> None:
    code, said = verify(capfd, str(copy / "conv3" / "16"), option)
    assert code == 2 and f"unrecognized arguments: {option}" in said
