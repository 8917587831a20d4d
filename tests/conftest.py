"""What tests share: a small atlas, built once by the command itself, and its site."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# read when torch is loaded
os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as build.py does
if "PYTEST_XDIST_WORKER" in os.environ:  # workers fill the cores: each has one thread
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

from tests.support import experimented as experimenting
from tests.support import sites
from tests.support.browsers import CHROMIUM, Watched, served
from tests.support.forked import Parent
from tests.support.once import Make, Shared, made_once, state
from tests.support.pictures import draw_once

HERE = Path(__file__).parent
BUILT_ONCE = {"site", "root"}  # fixtures that take a minute, or wait for who makes them

# how long an example takes says nothing where other workers share the cores
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a site that was built is slow for that alone, and comes later.

    So one worker builds the site that most read while the others have tests that need none, and
    no worker waits. Modules that cross wings hold the longest tests: first of each, so that none is
    the last. Tests of a module stay together.
    """
    waiting = set()
    for item in items:
        needed = getattr(item, "fixturenames", ())
        if "shared" in needed:
            item.add_marker(pytest.mark.slow)
        if not BUILT_ONCE.isdisjoint(needed):
            waiting.add(item.path)
    items.sort(key=lambda item: (item.path in waiting, item.path.parent != HERE))
    gc.freeze()  # what was imported stays, and needn't be looked through again and again


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> Iterator[None]:
    """Pictures of the demo world, drawn once by each worker: many tests look at the same."""
    with pytest.MonkeyPatch.context() as patch:
        draw_once(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def traced_once() -> Iterator[None]:
    """The graphs of models that are the same, traced once by each worker."""
    with pytest.MonkeyPatch.context() as patch:
        if "torch" in sys.modules:  # which tests that need no torch don't load
            from tests.support.traces import trace_once

            trace_once(patch)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Makes a folder once for all workers, by its name, and sees that no test changes it."""
    seen: dict[Path, dict[str, tuple[int, int]]] = {}

    def folder(name: str, make: Make) -> Path:
        found = made_once(tmp_path_factory, name, make)
        seen.setdefault(found, state(found))
        return found

    yield folder
    for found, before in seen.items():
        assert state(found) == before, f"a test changed {found}, which others read"


@pytest.fixture(scope="session")
def site(shared: Shared) -> Path:
    """The site of a small atlas of the demo: read it, and change copies of it."""
    return shared("site", sites.build)


@pytest.fixture(scope="session")
def few(shared: Shared) -> Path:
    """The same site with four units of each layer: for tests that write its pages again."""
    return shared("few", sites.build_few)


@pytest.fixture(scope="session")
def root(site: Path, shared: Shared) -> Path:
    """A site with every kind of page, in a folder below the server's root."""
    below = Path("sub", "path")
    return shared("served", lambda folder: sites.complete(site, folder / below)) / below


@pytest.fixture(scope="session")
def pictured(shared: Shared) -> Path:
    """A dozen small pictures and their masks, for an atlas with every experiment."""
    return shared("pictured", experimenting.inputs)


@pytest.fixture(scope="session")
def bare(shared: Shared, pictured: Path) -> Path:
    """The site of an atlas of them without any experiment."""
    return shared("bare", lambda folder: experimenting.bare(pictured, folder))


@pytest.fixture(scope="session")
def experimented(shared: Shared, pictured: Path, bare: Path) -> Path:
    """That site with every experiment, added one after another."""
    make = experimenting.one_after_another
    return shared("experimented", lambda folder: make(pictured, bare, folder))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, started once by each worker: tests have contexts of their own."""
    with pytest.importorskip("playwright.sync_api").sync_playwright() as tool:
        browser = tool.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    """The site over http, below a path."""
    with served(root.parent.parent) as base:
        yield f"{base}/sub/path"


@pytest.fixture(scope="module")
def plain(browser: Any, address: str) -> Iterator[Watched]:
    """A window without scripts, on the site of a module's ``address``."""
    with browser.new_context(java_script_enabled=False) as context:
        yield Watched(context, address)


@pytest.fixture(scope="session")
def forked() -> Iterator[Parent]:
    """Runs builds in processes of their own that needn't load torch."""
    parent = Parent()
    yield parent
    parent.end()


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Two threads for torch and for compiled loops, where a worker has one."""
    import torch  # here, for tests of what needs no torch start sooner without it

    usual = torch.get_num_threads()
    torch.set_num_threads(max(2, usual))
    yield
    torch.set_num_threads(usual)
