"""Every parser of files that people or other programs may have written, and an example for each.

A parser takes the file's bytes and an empty folder. It may refuse them with an ``AtlasError``,
which says why, and may raise nothing else.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from atlas.commands.config import read_config
from atlas.compute.record_files import RECORD, read_record
from atlas.data.documents import read_atlas
from atlas.errors import AtlasError
from atlas.networks.checkpoints import in_order
from atlas.networks.weights import read
from atlas.scanning import topk
from atlas.scanning.topk import TopNine
from atlas.site import markup, own_files
from atlas.site.given_names import read_names
from atlas.site.render.notes import read_notes

Parser = Callable[[bytes, Path], object]


def _of_file(name: str, parse: Callable[[Path], object]) -> Parser:
    def parser(content: bytes, folder: Path) -> object:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return parse(path)

    return parser


PARSERS: dict[str, Parser] = {
    "atlas.toml": _of_file("atlas.toml", read_config),
    "names": _of_file("names.csv", read_names),
    "notes": _of_file("notes/one.md", lambda path: read_notes(path.parent)),
    "record": _of_file(f"layer/{RECORD}", lambda path: read_record(path.parent.parent, "layer")),
    "atlas.json": _of_file("atlas.json", lambda path: read_atlas(path.parent)),
    "safetensors": _of_file("weights.safetensors", read),
    "weights": _of_file("weights.pt", read),
    "checkpoints": lambda content, _: in_order(content.decode("utf-8", "replace").split("\n")),
    "style": _of_file("own.css", own_files.read_style),
    "page": lambda content, _: markup.of_page(content.decode("utf-8", "replace")),
}


def _record() -> bytes:
    file, record = io.BytesIO(), topk.empty(2)
    np.savez_compressed(file, **{one.name: getattr(record, one.name) for one in fields(TopNine)})
    return file.getvalue()


def _weights() -> bytes:
    file = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, file)
    return file.getvalue()


EXAMPLES: dict[str, bytes] = {
    "atlas.toml": b'[site]\ntitle = "x"\n[[atlas]]\nname = "a"\nmodel = "demo"\nlayers = ["c*"]\n',
    "names": b'address,name\ndemo/conv1/3,"a, b"\n',
    "notes": b"---\ntitle: A\norder: 2\n---\n# B\n[[conv1/3]] and $a_1$\n\n| a |\n|---|\n| 1 |\n",
    "record": _record(),
    "atlas.json": b'{"schema":1,"name":"a"}\n',
    "safetensors": save({"a": torch.zeros(2)}),
    "weights": _weights(),
    "checkpoints": b"epoch-2.pt\nepoch-10.pt\n",
    "style": b"body { background: url(a.png) }\n",
    "page": b'<main><a href="a#b">x</a><img srcset="a 1x, b 2x"></main>',
}


def refuses(name: str, content: bytes) -> AtlasError | None:
    """Why a parser refuses bytes; None if it doesn't."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            PARSERS[name](content, Path(folder))
        except AtlasError as error:
            return error
    return None
