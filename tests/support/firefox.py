"""Firefox as it is installed, driven by WebDriver BiDi: no other program stands between.

It listens on a WebSocket by itself (https://w3c.github.io/webdriver-bidi/).
"""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

KEYS = {
    "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015",
    "Enter": "\ue006", "Escape": "\ue00c",
}  # fmt: skip


class Firefox:
    """One page of a running Firefox; ``said`` is what its console had to say."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.said: list[str] = []
        self._asked = 0
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded"])
        (page, *_) = self.call("browsingContext.getTree")["contexts"]
        self.context = page["context"]
        self.page("activate")

    def call(self, method: str, **params: Any) -> Any:
        """What Firefox answers to a command. Raises ``RuntimeError`` if it can't follow it."""
        self._asked += 1
        self.socket.send(json.dumps({"id": self._asked, "method": method, "params": params}))
        while True:
            told = json.loads(self.socket.recv(timeout=60))
            if told.get("method") == "log.entryAdded":
                self.said.append(str(told["params"]["text"]))
            elif told.get("id") == self._asked:
                if told["type"] == "error":
                    raise RuntimeError(f"{method}: {told['message']}")
                return told["result"]

    def page(self, method: str, **params: Any) -> Any:
        """What it answers to a command for its page."""
        return self.call(f"browsingContext.{method}", context=self.context, **params)

    def open(self, url: str) -> None:
        """Go to a page, and wait until it has loaded."""
        self.page("navigate", url=url, wait="complete")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is on the page, as far as JSON can say it."""
        found = self.call(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self.context},
            awaitPromise=True,
        )
        if found["type"] != "success":
            raise RuntimeError(found["exceptionDetails"]["text"])
        text = found["result"].get("value")
        return None if text is None else json.loads(text)

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true. Raises ``TimeoutError`` if it doesn't."""
        end = time.monotonic() + 30
        while not self.value(f"!!({expression})"):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        actions = [
            {"type": way, "value": KEYS.get(key, key)}
            for key in keys
            for way in ("keyDown", "keyUp")
        ]
        self.call(
            "input.performActions",
            context=self.context,
            actions=[{"type": "key", "id": "keys", "actions": actions}],
        )

    def drag(self, points: Sequence[tuple[float, float]]) -> None:
        """Press the mouse at the first of these points of the window, let go at the last."""
        places = [{"type": "pointerMove", "x": round(x), "y": round(y)} for x, y in points]
        down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        actions = [places[0], down, *places[1:], up]
        mouse = {"type": "pointer", "id": "mouse", "actions": actions}
        self.call("input.performActions", context=self.context, actions=[mouse])

    def shot(self, selector: str) -> Image.Image:
        """A picture of the first element that a selector finds, which must be in view."""
        x, y, width, height = self.value(
            f"(b => [b.x, b.y, b.width, b.height])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        clip = {"type": "box", "x": x, "y": y, "width": width, "height": height}
        data = base64.b64decode(self.page("captureScreenshot", clip=clip)["data"])
        return Image.open(io.BytesIO(data)).convert("RGB")


@contextmanager
def firefox(program: str, profile: Path) -> Iterator[Firefox]:
    """Start a Firefox without a window, with an empty profile in this folder, and end it."""
    from websockets.sync.client import connect

    options = ["--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", profile]
    process = subprocess.Popen(
        [program, *map(str, options)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    try:
        listening = r"WebDriver BiDi listening on (ws://\S+)"
        found = next(told for line in process.stderr if (told := re.search(listening, line)))
        with connect(f"{found[1]}/session", max_size=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()
