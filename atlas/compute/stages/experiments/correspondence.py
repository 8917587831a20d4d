"""The same part hidden in several images of a class."""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from PIL import Image

from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES
from atlas.data.experiments.correspondence import (
    CORRESPONDENCE,
    Correspondence,
    Distances,
    Part,
    View,
)
from atlas.data.experiments.outcomes import FOLDER, Outcome, picture_file
from atlas.data.plan import Plan
from atlas.data.rounding import significant
from atlas.data.whole_files import write_whole
from atlas.experiments.correspondence import (
    common,
    elsewhere,
    features,
    grown,
    hidden,
    margin,
    mean_distances,
    signs,
    views_for,
)
from atlas.experiments.hiding import grey, in_frame
from atlas.experiments.subjects import spread
from atlas.images.sources import label_of, name_of

if TYPE_CHECKING:
    from atlas.compute.run import Run
    from atlas.images.masks import Masks

NAME = "correspondence"
CLASSES = 6  # that are looked at, unless --subjects names others
MOST, LEAST = 12, 5  # images of a class, and of those with a part
COMMON = 0.8  # the share of a class's images that have a part of it
PARTS = 5  # of a class, at most
DRAWS = 2  # random places for each image
SHOWN, SIDE = 4, 96  # images on a part's strip, and the longer side of a tile in pixels
PICTURE, DATA = 16_500, 1_700  # bytes of a part


def run(run: Run) -> None:
    """Hide parts, and compare what changes."""
    if run.masks is None:
        none = "there are no masks of parts (--masks gives them)"
        run.write(CORRESPONDENCE, Outcome(None, none))
        return
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    groups = _groups(run, run.masks, usable)
    views = views_for(run.network.choose(run.settings.layer_globs))
    frame = run.network.preprocessing.crop

    def hide(group: tuple[str | None, list[int]]) -> dict[str, np.ndarray]:
        assert run.masks is not None
        parts, strips = _parts(run, run.masks, *group, views=views)
        said = np.frombuffer(msgspec.json.encode(parts), np.uint8)
        drawn = {f"strip {place}": np.frombuffer(strip, np.uint8)
                 for place, strip in enumerate(strips)}  # fmt: skip
        return {"parts": said, **drawn}

    found = shared_work(run, groups, hide, what=NAME)
    if not run.leads:
        return
    parts: list[Part] = []
    for arrays in found:
        own = msgspec.json.decode(arrays["parts"].tobytes(), type=tuple[Part, ...])
        for place, part in enumerate(own):
            if f"strip {place}" in arrays:
                part = msgspec.structs.replace(part, picture=f"{len(parts)}.webp")
                _keep(run, part.picture, arrays[f"strip {place}"].tobytes())
            parts.append(part)
    if not parts:
        none = (
            f"no part is in {COMMON:.0%} of a class's images, in {LEAST} at least, and small "
            "enough to be hidden elsewhere as well"
        )
        run.write(CORRESPONDENCE, Outcome(None, none))
        return
    colour = grey(run.network.preprocessing)
    result = Correspondence(views, colour, margin(frame), DRAWS, SHOWN, _tile(frame), tuple(parts))
    run.write(CORRESPONDENCE, Outcome(result))


def _groups(run: Run, masks: Masks, usable: Sequence[int]) -> list[tuple[str | None, list[int]]]:
    """The classes that are looked at, with the first images of each that have masks."""
    annotated = set(masks.indices())
    by_class: dict[str | None, list[int]] = {}
    for index in usable:
        if index in annotated:
            by_class.setdefault(label_of(run.images, index), []).append(index)
    labels = sorted((label for label, own in by_class.items() if len(own) >= LEAST), key=str)
    globs = run.settings.subjects
    if globs:
        wanted = {
            label_of(run.images, index)
            for index in usable
            if any(fnmatch.fnmatch(name_of(run.images, index), glob) for glob in globs)
        }
        labels = [label for label in labels if label in wanted]
    else:
        labels = spread(labels, CLASSES)
    return [(label, by_class[label][:MOST]) for label in labels]


def _parts(
    run: Run, masks: Masks, label: str | None, images: list[int], *, views: Sequence[View]
) -> tuple[list[Part], list[bytes]]:
    """What came of hiding each part of a class of images; and a strip for each, if wanted."""
    network = run.network
    frame = network.preprocessing.crop
    regions, others = [], []
    for image in images:
        seen = {
            name: grown(where, margin(frame))
            for name, mask in masks.of(image).items()
            if (where := in_frame(mask, network.preprocessing)).any()
        }
        moved = {name: elsewhere(region, draws=DRAWS, seed=image) for name, region in seen.items()}
        regions.append(seen)
        others.append({name: some for name, some in moved.items() if some})
    stimuli = stimuli_of(run, images)
    before = features(network, stimuli, views, slots=run.slots)
    colour = grey(network.preprocessing)
    chosen = [name for name in common(others, COMMON)
              if sum(name in one for one in others) >= LEAST]  # fmt: skip
    chosen = sorted(chosen, key=lambda name: -_area(regions, name))[:PARTS]
    parts, strips = [], []
    for name in sorted(chosen):
        having = [place for place in range(len(images)) if name in others[place]]

        def changes(cut: Sequence[np.ndarray], having: list[int] = having) -> list[np.ndarray]:
            """The signs of all images' changes, in each view; ``cut`` are regions of those."""
            pictures = stimuli.copy()
            for place, region in zip(having, cut, strict=True):
                pictures[place] = hidden(stimuli[place], region, colour)
            after = features(network, pictures, views, slots=run.slots)
            return [signs(a[having], b[having]) for a, b in zip(before, after, strict=True)]

        own = [regions[place][name] for place in having]
        alike = [mean_distances(view) for view in changes(own)]
        chance = np.mean(
            [
                [mean_distances(view) for view in changes([others[p][name][draw] for p in having])]
                for draw in range(DRAWS)
            ],
            axis=0,
        )
        distances = tuple(
            Distances(*(tuple(significant(one, 5) for one in some) for some in (part, random)))
            for part, random in zip(alike, chance, strict=True)
        )
        share = significant(np.mean([region.mean() for region in own]), 5)
        parts.append(Part(name, label, tuple(images[p] for p in having), share, distances))
        if run.settings.pictures:
            rows = [
                (stimuli[p], hidden(stimuli[p], regions[p][name], colour),
                 hidden(stimuli[p], others[p][name][0], colour))
                for p in having[:SHOWN]
            ]  # fmt: skip
            strips.append(_strip(rows, _tile(frame)))
    return parts, strips


def _area(regions: Sequence[dict[str, np.ndarray]], name: str) -> float:
    return float(np.mean([seen[name].sum() for seen in regions if name in seen]))


def _tile(frame: tuple[int, int]) -> tuple[int, int]:
    factor = min(1.0, SIDE / max(frame))
    return max(1, round(frame[0] * factor)), max(1, round(frame[1] * factor))


def _strip(rows: Sequence[Sequence[np.ndarray]], tile: tuple[int, int]) -> bytes:
    """Images side by side, each above its versions, as WebP."""
    height, width = tile
    sheet = Image.new("RGB", (len(rows) * width, len(rows[0]) * height))
    for across, versions in enumerate(rows):
        for down, picture in enumerate(versions):
            levels = picture if picture.shape[2] == 3 else np.repeat(picture, 3, 2)
            image = Image.fromarray(np.ascontiguousarray(levels))
            scaled = image.resize((width, height), Image.Resampling.BOX)
            sheet.paste(scaled, (across * width, down * height))
    content = io.BytesIO()
    sheet.save(content, "WEBP", quality=70, method=4)
    return content.getvalue()


def _keep(run: Run, file: str, content: bytes) -> None:
    path = run.folder / picture_file(NAME, file)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def _estimate(plan: Plan) -> int:
    return CLASSES * PARTS * (DATA + (PICTURE if plan.pictures else 0))


STAGE = Stage(
    NAME,
    run,
    (CORRESPONDENCE,),
    needs=("scan",),
    inputs=("network", "images", "masks", "slots"),
    settings=("layers", "subjects", "images_policy"),
    files=(f"{FOLDER}/{NAME}/*.webp",),
    estimate=_estimate,
)
