"""What all experiments have in common: where they write, and that there may be no result."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

FOLDER = "experiments"

T = TypeVar("T")


class Outcome(Struct, Generic[T], frozen=True):
    """What an experiment came to: its ``result``, or the ``reason`` why there is none."""

    result: T | None
    reason: str = ""


def document_name(experiment: str) -> str:
    """The name of an experiment's document: it lies in the folder of all experiments."""
    return f"{FOLDER}/{experiment}"


def picture_file(experiment: str, file: str) -> str:
    """The address, in the atlas's folder, of a picture that an experiment draws."""
    return f"{FOLDER}/{experiment}/{file}"


class Subject(Struct, frozen=True):
    """An image that an experiment looks at: its index, its name, and its class if it has one.

    ``truth`` is the place of that class among the network's scores, None where it isn't known.
    """

    image: int
    name: str
    label: str | None
    truth: int | None
