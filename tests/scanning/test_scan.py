import dataclasses
from collections.abc import Collection, Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import atlas
from atlas.data.levels import LEVELS, level_of
from atlas.errors import AtlasError
from atlas.images.preprocessing import Preprocessing
from atlas.images.reading import UnreadableImage
from atlas.images.sources import DemoImages
from atlas.images.stimuli import stimuli
from atlas.networks.batching import CPU_SLOTS, forward_batches
from atlas.networks.network import wrap
from atlas.scanning.sketching import signs_of
from atlas.scanning.topk import EMPTY, NO_IMAGE, TopNine

PREPROCESSING = Preprocessing(None, (24, 24), (0.5,) * 3, (0.25,) * 3)


class Pictures:
    """Random pictures of three levels, one of them black, some of them twice."""

    def __init__(self, count: int, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.pixels = generator.integers(0, 3, (count, 24, 24, 3), np.uint8) * 100
        self.pixels[count // 2] = 0
        for repeat in range(4, count, 5):
            self.pixels[repeat] = self.pixels[repeat // 2]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index])


@pytest.fixture(scope="module")
def network() -> atlas.Network:
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 12, 5, stride=2), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(12, 10, 3), nn.ReLU(), nn.Flatten(), nn.Linear(90, 4),
    )  # fmt: skip
    with torch.no_grad():
        model[0].bias[2] = -1000.0  # never fires
        model[0].weight[7] = 0.0  # sees one pixel of three levels, so most images tie
        model[0].weight[7, 1, 2, 2] = 1.0
        images = Pictures(61)
        pixels = np.stack([np.asarray(images[i]) for i in range(len(images))])
        inputs = PREPROCESSING.inputs(pixels, torch.device("cpu"), torch.float32)
        peaks = model[0](inputs)[:, 6].amax((1, 2)).sort(descending=True).values
        model[0].bias[6] -= peaks[6]  # fires for a few
    return wrap(model.eval(), PREPROCESSING)


def brute_force(
    network: atlas.Network, images: Pictures, without: Collection[int] = ()
) -> Iterator[tuple[str, TopNine]]:
    """The definition, over stored activations, sorted in plain Python."""
    first: dict[bytes, int] = {}
    for index in sorted(set(range(len(images))) - set(without)):
        first.setdefault(images.pixels[index].tobytes(), index)
    indices = sorted(first.values())
    stored: dict[str, list[np.ndarray]] = {layer: [] for layer in network.layers}
    for index in indices:
        inputs = network.inputs(np.repeat(images.pixels[index][None], 16, 0))
        for layer, maps in network.activations(inputs, list(network.layers.values())):
            stored[layer.id].append(maps[index % 16].flatten(1).numpy())
    for name, maps in stored.items():
        units, _, width = network.layers[name].shape
        value, image = np.zeros((units, 9), np.float32), np.full((units, 9), EMPTY)
        position, fired = np.zeros((units, 9, 2), np.int32), np.zeros(units, np.int64)
        counts = np.zeros((units, LEVELS), np.int32)
        sample = np.full((units, LEVELS), NO_IMAGE, np.int32)
        of_sample = np.zeros((2, units, LEVELS))
        for unit in range(units):
            best = []
            for index, found in zip(indices, maps, strict=True):
                values = found[unit].tolist()
                peak = max(values)
                level = level_of(np.array([peak], np.float32))[0]
                counts[unit, level] += 1
                if level and sample[unit, level] == NO_IMAGE:
                    sample[unit, level] = index
                    of_sample[:, unit, level] = peak, values.index(peak)
                if peak > 0:
                    best.append((-peak, index, divmod(values.index(peak), width)))
            fired[unit] = len(best)
            for rank, (negative, index, where) in enumerate(sorted(best)[:9]):
                value[unit, rank], image[unit, rank] = -negative, index
                position[unit, rank] = where
        level = level_of(np.stack([m.max(1) for m in maps]))
        signs = signs_of(np.array(indices))
        yield (
            name,
            TopNine(
                value,
                image,
                position,
                fired,
                counts,
                sample,
                of_sample[0].astype(np.float32),
                of_sample[1].astype(np.int32),
                (level[:, :, None] * signs[:, None]).sum(0).astype(np.int32),
                signs.sum(0),
                len(indices),
            ),
        )


FIELDS = [field.name for field in dataclasses.fields(TopNine) if field.name != "images"]


def same(one: TopNine, other: TopNine) -> None:
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field), field)
        assert getattr(one, field).dtype == getattr(other, field).dtype


@pytest.mark.parametrize("count", [5, 61])
def test_equals_brute_force_over_stored_activations(network: atlas.Network, count: int) -> None:
    images = Pictures(count)
    found = atlas.scan(network, images)
    expected = dict(brute_force(network, images))
    assert list(found.records) == list(expected)
    for name, record in expected.items():
        same(found.records[name], record)
    first = found.records["conv1"]
    assert first.fired[2] == 0 and first.count(2) == 0  # a dead unit
    assert found.duplicates and found.images == count - len(found.duplicates)
    if count == 61:
        assert any(0 < first.count(unit) < 9 for unit in range(first.units))
        ties = first.value[:, :-1] == first.value[:, 1:]
        assert (ties & (first.value[:, 1:] > 0)).any()


class Broken(Pictures):
    """Pictures of which a whole batch can't be read, and one that others repeat."""

    unread = (2, *range(16, 33))

    def __getitem__(self, index: int) -> Image.Image:
        if index in self.unread:
            raise UnreadableImage(f"{index}.png", f"broken {index}")
        return super().__getitem__(index)


@pytest.mark.parametrize("workers", [0, 2])
def test_images_that_can_not_be_read_count_nowhere(network: atlas.Network, workers: int) -> None:
    images = Broken(61)
    found = atlas.scan(network, images, workers=workers)
    assert found.unread == {index: f"broken {index}" for index in images.unread}
    assert found.images == 61 - len(images.unread) - len(found.duplicates)
    for name, record in brute_force(network, images, images.unread):
        same(found.records[name], record)
        assert found.records[name].images == found.images
    with pytest.raises(AtlasError, match=r"--strict: 2 can't be read as an image: broken 2"):
        atlas.scan(network, images, workers=workers, strict=True)
    images.unread = range(61)
    with pytest.raises(AtlasError, match=r"none of 61 images can be read: 0 can't .*: broken 0"):
        atlas.scan(network, images, workers=workers)


@pytest.mark.parametrize("batch_size", [1, 7, 16, 50, 200])
def test_batch_size_makes_no_difference(network: atlas.Network, batch_size: int) -> None:
    images = Pictures(61)
    found = atlas.scan(network, images, batch_size=batch_size)
    for name, record in atlas.scan(network, images).records.items():
        same(found.records[name], record)


def test_workers_and_batch_size_make_no_difference_on_the_demo() -> None:
    network, images = atlas.load_network("demo"), DemoImages(70)
    found = atlas.scan(network, images, batch_size=1)
    other = atlas.scan(network, images, batch_size=33, workers=2)
    for name, record in found.records.items():
        same(other.records[name], record)


def test_activations_do_not_depend_on_the_company() -> None:
    network, images = atlas.load_network("demo"), DemoImages(64)
    layers = list(network.layers.values())

    def values(indices: list[int]) -> dict[tuple[str, int], np.ndarray]:
        source = stimuli(images, network.preprocessing, indices)
        return {
            (layer.id, int(index)): maps[slot].numpy()
            for batch in forward_batches(source, CPU_SLOTS)
            for layer, maps in network.activations(batch.inputs(network), layers)
            for index, slot in zip(batch.indices, batch.slots, strict=True)
        }

    alone = values([37, 5, 21, 40])
    for key, found in values(list(range(64))).items():
        if key in alone:
            np.testing.assert_array_equal(found, alone[key])
    assert len(alone) == 4 * len(layers)


def test_layers_can_be_chosen(network: atlas.Network) -> None:
    assert list(atlas.scan(network, Pictures(3), layers=["conv*"]).records) == ["conv1", "conv2"]


def test_activations_that_are_not_numbers_stop_the_scan() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
    with torch.no_grad():
        model[0].bias[1] = float("nan")
    with pytest.raises(AtlasError, match=r"conv1/1 .*finite number \(nan\).* image 0 \(0\)"):
        atlas.scan(wrap(model, PREPROCESSING), Pictures(3))


@pytest.mark.parametrize("layers", [None, ["conv3"]])
def test_nor_do_those_get_lost_that_overflow(layers: list[str] | None) -> None:
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)]
    with torch.no_grad():
        convolutions[0].weight *= 1e38
        convolutions[1].weight *= 1e3
    model = nn.Sequential(*(part for one in convolutions for part in (one, nn.ReLU())))
    with pytest.raises(AtlasError, match="finite"):
        atlas.scan(wrap(model, PREPROCESSING), Pictures(3), layers=layers)
