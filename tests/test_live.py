"""The network in the page: in Chromium, against torch, from a file and over http."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.models.resnet import BasicBlock, ResNet

from atlas.images.preprocessing import Preprocessing
from atlas.live.golden import golden_picture
from atlas.live.program import program_of
from atlas.networks.network import Network, load_network, wrap
from atlas.reconstruction.deconvnet import reconstruct
from atlas.site.own_files import TEMPLATES
from tests.support.browsers import NEEDED
from tests.support.drawing import Point, face_drawn

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = NEEDED
KERNEL = TEMPLATES / "live-kernel.wasm"

RUN = """([program, numbers, kernel, input, places]) => {
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const floats = (text) => new Float32Array(bytes(text).buffer);
    const all = floats(numbers);
    let at = 0;
    const tensors = program.sizes.map((size) => {
        const count = size.reduce((a, b) => a * b, 1);
        return all.subarray(at, at += count);
    });
    const engine = liveEngine(kernel && bytes(kernel));
    const network = engine.network(program, tensors);
    const values = network.forward(floats(input));
    const text = (array) => {
        const raw = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        let said = "";
        for (let i = 0; i < raw.length; i++) said += String.fromCharCode(raw[i]);
        return btoa(said);
    };
    return {
        fast: engine.fast,
        maps: program.layers.map((layer) => text(values[layer.value])),
        back: program.layers.map(
            (layer, i) => text(network.reconstruct(layer.value, ...places[i]))),
    };
}"""


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, np.float32).tobytes()).decode()


def _array(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32)


@pytest.fixture(scope="module")
def blank(browser: Any) -> Iterator[Any]:
    """A page with the scripts that compute, and nothing else."""
    page = browser.new_page()
    for name in ("live-engine.js", "live-pictures.js"):
        page.add_script_tag(path=TEMPLATES / name)
    yield page
    page.close()


@pytest.mark.parametrize("name", ["demo", "resnet", "mobilenet"])
def test_the_page_computes_what_torch_computes(blank: Any, name: str) -> None:
    """By the compiled kernel, and without one."""
    network = load_network("demo") if name == "demo" else thin(name)
    layers = network.choose()
    program, tensors = program_of(network, layers)
    stimulus = _stimulus(network)
    maps = {
        layer.id: found[0].numpy()
        for layer, found in network.activations(network.inputs(stimulus[None]), layers)
    }
    places = [_strongest(maps[layer.id]) for layer in layers]
    expected = [
        reconstruct(network, stimulus, layer.id, place[0], place[1:]).numpy()
        for layer, place in zip(layers, places, strict=True)
    ]
    for kernel in (base64.b64encode(KERNEL.read_bytes()).decode(), None):
        found = blank.evaluate(RUN, [
            msgspec.to_builtins(program),
            _text(np.concatenate([tensor.ravel() for tensor in tensors])),
            kernel,
            _text(network.inputs(stimulus[None])[0].contiguous().numpy()),
            places,
        ])  # fmt: skip
        assert found["fast"] == (kernel is not None)
        for layer, values, back, wanted in zip(
            layers, found["maps"], found["back"], expected, strict=True
        ):
            known = maps[layer.id]
            assert np.abs(_array(values).reshape(known.shape) - known).max() <= 1e-5 * known.max()
            got = _array(back).reshape(wanted.shape)
            assert np.abs(got - wanted).max() <= 1e-4 * np.abs(wanted).max(), layer.id


class _Thin(ResNet):
    """Residual blocks of an eighth of the usual channels."""

    def _make_layer(self, block: Any, planes: int, *more: Any, **named: Any) -> Any:
        return super()._make_layer(block, planes // 8, *more, **named)


def thin(name: str) -> Network:
    """A network of few numbers, for they go to the browser as a text."""
    torch.manual_seed(0)
    if name == "resnet":
        model: Any = _Thin(BasicBlock, [1, 1, 1, 1])
        model.fc = torch.nn.Linear(64, 10)
    else:  # blocks with and without a gate, a residual sum, and each function
        blocks = [
            InvertedResidualConfig(*block, dilation=1, width_mult=1)
            for block in (
                (8, 3, 8, 8, True, "RE", 2),
                (8, 3, 24, 12, False, "RE", 2),
                (12, 5, 32, 16, True, "HS", 2),
                (16, 5, 32, 16, True, "HS", 1),
            )
        ]
        model = MobileNetV3(blocks, last_channel=32, num_classes=10)
    return wrap(model.eval(), Preprocessing(None, (48, 48), (0.5,) * 3, (0.25,) * 3))


def _stimulus(network: Network) -> np.ndarray:
    channels, height, width = network.preprocessing.input_shape
    generator = np.random.default_rng(3)
    coarse = generator.integers(0, 256, (height // 8, width // 8, channels), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def _strongest(maps: np.ndarray) -> tuple[int, int, int]:
    unit, row, column = np.unravel_index(int(maps.argmax()), maps.shape)
    return int(unit), int(row), int(column)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    ("interpolation", "resize", "crop", "size"),
    [
        ("bilinear", 40, (32, 32), (83, 61)),
        ("bicubic", 40, (33, 32), (61, 83)),
        ("lanczos", 24, (24, 23), (90, 91)),
        ("bilinear", 50, (64, 48), (20, 31)),  # enlarged, and less than is cut out
        ("nearest", 21, (16, 16), (50, 33)),
        ("bilinear", None, (16, 16), (33, 50)),
    ],
)
def test_pictures_are_resized_as_the_network_s_are(
    blank: Any,
    interpolation: str,
    resize: int | None,
    crop: tuple[int, int],
    size: tuple[int, int],
    mode: str,
) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (*size, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    channels = {"RGB": 3, "L": 1}[mode]
    how = Preprocessing(resize, crop, (0.5,) * channels, (0.5,) * channels, interpolation, mode)
    found = blank.evaluate(
        "([rgba, height, width, how]) =>"
        "Array.from(livePictures.stimulus(Uint8Array.from(rgba), height, width, how))",
        [pixels.ravel().tolist(), *size, how.as_dict()],
    )
    expected = how.stimulus(Image.fromarray(pixels).convert("RGB")).astype(int)
    assert np.abs(np.array(found).reshape(expected.shape) - expected).max() <= 1


def test_the_golden_input_is_the_same_on_both_sides(blank: Any) -> None:
    found = blank.evaluate("Array.from(livePictures.golden(37, 53, 3))")
    np.testing.assert_array_equal(np.array(found).reshape(37, 53, 3), golden_picture(37, 53, 3))


def test_the_kernel_is_what_its_source_says() -> None:
    wasmtime = pytest.importorskip("wasmtime", reason="wasmtime is not installed")
    source = (TEMPLATES / "live-kernel.wat").read_text()
    assert bytes(wasmtime.wat2wasm(source)) == KERNEL.read_bytes()


class Mouse:
    """A page in Chromium with a mouse."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def value(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def drag(self, points: Sequence[Point]) -> None:
        for place, point in enumerate(points):
            self.page.mouse.move(*point)
            if not place:
                self.page.mouse.down()
        self.page.mouse.up()


class Finger(Mouse):
    """The same with a finger, as on a phone."""

    def drag(self, points: Sequence[Point]) -> None:
        touch = self.page.context.new_cdp_session(self.page)
        kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
        for kind, (x, y) in zip(kinds, points, strict=True):
            touch.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            )
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        touch.detach()


def _ready(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#live[data-ready]", timeout=120_000)
    assert page.get_attribute("#live", "data-ready") == "yes", page.inner_text("#live-said")
    assert float(page.get_attribute("#live", "data-difference")) < 2e-3
    page.wait_for_selector("#live[data-busy=no]")


@pytest.mark.parametrize("hand", [Mouse, Finger])
def test_a_drawn_face_excites_the_unit_for_faces_until_its_eyes_are_gone(
    browser: Any, root: Path, address: str, hand: type[Mouse]
) -> None:
    """By mouse from a file; by finger on a phone's screen over http, below a path."""
    phone = hand is Finger
    base = address if phone else root.as_uri()
    size = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 1000}
    page = browser.new_page(viewport=size, has_touch=phone, is_mobile=phone)
    asked: list[str] = []
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    _ready(page, f"{base}/small/live.html#conv5/54")
    page.on("request", lambda request: asked.append(request.url))
    bare, seeing, blind = face_drawn(hand(page))
    assert seeing > 0.95 and bare < 0.9 and blind < seeing - 0.1
    assert "conv5/54" in page.inner_text("#live-title")
    # pictures of units that stand out, of the site itself, and nothing else
    assert all(url.startswith(f"{base}/small/") and url.endswith(".webp") for url in asked)
    assert not wrong
    page.close()


def test_the_page_begins_with_a_unit_and_says_what_it_cannot_do(
    browser: Any, site: Path, tmp_path: Path
) -> None:
    page = browser.new_page()
    _ready(page, (site / "small" / "live.html").as_uri())
    title = page.locator("#live-title", has_text=re.compile(r"^conv5/\d+"))
    title.wait_for()
    best = page.locator("#live-layers h3", has_text="conv5").locator("+ div button").first
    assert title.inner_text().startswith(best.locator("b").inner_text())
    assert best.get_attribute("aria-pressed") == "true" and "#" not in page.url
    odd = tmp_path / "odd.png"
    odd.write_text("no picture")
    page.set_input_files("#live-file", odd)
    page.get_by_text("odd.png can't be read as a picture.").wait_for()
    page.click("[data-source=camera]")
    page.locator("#live-said", has_text=re.compile("[Cc]amera")).wait_for()
    picture = tmp_path / "picture.png"
    Image.new("RGB", (300, 200), (200, 30, 30)).save(picture)
    page.set_input_files("#live-file", picture)
    page.wait_for_selector("#live[data-busy=no]")
    assert page.locator("#live-layers button:visible").count() > 10
    page.close()


def test_numbers_that_are_not_the_network_s_stop_the_page(
    browser: Any, site: Path, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    shutil.copytree(site, out)
    script = out / "small" / "live" / "weights-0.js"
    text = script.read_text()
    at = len(text) // 2
    script.write_text(text[:at] + "A" * 4_000 + text[at + 4_000 :])
    page = browser.new_page()
    page.goto((out / "small" / "live.html").as_uri())
    page.wait_for_selector("#live[data-ready=no]", timeout=120_000)
    assert "can't run here" in page.inner_text("#live-said")
    assert page.locator("#live-layers button").count() == 0
    page.close()


def test_without_a_script_the_page_says_so(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "small" / "live.html").as_uri())
    assert "This page needs JavaScript; nothing is sent anywhere." in page.inner_text("main")
    assert not page.locator("#live-board").is_visible()
    context.close()
