"""A browser for tests of pages and scripts: Debian's Chromium, where it is installed."""

from __future__ import annotations

import functools
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome")
     if (found := shutil.which(name))), None,
)  # fmt: skip


@contextmanager
def served(folder: Path, late: float = 0) -> Iterator[str]:
    """A folder over http; its pictures come so many seconds late."""

    class Quiet(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith(".webp"):
                time.sleep(late)
            with suppress(ConnectionError):  # of a page that is left before all of it has come
                super().do_GET()

        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
