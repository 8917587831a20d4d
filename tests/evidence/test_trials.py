"""What is tried on reconstructions, against the whole network and known answers."""

import numpy as np
import pytest
import torch

import atlas
from atlas.compute.second_pass import Revisited, revisit
from atlas.data.measures import MEASURES
from atlas.drawing import pixels
from atlas.evidence.control import control_twin
from atlas.images.sources import DemoImages
from atlas.networks.network import Network
from atlas.reconstruction.deconvnet import one_position_signal, project_back
from atlas.reconstruction.projection import Recording
from atlas.reconstruction.recording import record
from atlas.reconstruction.windows import Window, whole

COUNT = 24


def by_name(figures: np.ndarray) -> dict[str, np.ndarray]:
    return {m.name: one for m, one in zip(MEASURES, figures.T, strict=True)}


@pytest.fixture(scope="module")
def network() -> Network:
    return atlas.load_network("demo")


@pytest.fixture(scope="module")
def images() -> DemoImages:
    return DemoImages(COUNT)


def visited(network: Network, images: DemoImages, layers: list[str], **more: object) -> list:
    found = atlas.scan(network, images, layers=layers)
    records = {name: r.only(list(range(0, r.units, 24))) for name, r in found.records.items()}
    visits = revisit(network, images, records, **more)  # type: ignore[arg-type]
    return [(visit, some) for visit in visits for some in visit.found]


def positions(found: Revisited) -> list[tuple[int, int]]:
    field = found.layer.field
    return [
        ((box.top - field.offset[0]) // (field.stride[0] or 1),
         (box.left - field.offset[1]) // (field.stride[1] or 1))
        for box in found.boxes
    ]  # fmt: skip


def test_what_is_kept_and_lost_is_what_the_whole_network_says(
    network: Network, images: DemoImages
) -> None:
    """Stimuli put together from sharp and blurred pixels, and run as they are."""
    layers = ["conv1", "conv3", "conv5"]
    for visit, some in visited(network, images, layers, control=control_twin(network.graph)):
        assert some.evidence is not None
        figures = by_name(some.evidence.figures)
        for place, image in enumerate(some.images):
            top, left = some.reconstructions.corner(place)
            marks = np.zeros((300, 300), bool)  # the frame, with room around it
            own = some.evidence.marks[place]
            marks[100 + top : 100 + top + own.shape[0], 100 + left : 100 + left + own.shape[1]] = (
                own
            )
            marks = marks[100:228, 100:228, None]
            sharp, soft = visit.stimuli[image], pixels.blurred(visit.stimuli[image])
            batch = [sharp, np.where(marks, sharp, soft), np.where(marks, soft, sharp)]
            with torch.no_grad():
                inputs = network.inputs(np.stack(batch))
                maps = record(network.graph, inputs, [some.layer.node], "deconvnet")
            row, column = positions(some)[place]
            values = some.layer.maps(maps.activations[some.layer.node])
            was, kept, rest = values[:, some.units[place], row, column].clamp_min(0).tolist()
            assert figures["kept"][place] == pytest.approx(kept / was, abs=1e-4)
            assert figures["lost"][place] == pytest.approx(1 - rest / was, abs=1e-4)


def test_the_network_itself_is_its_perfect_twin(network: Network, images: DemoImages) -> None:
    for _, some in visited(network, images, ["conv2", "conv4"], control=network.graph):
        assert some.evidence is not None
        figures = by_name(some.evidence.figures)
        np.testing.assert_allclose(figures["ssim"], 1, atol=1e-5)
        np.testing.assert_allclose(figures["rank"], 1, atol=1e-5)
        np.testing.assert_allclose(some.evidence.twins.values, some.reconstructions.values)


def lone(recording: Recording, some: Revisited, signal: Window) -> torch.Tensor:
    """The reconstruction of one signal by whole tensors."""
    node = some.layer.node
    full = Window(whole(signal, recording.graph.shapes[node]).values)
    only = torch.zeros(1, dtype=torch.long)
    return project_back(recording, node, full, stimulus=only, rule="deconvnet").values


def test_what_is_a_units_own_against_whole_tensors(network: Network, images: DemoImages) -> None:
    graph, seen = network.graph, 0
    for visit, some in visited(network, images, ["conv3"], control=control_twin(network.graph)):
        assert some.evidence is not None
        own = by_name(some.evidence.figures)["own"]
        for place in np.flatnonzero(~np.isnan(own)):
            stimulus = visit.stimuli[some.images[place]]
            recording = record(
                graph, network.inputs(stimulus[None]), [some.layer.node], "deconvnet"
            )
            at = torch.tensor([positions(some)[place]])
            maps = recording.activations[some.layer.node]
            column = maps[:, :, at[0, 0], at[0, 1]].clone()
            one, others = torch.zeros_like(column), column.clone()
            one[0, some.units[place]] = column[0, some.units[place]]
            others[0, some.units[place]] = 0
            signals = [
                one_position_signal(some.layer, each, positions=at) for each in (one, others)
            ]
            a, b = (lone(recording, some, each).double().flatten() for each in signals)
            cosine = (a @ b) / (a.norm() * b.norm())
            assert own[place] == pytest.approx(1 - cosine.item() ** 2, abs=1e-3)
            seen += 1
    assert seen > 10


def test_the_same_comes_of_it_in_any_company(network: Network, images: DemoImages) -> None:
    """Layers and units beside it change no figure."""
    control = control_twin(network.graph)
    found = []
    for layers in (["conv4"], ["conv2", "conv4"]):
        figures = {}
        for _, some in visited(network, images, layers, control=control):
            assert some.evidence is not None
            for row, key in enumerate(zip(some.units.tolist(), some.ranks.tolist(), strict=True)):
                if some.layer.id == "conv4":
                    figures[key] = np.round(some.evidence.figures[row], 3)
        found.append(figures)
    assert found[0].keys() == found[1].keys()
    for key, figures in found[0].items():
        np.testing.assert_allclose(figures, found[1][key], atol=2e-3)


def test_nothing_is_tried_without_a_twin(network: Network, images: DemoImages) -> None:
    visits = visited(network, images, ["conv1"])
    assert all(some.evidence is None and not visit.blurred for visit, some in visits)
