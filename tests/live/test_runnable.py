"""Whether a page can run a network: asked, able, and light enough."""

from __future__ import annotations

import pytest

from atlas.live import runnable as rules
from atlas.live.packing import packed
from atlas.live.program import NotLive
from atlas.live.runnable import runnable
from atlas.networks.network import Network
from tests.support.networks import loaded


@pytest.fixture(scope="module")
def network() -> Network:
    return loaded("squeezenet1_1", crop=(64, 64))


def test_a_light_network_runs_in_a_page(network: Network) -> None:
    found = runnable(network, network.choose(), live="auto")
    assert found.half and found.macs > 0
    assert found.size == len(packed(found.tensors, half=True))


@pytest.mark.parametrize(
    ("limit", "said"), [("MOST_BYTES", "its weights take 1 MB"), ("MOST_MACS", "a forward pass")]
)
def test_a_heavy_network_runs_where_it_is_asked_to(
    network: Network, monkeypatch: pytest.MonkeyPatch, limit: str, said: str
) -> None:
    monkeypatch.setattr(rules, limit, 1000)
    with pytest.raises(NotLive, match=said):
        runnable(network, network.choose(), live="auto")
    assert runnable(network, network.choose(), live="on").program.steps


def test_filters_that_half_precision_would_harm_stay_as_they_are(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "LOST", 0.0)
    found = runnable(network, network.choose(), live="auto")
    assert not found.half and found.size == len(packed(found.tensors, half=False))


def test_a_page_that_is_not_wanted_is_not_made(network: Network) -> None:
    with pytest.raises(NotLive, match="--live off"):
        runnable(network, network.choose(), live="off")
