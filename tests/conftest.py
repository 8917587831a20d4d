"""A small atlas, built once by the command itself, for all tests that look at a finished site."""

import json
import shutil
from pathlib import Path

import pytest

from atlas.commands.cli import main
from atlas.site import site as site_
from atlas.site.info import SiteContents
from atlas.site.published_addresses import keep_addresses
from atlas.site.publishing import write_shared

COMMAND = ["--limit", "96", "--workers", "0", "--name", "small"]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    assert main([*COMMAND, "--out", str(out)]) == 0
    return out


NOTE = "---\ntitle: A note\n---\n[[conv3/17]]\n\nSee [[conv2]]: $a_1$.\n\n| a |\n|---|\n| 1 |\n"


@pytest.fixture(scope="session")
def root(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with every kind of page, in a folder below the server's root."""
    out = tmp_path_factory.mktemp("served") / "sub" / "path"
    shutil.copytree(site, out)
    notes = tmp_path_factory.mktemp("notes")
    (notes / "note.md").write_text(NOTE)
    path = out / "small" / "conv2" / "layer.json"
    layer = json.loads(path.read_text())
    layer["top"][0] |= {"fired": 0, "effective": None, "levels": [0, []], "nine": []}
    path.write_text(json.dumps(layer))
    with (out / "small" / "addresses.txt").open("a") as file:
        file.write("conv9/index.html\n")
    site_.write_pages(out / "small")
    keep_addresses(out / "small", published=out / "small")
    around = SiteContents(notes=notes, comparisons=(("small", "small"),))
    write_shared(out, site_.whole(out, around).files.texts)
    return out
