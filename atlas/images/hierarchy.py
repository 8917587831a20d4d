"""A tree of classes: which class belongs to which group, as a person writes it down.

A text file with a line for each child: its name, a tab, and its parent's. A parent may be the child
of another line, so "Airedale" can be a terrier, and a terrier a dog. Empty lines and lines that
start with ``#`` say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from atlas.data.escaping import escaped
from atlas.errors import UsageError


def read_hierarchy(path: Path, classes: Iterable[str]) -> dict[str, frozenset[str]]:
    """Each group's classes among ``classes``, by the group's name, in the order of names.

    Only groups of several classes, and not of all. Raises ``UsageError`` for a file that can't be
    read or isn't of this form, a circle, or where no class stands in it.
    """
    parents = _parents(path)
    known = sorted(set(classes))
    groups: dict[str, set[str]] = {}
    for name in known:
        seen = [name]
        while seen[-1] in parents:
            above = parents[seen[-1]]
            if above in seen:
                raise UsageError(f"--hierarchy {path}: {above} is above itself")
            seen.append(above)
        for group in seen[1:]:
            groups.setdefault(group, set()).add(name)
    if not groups:
        example = f" (as {known[0]})" if known else ""
        raise UsageError(f"--hierarchy {path}: no class of the images{example} stands in it")
    return {
        name: frozenset(own)
        for name, own in sorted(groups.items())
        if 1 < len(own) < len(known) and name not in known
    }


def _parents(path: Path) -> dict[str, str]:
    try:
        lines = path.expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--hierarchy {path} can't be read: {error}") from error
    parents: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        child, _, parent = (part.strip() for part in line.partition("\t"))
        if not (child and parent) or "\t" in parent:
            raise UsageError(
                f"--hierarchy {path}, line {number}: not of the form child, tab, parent"
            )
        if parents.setdefault(escaped(child), escaped(parent)) != escaped(parent):
            raise UsageError(f"--hierarchy {path}, line {number}: {child} has two parents")
    return parents
