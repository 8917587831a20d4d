"""Builds for a GPU, rehearsed on a pretend device: they end in what the CPU makes, to the byte.

The CPU's build takes no compiled loops here, which multiply in another order than torch's kernels;
that these make the same pages is compared elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import atlas
from atlas.compute.engine import compute
from atlas.compute.run import Run
from atlas.compute.stages import STAGES
from atlas.data.settings import Settings
from atlas.images.sources import DemoImages
from atlas.networks.network import Network
from atlas.reconstruction import sparse
from atlas.scanning import forward
from tests.support.pretend import NAME, at_random, pretend_device
from tests.support.smaller import single_blocks, smaller_models

COMPUTED = (
    "scan", "layers", "nine", "connections", "contributions", "together", "concepts", "close_ups",
    "reconstructions", "examples",
)  # fmt: skip
IMAGES = DemoImages(20)
FEW = ("scan", "layers", "nine", "close_ups", "reconstructions")
# a network of each kind, the side of its input, and layers of it
NETWORKS = {
    "demo": (None, ("conv1", "conv3", "scores")),
    "resnet18": (64, ("layer2.0.conv2", "layer3.0")),
    "timm:legacy_seresnet18": (48, ("layer2.0", "layer2.0.se_module.fc1")),
}
Files = dict[str, bytes]


def files_of(
    name: str,
    folder: Path,
    device: str = "cpu",
    *,
    stages: tuple[str, ...] = COMPUTED,
    layers: tuple[str, ...] = (),
    said: list[str] | None = None,
) -> Files:
    """What a build of a network writes; what it says goes to ``said``."""
    side, usual = NETWORKS[name]
    settings = Settings(
        model=name,
        layers=layers or usual,
        limit=len(IMAGES),
        units=1,
        workers=0,
        batch_size=16,
    )
    parts = folder / "atlas", folder / "scratch"
    for part in parts:
        part.mkdir(parents=True)
    network = loaded(name, side, device)
    run = Run.begin(network, IMAGES, settings, folder=parts[0], scratch=parts[1])
    chosen = [stage for stage in STAGES if stage.name in stages]
    compute(run, chosen, report=(said if said is not None else []).append)
    written = sorted(path for path in parts[0].rglob("*") if path.is_file())
    return {path.relative_to(parts[0]).as_posix(): path.read_bytes() for path in written}


def loaded(name: str, side: int | None, device: str) -> Network:
    few = single_blocks(layers=(1, 1, 1, 1)) if name.startswith("timm:") else smaller_models()
    with few:
        return atlas.load_network(
            name,
            None if name == "demo" else "none",
            device=device,
            preprocessing={"crop": (side, side)} if side else None,
        )


@contextmanager
def no_loops() -> Iterator[None]:
    """The CPU does what any device does."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (forward, sparse):
            patch.setattr(module, "supports_loops", lambda device, dtype: False)
        yield


def same(found: Files, expected: Files) -> bool:
    assert found.keys() == expected.keys() and len(found) > 7
    assert [name for name in found if found[name] != expected[name]] == []
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_build_for_a_gpu_makes_the_same_bytes(name: str, tmp_path: Path) -> None:
    if name.startswith("timm:"):
        pytest.importorskip("timm")
    with no_loops():
        expected = files_of(name, tmp_path / "cpu")
    with pretend_device() as counts:
        found = files_of(name, tmp_path / "device", NAME)
    assert same(found, expected)
    assert counts.launches > 1000 and counts.up > len(IMAGES) * 48 * 48 * 3


@pytest.mark.slow
def test_memory_that_runs_out_changes_nothing(tmp_path: Path) -> None:
    few = {"stages": FEW, "layers": ("conv2",)}
    with no_loops():
        expected = files_of("demo", tmp_path / "cpu", **few)
    said: list[str] = []
    with pretend_device(at_random(6, within=2000, seed=3)) as counts:
        found = files_of("demo", tmp_path / "now and then", NAME, said=said, **few)
    assert same(found, expected)
    assert counts.out_of_memory == 6
    said.clear()
    with pretend_device(most=6_000_000) as counts:  # of conv1 eight images fit
        found = files_of("demo", tmp_path / "too large", NAME, said=said, **few)
    assert same(found, expected)
    assert "again with 8 images at once" in " ".join(said)
    assert 0 < counts.out_of_memory < 20
