"""The demo's files, for those who don't load them: it needs no torch."""

from __future__ import annotations

from pathlib import Path

WEIGHTS = Path(__file__).with_name("weights.safetensors")
BY_HEART_WEIGHTS = Path(__file__).with_name("by_heart.safetensors")  # learnt permuted labels
