"""``build.py serve``: build what is missing, show the site in a browser, and keep it up to date."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import threading
import time
import traceback
import warnings
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import atlas
from atlas.commands.build import asked_atlases, build, config_file, read_config_file
from atlas.commands.contents import contents_of, notes_folder
from atlas.commands.parser import Command, Parser, add_options, given
from atlas.commands.watching import Watch
from atlas.data.escaping import escaped
from atlas.data.file_digests import digest_of_sources
from atlas.data.settings import OPTIONS, Settings
from atlas.errors import AtlasError, UsageError, first_line

PORT = 8000


def add(parser: Parser) -> None:
    """Add all options of the build, and those of the server."""
    parser.add_argument(
        "--port",
        type=_port,
        default=PORT,
        metavar="N",
        help=f"of the server (default: {PORT}; 0 for any that is free)",
    )
    parser.add_argument("--open", action="store_true", help="open the site in a browser")
    add_options(parser, [one.name for one in OPTIONS])


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def run(asked: argparse.Namespace) -> int:
    """Build, serve, and render again whenever something changes, until somebody stops it."""
    from atlas.commands.serving import LOOPBACK, Live, server

    said = given(asked)
    live = Live(Settings(**said).out)
    warnings.filterwarnings("ignore", category=UserWarning, module="torch")
    with server(live, asked.port) as serving:
        upkeep = Upkeep(said)
        _renew(upkeep, live, first=True)
        answering = threading.Thread(target=serving.serve_forever, daemon=True)
        answering.start()
        address = f"http://{LOOPBACK}:{serving.server_port}/"
        print(f"serving {address} (Ctrl-C ends it)", flush=True)
        if asked.open:
            webbrowser.open(address)
        try:
            while True:
                files = upkeep.watch.wait()
                started = time.perf_counter()
                if _renew(upkeep, live):
                    names = ", ".join(path.name for path in files[:3])
                    seconds = time.perf_counter() - started
                    print(escaped(f"{names}: rendered again in {seconds:.1f} s"), flush=True)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
        finally:
            serving.shutdown()
            answering.join()  # a thread that Python ends under may take the process with it
    return 0


@dataclass
class Upkeep:
    """Brings a site up to date with what options, the configuration and the files it names say.

    ``watch`` looks at the files and folders that decide its pages; ``built`` are the settings that
    its atlases were built with, by name; ``program`` is a digest of the source that runs.
    """

    said: dict[str, Any]
    watch: Watch = field(default_factory=Watch)
    built: dict[str, Settings] = field(default_factory=dict)
    program: str = field(default_factory=lambda: _program())

    def renew(self) -> None:
        """Compute what is missing, and render what has changed.

        Raises ``AtlasError`` for what is wrong; the site is then as it was.
        """
        from atlas.commands.rendering import render_again
        from atlas.site.staging import building

        self.watch.look_at(watched(self.said))
        if self.program != _program():  # pages would be kept as those of a source that never ran
            raise AtlasError("the program itself has changed: end this command and start it again")
        config = read_config_file(self.said.get("config"))
        contents = contents_of(Settings(**self.said), config)
        there = []
        for settings in asked_atlases(self.said, config):
            name = settings.atlas_name
            lasting = replace(settings, fresh=False)
            if self.built.get(name) == lasting and not building(settings.out, name).exists():
                there.append(settings)
            else:
                self.built.pop(name, None)
                build(settings, contents)
                self.built[name] = lasting
        self.said.pop("fresh", None)  # once is enough
        render_again(there, contents)


def _program() -> str:
    """A digest of the program's source as it lies on the disk."""
    return digest_of_sources(Path(atlas.__file__).parent)


def watched(said: Mapping[str, Any]) -> tuple[Path, ...]:
    """The files and folders that decide a site's pages, whether they are there or not.

    Of a configuration that can't be read only its own file is known.
    """
    from atlas.site.own_files import TEMPLATES

    file = config_file(said.get("config"))
    paths = [file, TEMPLATES]
    try:
        config = read_config_file(said.get("config"))
    except UsageError:
        return tuple(paths)
    notes = notes_folder(Settings(**said), config)
    return (*paths, *config.paths(), *([notes] if notes else []))


def _renew(upkeep: Upkeep, live: Any, *, first: bool = False) -> bool:
    """Bring the site up to date, or say what is wrong: in the terminal, and on every page.

    Raises ``UsageError`` where the command itself is wrong, which no change of a file can mend.
    """
    try:
        upkeep.renew()
    except (AtlasError, OSError, MemoryError, RuntimeError, sqlite3.Error) as error:
        if first and isinstance(error, UsageError):
            raise
        if upkeep.said.get("debug"):
            traceback.print_exc()
        live.error = escaped(str(error) if isinstance(error, AtlasError) else first_line(error))
        live.version = live.version or str(time.time_ns())
        print(f"build.py: {live.error}", file=sys.stderr, flush=True)
        return False
    live.renewed()
    return True


COMMAND = Command(
    name="serve",
    description="""\
Build what is missing, serve the site on this machine alone, and render it again whenever a note,
atlas.toml, a template or the style changes: pages that are open in a browser load again. What is
wrong with a file is shown there and in the terminal. Takes all options of the build.""",
    examples="""\
  python build.py serve --open
      the demo's site in a browser, kept up to date while you write""",
    add=add,
    run=run,
)
