"""A figure of each layer's representative units, for print and slides. No page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.compute.layer_figures import write_figure
from atlas.compute.stage import Stage
from atlas.data import addresses, estimates
from atlas.data.documents import SUMMARY, read_layer

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Draw each layer's figure, as PNG and as SVG, where figures are kept."""
    if not run.leads or not run.settings.keeps("figures"):
        return
    for summary in run.read(SUMMARY).layers:
        known = read_layer(run.folder, summary.layer)
        for form in ("png", "svg") if summary.representative else ():
            path = run.folder / addresses.figure_file(summary.layer, form)
            write_figure(path, run.folder, known, summary.representative)


STAGE = Stage(
    "figures",
    run,
    (),
    needs=("layers", "nine", "reconstructions", "summary"),
    extras=("figures",),
    files=("*/figure.png", "*/figure.svg"),
    estimate=estimates.figures,
)
