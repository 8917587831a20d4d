"""Texts that would run if a page took them for markup: everywhere people can put a text.

One site is built with all of them at once: titles, names of classes, files, folders, concepts,
layers and units, notes, and what a configuration says. Each text calls ``hit`` with a number of its
own, wherever it is taken for HTML, a script, an attribute or a style.
"""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as etree
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from atlas.commands import cli
from tests.support.browsers import NEEDED, Watched, served
from tests.support.once import Shared

PLACES = (
    "title", "author", "licence", "footer", "note", "heading", "caption", "class", "file",
    "concept", "name", "credit", "synonym", "layer", "folder", "model", "base",
)  # fmt: skip
PICTURES = {"note": "../style.css", "footer": "style.css"}  # HTML that stays, but for what runs
SEEN = {  # where a reader sees the text itself
    "index.html": ("title", "author", "licence"),
    "h/index.html": ("folder", "model"),
    "h/images/0/0.html": ("class", "file"),
    "notes/n.html": ("heading", "caption"),
}


def hostile(place: str, *, in_a_path: bool = False) -> str:
    """A text for a place."""
    call = f"hit({PLACES.index(place)})"
    picture = PICTURES.get(place, "x")
    text = (
        f"\"'><img src={picture} onerror={call}><svg onload={call}></script><script>{call}</script>"
        f"--><b onclick={call}>{{{{7*7}}}}`${{{call}}}`\\');{call};//]]>&lt;i&gt;&#60;"
    )
    return text.replace("/", "").replace("\\", "")[:200] if in_a_path else text


MODEL = """
import torch
from torch import nn

def network():
    torch.manual_seed(1)
    model = nn.Sequential()
    for number, name in enumerate(NAMES):
        model.add_module(name, nn.Conv2d(4 if number else 3, 4, 3))
    return model.eval()
"""
NOTE = """---
title: TITLE
---
RAW

A paragraph.
{: onclick="hit(4)" style="background:url(javascript:hit(4))" }

<iframe srcdoc="<script>parent.hit(4)</script>"></iframe>
<a href="javascript:hit(4)">a</a> [b](javascript:hit(4)) <base href="https://example.org/">

[[LAYER/0|CAPTION]]
"""


@pytest.fixture(scope="module")
def site(shared: Shared) -> Path:
    """A site with all hostile texts, and its inputs."""

    def make(folder: Path) -> None:
        _inputs(folder)
        words = ["--config", str(folder / "atlas.toml"), "--out", str(folder / "site")]
        assert cli.main(words) == 0

    return shared("hostile", make) / "site"


def _inputs(folder: Path) -> None:
    images = folder / hostile("folder", in_a_path=True)
    dice = np.random.default_rng(1)
    for index in range(24):
        name = f"{index:02}{hostile('file', in_a_path=True)}.png"
        label = hostile("class", in_a_path=True) if index % 2 else "plain"  # units like it
        picture = images / label / name
        mask = folder / "masks" / hostile("concept", in_a_path=True) / label / name
        pixels = dice.integers(0, 256 if index % 2 else 60, (28, 28, 3))
        marked = np.zeros((28, 28))
        marked[:14] = 255
        pixels[:14] = pixels[:14] // 4
        for path, values in ((picture, pixels), (mask, marked)):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values.astype(np.uint8)).save(path)
    model = folder / f"{hostile('model', in_a_path=True)}.py"
    names = ["plain", hostile("layer").replace(".", ""), "con"]
    model.write_text(MODEL.replace("NAMES", repr(names)))
    (folder / "notes").mkdir()
    said = {"TITLE": "heading", "RAW": "note", "CAPTION": "caption"}
    note = NOTE.replace("LAYER", "plain")
    for word, place in said.items():
        text = hostile(place) if place != "caption" else re.sub(r"[][|]", "", hostile(place))
        note = note.replace(word, text)
    (folder / "notes" / "n.md").write_text(note)
    (folder / "labels.csv").write_text(
        f'plain/2,"{hostile("name").replace(chr(34), 2 * chr(34))}"\n'
    )
    base = re.sub(r"[\s?#]", "", hostile("base"))
    credit, model_ = (json.dumps(one) for one in (hostile("credit"), f"{model}:network"))
    said = {key: json.dumps(hostile(key)) for key in ("title", "author", "licence", "footer")}
    (folder / "atlas.toml").write_text(
        "[site]\n"
        + "".join(f"{key} = {text}\n" for key, text in said.items())
        + f"base-url = {json.dumps('https://example.org/' + base)}\n"
        f'notes = "notes"\nlabels = "labels.csv"\n'
        f"[synonyms]\nplain = [{json.dumps(hostile('synonym'))}]\n"
        f'[[atlas]]\nname = "h"\nmodel = {model_}\n'
        f'images = {json.dumps(str(images))}\nmasks = "masks"\ncredit = {credit}\n'
        "crop = 24\nresize = 24\nunits = 2\nworkers = 0\n"
        'experiments = "first-layer"\ndevice = "cpu"\n'
    )


class Read(HTMLParser):
    """What of a page could run."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[str] = []
        self.within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.within = tag
        bad = [name for name in given if name.startswith("on") or name in ("srcdoc", "style")]
        links = [given.get(name, "").strip().lower() for name in ("href", "src", "action")]
        bad += [link for link in links if re.match(r"(javascript|data|vbscript):", link)]
        if bad or given.get("src") == "x" or tag in ("iframe", "object", "base"):
            self.runs.append(f"{tag} {attrs}")

    def handle_data(self, data: str) -> None:
        if self.within in ("script", "style") and "hit(" in data:
            self.runs.append(data)


def test_no_page_holds_anything_that_would_run(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        read = Read()
        read.feed(page.read_text("utf-8"))
        assert read.runs == [], page


def test_data_drawings_and_lists_stay_what_they_are(site: Path) -> None:
    for path in site.rglob("*.json"):
        json.loads(path.read_text("utf-8"))
    for path in (*site.rglob("*.svg"), site / "sitemap.xml"):
        root = etree.fromstring(path.read_text("utf-8"))
        tags = {one.tag.rpartition("}")[2] for one in root.iter()}
        assert not tags & {"script", "foreignObject"}, path
        assert not [name for one in root.iter() for name in one.attrib if name.startswith("on")]
    content = (site / "h" / "objects.inv").read_bytes()
    head, body = content[: content.index(b"zlib.\n") + 6], content[content.index(b"zlib.\n") + 6 :]
    assert head.count(b"\n") == 4
    lines = zlib.decompress(body).decode().splitlines()
    assert lines and all(re.fullmatch(r"\S.* std:\S+ -?\d+ \S+ .+", line) for line in lines)


def test_every_address_stays_in_the_site_and_is_fit_for_every_system(site: Path) -> None:
    for path in site.rglob("*"):
        name = path.relative_to(site).as_posix()
        assert re.fullmatch(r"[\w./-]+", name, re.ASCII), name
        for part in name.split("/"):
            assert not part.endswith(".") and len(part) <= 200
            assert part.split(".")[0].casefold() not in ("con", "nul", "aux", "prn")
    folded = [path.as_posix().casefold() for path in site.rglob("*")]
    assert len(set(folded)) == len(folded)
    inputs = {"atlas.toml", "labels.csv", "masks", "notes", "site"}
    beside = {one for one in os.listdir(site.parent) if "hit(" not in one}
    assert beside == inputs


def visited(site: Path) -> list[str]:
    """A page of each kind, all that hold a text of somebody's."""
    layers = sorted(path.parent.name for path in (site / "h").glob("*/0.html"))
    folders = [path for path in (site / "h").rglob("*.html") if path.parent.name in (
        "classes", "concepts")]  # fmt: skip
    pages = [*SEEN, "how-to-read.html", *(f"h/{name}/index.html" for name in layers)]
    pages += [f"h/{name}/{unit}" for name in layers for unit in ("0.html", "2.html")]
    pages += ["h/plain/embed/2.html", "h/live.html"]
    pages += [path.relative_to(site).as_posix() for path in folders]
    return pages


@pytest.fixture(scope="module")
def base(site: Path) -> Iterator[str]:
    with served(site) as base:
        yield base


class TestInTheBrowser:
    pytestmark = NEEDED

    @pytest.mark.parametrize("without_csp", [False, True])
    def test_nothing_runs_and_texts_are_seen_as_they_are(
        self, site: Path, base: str, browser: Any, without_csp: bool
    ) -> None:
        context = browser.new_context(bypass_csp=without_csp)
        context.add_init_script("window.hits = []; window.hit = n => window.hits.push(n);")
        watched = Watched(context, base)
        dialogs: list[str] = []
        watched.page.on("dialog", lambda one: (dialogs.append(one.message), one.dismiss()))
        pages = visited(site)
        assert len(pages) >= 11
        for page in pages:
            watched.open(f"{base}/{page}")
            text = watched.page.evaluate("document.documentElement.textContent")
            for place in SEEN.get(page, ()):
                assert f"onerror=hit({PLACES.index(place)})" in text, (page, place)
            assert watched.page.evaluate("window.hits") == [], page
        watched.open(f"{base}/index.html")
        watched.page.keyboard.press("/")
        for words in ("hit", "plain"):
            watched.page.get_by_role("searchbox").fill(words)
            status = watched.page.locator(".search [role=status]")
            status.filter(has_text=re.compile(r"(found|shown)$")).wait_for()
            results = watched.page.locator(".results").text_content()
            assert "onerror=hit(" in results, words
            assert watched.page.evaluate("window.hits") == [], words
        assert dialogs == [] and watched.wrong == []
        context.close()
