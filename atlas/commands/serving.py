"""A server of the site on this machine's own address, for the author alone.

Pages go out with one script more than they have on the disk: it asks ``/.reload`` for the version
of the site, loads the page again when that changes, and shows what went wrong.
"""

from __future__ import annotations

import html
import json
import mimetypes
import re
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

from atlas.errors import UsageError

LOOPBACK = "127.0.0.1"
_OWN_NAMES = (LOOPBACK, "localhost")
_STATE, _SCRIPT = "/.reload", "/.reload.js"
_SCRIPT_FILE = Path(__file__).with_name("reload.js")
_POLICY = re.compile(r'(http-equiv="Content-Security-Policy" content=")([^"]*)')
_NEEDED = ("script-src", "connect-src")  # of a page's policy, for the script and what it asks

mimetypes.add_type("image/webp", ".webp")  # tables of older systems lack it
mimetypes.add_type("text/javascript", ".js")


@dataclass
class Live:
    """What is served: the site's folder, its version, and what went wrong since, "" for nothing."""

    out: Path
    version: str = ""
    error: str = ""

    def renewed(self) -> None:
        """The site has changed, or is mended: a new version, and no error."""
        self.version, self.error = str(time.time_ns()), ""


@dataclass(frozen=True)
class Answer:
    """What the server answers: a status, a type, and a content."""

    status: HTTPStatus
    kind: str
    content: bytes
    location: str = field(default="")


def answer(live: Live, target: str) -> Answer:
    """The answer to a request for a path, which nothing outside of the site's folder can be."""
    path = unquote(target.partition("?")[0], errors="replace")
    if path == _STATE:
        state = json.dumps({"version": live.version, "error": live.error})
        return Answer(HTTPStatus.OK, "application/json", state.encode())
    if path == _SCRIPT:
        return Answer(HTTPStatus.OK, "text/javascript", _SCRIPT_FILE.read_bytes())
    file = _file(live.out, path)
    if file is not None and file.is_dir():
        if not path.endswith("/"):
            return Answer(HTTPStatus.MOVED_PERMANENTLY, "text/html", b"", _folder(path))
        file /= "index.html"
    status = HTTPStatus.OK
    if file is None or not file.is_file():
        status, file = HTTPStatus.NOT_FOUND, live.out / "404.html"
    try:
        content = file.read_bytes()
    except OSError:  # gone while it is replaced, or nothing was built yet
        return Answer(HTTPStatus.NOT_FOUND, "text/html; charset=utf-8", _empty(live))
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if kind == "text/html":
        content = with_script(content.decode(errors="replace"), live.version).encode()
    return Answer(status, f"{kind}; charset=utf-8" if _is_text(kind) else kind, content)


def _file(out: Path, path: str) -> Path | None:
    """The file or folder at a path; None where it may not be served."""
    parts = [part for part in path.split("/") if part]
    if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None  # hidden folders hold what isn't published
    file = out.joinpath(*parts)
    return file if file.resolve().is_relative_to(out.resolve()) else None


def _folder(path: str) -> str:
    """The address of a folder on this host."""
    return quote(f"/{path.strip('/')}/".replace("//", "/"))


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind in ("application/json", "image/svg+xml")


def with_script(page: str, version: str) -> str:
    """A page with the script that reloads it, and a policy that lets this script ask for news."""
    tag = f'<script src="{_SCRIPT}" data-version="{html.escape(version)}" defer></script>\n'
    head, end, rest = page.partition("</head>")
    if not end:
        return page
    return _POLICY.sub(lambda found: found[1] + _policy(found[2]), head, count=1) + tag + end + rest


def _policy(policy: str) -> str:
    """A policy that also allows scripts of the page's own host, and to ask this host."""
    directives = [words.split() for words in policy.split(";") if words.strip()]
    for name in _NEEDED:
        found = next((words for words in directives if words[0] == name), None)
        if found is None:
            directives.append([name, "'self'"])
        elif "'self'" not in found:
            found[:] = [name, "'self'", *(word for word in found[1:] if word != "'none'")]
    return "; ".join(" ".join(words) for words in directives)


def _empty(live: Live) -> bytes:
    """A page for a site that has none yet."""
    error = html.escape(live.error or "Nothing is here yet.")
    page = f"<!doctype html><html lang=en><head><title>Site</title></head><pre>{error}</pre></html>"
    return with_script(page, live.version).encode()


def server(live: Live, port: int) -> ThreadingHTTPServer:
    """A server that listens on this machine's own address; port 0 is any that is free.

    Raises ``UsageError`` for a port that can't be had.
    """

    class Handler(BaseHTTPRequestHandler):
        server_version = "atlas"
        sys_version = ""

        def do_GET(self) -> None:
            self._send(with_content=True)

        def do_HEAD(self) -> None:
            self._send(with_content=False)

        def _send(self, *, with_content: bool) -> None:
            host = self.headers.get("Host", LOOPBACK).rpartition(":")[0] or self.headers.get("Host")
            if host not in (*_OWN_NAMES, None):  # a page of another site whose name leads here
                self.send_error(HTTPStatus.FORBIDDEN)
                return
            found = answer(live, self.path)
            self.send_response(found.status)
            self.send_header("Content-Type", found.kind)
            self.send_header("Content-Length", str(len(found.content)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            if found.location:
                self.send_header("Location", found.location)
            self.end_headers()
            if with_content:
                self.wfile.write(found.content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: what was rendered is what the terminal is for."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of browsers that hang up."""

    try:
        return Server((LOOPBACK, port), Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"--port {port}: {reason.lower()}; choose another one, or 0 for any that is free"
        ) from error
