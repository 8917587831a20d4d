"""What an atlas can do without: the parts that a build leaves out where there is no room for them.

Everything else is always kept: a unit's page, its plate, and the data of all units.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Extra:
    """A part that can be left out: its name, what it is, and the parts that it is made with.

    ``other_way`` says how to have the same without it; "" where there is no other way.
    """

    name: str
    about: str
    needs: tuple[str, ...] = ()
    other_way: str = ""


# the best first: what stands last is left out first
EXTRAS = (
    Extra("images", "the whole images of the nine"),
    Extra("names", "what units follow, and whether they are one thing"),
    Extra("circuits", "circuits as pictures", other_way="pages have them in numbers"),
    Extra("trials", "pictures of the trials"),
    Extra("rules", "pictures by other rules"),
    Extra("strips", "patches of weaker images"),
    Extra("moments", "units during training as pictures"),
    Extra("small", "small plates beside links", other_way="the plates themselves stand there"),
    Extra("image-pages", "the images' pages", needs=("images",)),
    Extra("sharp", "plates at their best quality"),
    Extra("quizzes", "quizzes", needs=("names",)),
    Extra("cards", "cards for other people's pages"),
    Extra("unit-data", "a JSON file for each unit", other_way="each layer's nine.json has it"),
    Extra("figures", "layers' figures", other_way="build.py figure draws them"),
    Extra("jpeg", "plates as JPEG", other_way="build.py figure makes PNG and SVG"),
)
NAMES = tuple(one.name for one in EXTRAS)


def kept(*, without: Iterable[str], lean: bool = False, jpeg: bool = True) -> frozenset[str]:
    """The names of the extras that settings keep; what is made with one that isn't kept goes too.

    ``lean`` and ``jpeg`` are the settings of these names.
    """
    if lean:
        return frozenset()
    return _others(frozenset(without) | (frozenset() if jpeg else {"jpeg"}))


@functools.lru_cache(maxsize=64)  # pages ask many times
def _others(out: frozenset[str]) -> frozenset[str]:
    """The extras that are not ``out``, and need nothing that is."""
    return frozenset(one.name for one in EXTRAS if not out.intersection((one.name, *one.needs)))


def kept_by(settings: Mapping[str, Any]) -> frozenset[str]:
    """The same of settings as they stand in ``atlas.json``."""
    return kept(
        without=settings.get("without") or (),
        lean=bool(settings["lean"]),
        jpeg=bool(settings["jpeg"]),
    )


def within(
    budget: int, allowed: frozenset[str], size: Callable[[frozenset[str]], int]
) -> frozenset[str]:
    """Which of some extras fit into a budget of so many bytes: each, the best first, if it does.

    ``size`` is how many bytes an atlas takes with some extras.
    """
    chosen: frozenset[str] = frozenset()
    for one in EXTRAS:
        more = chosen | {one.name}
        if one.name in allowed and chosen.issuperset(one.needs) and size(more) <= budget:
            chosen = more
    return chosen


def told(names: Iterable[str]) -> str:
    """Some extras in words, in their order, each with another way to have it, if there is one."""
    chosen = [one for one in EXTRAS if one.name in set(names)]
    return ", ".join(
        f"{one.about} ({one.other_way})" if one.other_way else one.about for one in chosen
    )
