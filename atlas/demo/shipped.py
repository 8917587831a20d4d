"""What is known of the demo network's weights, as its training wrote it down. No torch."""

from __future__ import annotations

import json
from pathlib import Path

TOLD = "trained on the demo world, shipped with CNN Atlas"  # what an atlas says of the weights
RECORD = Path(__file__).with_name("weights.json")
TESTED = 2_400  # pictures with fresh seeds that the accuracy was taken on


def accuracy() -> float:
    """The share of pictures that the network names rightly, of ``TESTED`` that it never saw."""
    record = json.loads(RECORD.read_text("utf-8"))
    return float(record[f"accuracy on {TESTED} pictures of the test seed"])
