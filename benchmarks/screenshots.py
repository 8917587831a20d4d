"""Pictures of every kind of page of a finished atlas, to be looked at: one file a page and screen.

    python benchmarks/screenshots.py SITE/demo OUT
    python benchmarks/screenshots.py SITE/demo OUT --only unit --widths 390 --scheme dark

Wants playwright and Debian's chromium. Pages are opened from ``file://``, as a reader of a finished
site opens them. A picture has what a first screen shows and two screens more; ``--whole`` takes
all of a page.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HEIGHTS = {390: 844, 1440: 900, 2560: 1440}  # by width, of the screen in CSS pixels
SCREENS = 3  # of a page, at most, one below the other


def pages(atlas: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """One page of each kind: its address from the site's folder, and the keys to press there."""
    site = atlas.parent
    layers = [path.parent for path in sorted(atlas.glob("*/layer.json"))]
    units = {
        layer.name: sorted(layer.glob("[0-9]*.html"), key=lambda page: int(page.stem))
        for layer in layers
    }
    shallow, deep = (own[len(own) // 3] for own in (units[layers[0].name], units[layers[-2].name]))
    dead = [page for own in units.values() for page in own if 'p class="never"' in page.read_text()]
    found = {
        "home": [site / "index.html"],
        "atlas": [atlas / "index.html"],
        "layer": [layers[-2] / "index.html"],
        "filters": [layers[0] / "index.html"],
        "scores": [layers[-1] / "index.html"],
        "shallow": [shallow],
        "deep": [deep],
        "dead": dead,
        "image": sorted(atlas.glob("images/*/*.html")),
        "note": sorted(site.glob("notes/*.html")),
        "class": sorted(atlas.glob("classes/[!i]*.html")),
        "classes": [atlas / "classes" / "index.html"],
        "concept": sorted(atlas.glob("concepts/[!i]*.html")),
        "concepts": [atlas / "concepts" / "index.html"],
        "quiz": sorted(atlas.glob("*/quiz.html"), reverse=True),
        "embed": [deep.parent / "embed" / deep.name],
        "comparison": sorted(site.glob("compare/*/index.html")),
        "reading": [site / "how-to-read.html"],
        "gone": [site / "404.html"],
        "unit map": sorted(atlas.glob("experiments/maps/*.html")),
    }
    for page in sorted(atlas.glob("experiments/*.html")):
        found["experiments" if page.stem == "index" else page.stem] = [page]
    shown = {
        kind: (str(some[0].relative_to(site)), ())
        for kind, some in found.items()
        if some and some[0].is_file()
    }
    unit = shown["deep"][0]
    keys: dict[str, tuple[str, ...]] = {
        "lit": ("2",), "marks": ("3",), "control": ("4",), "presentation": ("p",),
        "shortcuts": ("?",), "search": ("/", "c", "a", "t"),
    }  # fmt: skip
    shown |= {kind: (unit, pressed) for kind, pressed in keys.items()}
    return shown | {"wall": (f"{unit}#wall-1", ()), "dark wall": (f"{unit}#wall-2", ("4",))}


def main() -> int:
    """Take the pictures that the command line asks for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("atlas", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", metavar="KIND")
    parser.add_argument("--widths", nargs="*", type=int, default=[*HEIGHTS])
    parser.add_argument("--scheme", nargs="*", default=["light", "dark"])
    parser.add_argument("--whole", action="store_true")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    shown = pages(asked.atlas.resolve())
    chosen = {kind: shown[kind] for kind in asked.only or shown}
    with sync_playwright() as tool:
        browser = tool.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for width in asked.widths:
            for scheme in asked.scheme:
                _take(browser, asked, chosen, width, scheme)
    return 0


def _take(
    browser: Browser,
    asked: argparse.Namespace,
    chosen: dict[str, tuple[str, tuple[str, ...]]],
    width: int,
    scheme: str,
) -> None:
    """The pictures of one width and one scheme of colours."""
    height = HEIGHTS.get(width, 900)
    site = asked.atlas.resolve().parent.as_uri()
    for kind, (address, keys) in chosen.items():
        # a context each, as a view that is chosen on one page would hold for the next
        with browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            has_touch=width < 600,
        ) as context:
            page = context.new_page()
            page.goto(f"{site}/{address}")
            for key in keys:
                page.keyboard.press(key)
            page.wait_for_timeout(300)
            _settle(page)
            whole = page.evaluate("document.documentElement.scrollHeight")
            held = not page.evaluate("!document.querySelector('dialog[open]')")
            shot = height if held else whole if asked.whole else min(whole, SCREENS * height)
            page.screenshot(
                path=asked.out / f"{kind}-{width}-{scheme}.png",
                full_page=not held,
                **({} if held else {"clip": {"x": 0, "y": 0, "width": width, "height": shot}}),
            )


def _settle(page: Page) -> None:
    """Scroll to the end and back, so that what is loaded late is there."""
    page.evaluate(
        """async () => {
            const end = Math.min(document.documentElement.scrollHeight, 6 * innerHeight);
            for (let y = 0; y < end; y += innerHeight) {
                scrollTo(0, y);
                await new Promise(done => setTimeout(done, 60));
            }
            scrollTo(0, 0);
            await new Promise(done => setTimeout(done, 100));
        }"""
    )


if __name__ == "__main__":
    sys.exit(main())
