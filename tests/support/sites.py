"""The sites that tests look at, and how they are made."""

from __future__ import annotations

import contextlib
import io
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.commands.cli import main
from atlas.data.beside import RULES_BESIDE, LayerRules, UnitRules
from atlas.site.assembling import whole
from atlas.site.info import SiteContents
from atlas.site.published_addresses import add_listed, keep_addresses, listed
from atlas.site.publishing import write_shared
from atlas.site.render import beside
from atlas.site.render.base import Renderer
from atlas.site.render.view import AtlasView

PLAIN = ["--limit", "96", "--workers", "0", "--name", "small"]
# a quarter of the pixels, for what has nothing to do with how many there are
SMALL = ["--resize", "64", "--crop", "64"]
QUICK = [*PLAIN, "--experiments", "first-layer"]  # which is made in a moment
EACH = 14  # units of a layer, among them, of three layers, one that none of the images excites
UNITS = 6 * EACH
COMMAND = [*QUICK, "--units", str(EACH)]
OF_FEW = ["--limit", "48", "--units", "4", *SMALL]
FEW = [*QUICK, *OF_FEW]
NOTE = "---\ntitle: A note\n---\n[[conv3/16]]\n\nSee [[conv2]]: $a_1$.\n\n| a |\n|---|\n| 1 |\n"


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """Whoever asks for the network in this process finds none."""

    def refuse(*given: object, **named: object) -> None:
        raise OSError("no network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "create_connection", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


def build(out: Path) -> None:
    """A small atlas of the demo, by the command itself, without a network."""
    said, errors = io.StringIO(), io.StringIO()
    with offline(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        assert main([*COMMAND, "--out", str(out)]) == 0, errors.getvalue()
    assert f"{UNITS} units" in said.getvalue() and "open file://" in said.getvalue()
    assert errors.getvalue() == ""  # no bar outside a terminal


def build_few(out: Path) -> None:
    """An atlas of a few units of each layer, whose pages are rendered in a moment."""
    assert main([*FEW, "--out", str(out)]) == 0


def write_rules(folder: Path) -> None:
    """The page on rules of an atlas in two of whose layers another rule was tried."""
    view = AtlasView.read(folder, Renderer())
    for name, rule in (("conv3", "guided"), ("conv4", "lrp")):
        tried = (
            UnitRules(u.unit, {rule: u.evidence} if u.evidence else {})
            for u in view.layers[name].top
        )
        RULES_BESIDE.write(folder, LayerRules((rule,), True, tuple(tried)), name)
    for address, page in beside.files(AtlasView.read(folder, Renderer())):
        (folder / address).write_text(page, "utf-8")


def complete(site: Path, out: Path) -> None:
    """A copy of the small atlas's site with a page of every kind there is.

    Of conv2, 74 is a unit that never fired.
    """
    shutil.copytree(site, out, dirs_exist_ok=True)
    notes = out.parent / "notes"
    notes.mkdir()
    (notes / "note.md").write_text(NOTE)
    write_rules(out / "small")
    add_listed(out / "small", [*listed(out / "small"), "conv9/index.html"])
    keep_addresses(out / "small", published=out / "small")
    contents = SiteContents(notes=notes, comparisons=(("small", "small"),))
    write_shared(out, whole(out, contents=contents).files.texts)
