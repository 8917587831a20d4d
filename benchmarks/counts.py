"""What a build asks of a GPU: launches, waits and bytes copied, counted on a pretend device.

``python benchmarks/counts.py`` prints them per image of the scan (of the batch size that is given)
and per reconstruction of the second pass, for each model. A wait is where the program goes on only
when the device has done all that it was asked for. They are counted, not timed, and no GPU is
needed: an operation of torch counts as one launch, whatever number of kernels a GPU runs for it.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import atlas
from atlas.compute.second_pass import revisit
from atlas.evidence.control import control_twin
from atlas.images.sources import DemoImages
from atlas.networks.batching import Running
from atlas.scanning.scan import first_pass
from tests.support.pretend import NAME, Counts, pretend_device


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("models", nargs="*", default=["demo", "alexnet", "resnet50"])
    parser.add_argument("--batch", type=int, default=8, help="images at once")
    parser.add_argument("--batches", type=int, default=16, help="batches to scan")
    parser.add_argument("--units", type=int, default=2, help="units to reconstruct of each layer")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in options.models:
        images = DemoImages(options.batch * options.batches)
        running = Running(options.batch)
        with pretend_device() as counts:
            network = atlas.load_network(name, None if name == "demo" else "none", device=NAME)
            layers = [layer.id for layer in network.choose() if layer.kind != "linear"]
            print(f"{name}, {sum(network.layer(one).units for one in layers):,} units", flush=True)
            before = counts.copy()
            found = first_pass(network, images, layers=layers, running=running)
            scanned = counts.since(before)
            few = {
                one: record.only(list(range(options.units))).bare()
                for one, record in found.records.items()
            }
            said("scan, an image", scanned, len(images))
            said("scan, a batch", scanned, options.batches)
            for what, control in (("", None), (" with evidence", control_twin(network.graph))):
                before, made = counts.copy(), 0
                for visit in revisit(network, images, few, running=running, control=control):
                    made += sum(len(some.units) for some in visit.found)
                said(f"a reconstruction{what}", counts.since(before), made)
    return 0


def said(what: str, counts: Counts, among: int) -> None:
    """Print counts for each of so many."""
    kilobytes = f"{counts.up / among / 1e3:9.1f} kB up {counts.down / among / 1e3:9.1f} kB down"
    each = f"{counts.launches / among:9.1f} launches {counts.waits / among:7.3f} waits"
    print(f"  {what:32}{each} {kilobytes}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
