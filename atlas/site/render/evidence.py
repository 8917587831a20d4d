"""What came of trying reconstructions, as tables: of a unit beside its layer, of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from atlas.data.records import Unit
from atlas.site import phrases

# measure, whether it is a share, and what it says, in a table's row and at the head of a column
ROWS = (
    ("ssim", False, "Like the control twin's picture (SSIM)", "like the twin's picture"),
    ("rank", False, "Its mass lies where the twin's lies (rank correlation)", "mass as the twin's"),
    ("kept", True, "Activation left when only the marked fifth stays sharp", "kept by its marks"),
    ("kept_elsewhere", True, "the same, with such marks elsewhere", "elsewhere"),
    ("lost", True, "Activation lost when the marked fifth is blurred", "lost with its marks"),
    ("lost_elsewhere", True, "the same, with such marks elsewhere", "elsewhere"),
    ("own", True, "Of the picture, what the layer's other units don't show", "its own"),
)


def of_unit(unit: Unit, summary: dict[str, Any]) -> list[tuple[str, str, str]] | None:
    """Rows of a measure's name, a unit's figure and its layer's; None if nothing was tried."""
    if not unit.evidence:
        return None
    means = summary["evidence"] or {}
    return [
        (text, figure(unit.evidence.mean(name), share), figure(means.get(name), share))
        for name, share, text, _ in ROWS
    ]


def of_layer(summary: dict[str, Any]) -> list[tuple[str, str]] | None:
    """Rows of a measure's name and its mean over a layer; None if nothing was tried."""
    if not summary["evidence"]:
        return None
    return [(text, figure(summary["evidence"].get(name), share)) for name, share, text, _ in ROWS]


def of_atlas(summary: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """A table with a row for each layer; None if nothing was tried."""
    rows = [
        (
            one["layer"],
            [figure(one["evidence"].get(name), share) for name, share, _, _ in ROWS],
        )
        for one in summary
        if one["evidence"]
    ]
    return {"head": [head for *_, head in ROWS], "rows": rows} if rows else None


def figure(value: float | None, is_share: bool) -> str:
    """A measure's value, or a dash where there is none."""
    if value is None:
        return "–"
    return f"{100 * value:.0f} %" if is_share else phrases.signed(value)


def of_winner(unit: Unit, rank: int) -> str:
    """What came of trying one of the nine, in a few words."""
    tried = unit.evidence
    if not tried:
        return ""
    kept, lost, ssim = (getattr(tried, name)[rank] for name in ("kept", "lost", "ssim"))
    text = f"Keeps {figure(kept, True)}; without it, {figure(lost, True)} are lost"
    return f"{text}. Like the twin's: {figure(ssim, False)}" if ssim is not None else text
