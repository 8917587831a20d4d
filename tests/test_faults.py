"""A few seeded faults of the campaign; ``python benchmarks/faults.py`` has hundreds."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.commands import rendering
from atlas.data.settings import Settings
from atlas.site import checked_links
from atlas.site.info import ALONE
from atlas.site.staging import staging
from tests.support import faults
from tests.support.faults import ON_A_DISK, Campaign, can_mount, problems

pytestmark = pytest.mark.slow

# each kind at another stage; other kinds have tests of their own, and all are in the campaign
FAULTS = (
    ("SIGKILL", "pages"),
    ("SIGINT", "scan"),
    ("SIGINT twice", "publishing"),
    ("SIGHUP", "reconstructions"),
    ("disk full, then room again", "examples"),
    ("EIO", "nine"),
    ("largest file", "contributions"),
    ("worker memory", "scan"),
    ("half-done work: a changed bit", "reconstructions"),
    ("half-done work: another build's", "scan"),
    ("published: a changed bit", "summary"),
    ("two atlases at once, one killed", "publishing"),
)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    campaign = Campaign(tmp_path_factory.mktemp("campaign"), seed=1)
    yield campaign
    campaign.end()


def test_every_stage_has_moments(campaign: Campaign) -> None:
    few = {stage: len(moments) for stage, moments in campaign.moments.items() if len(moments) < 4}
    assert not few and len(campaign.moments) > 15


@pytest.mark.parametrize(("kind", "stage"), FAULTS, ids=lambda one: one.replace(" ", "-"))
def test_nothing_is_lost(campaign: Campaign, kind: str, stage: str) -> None:
    if kind in ON_A_DISK and not can_mount(campaign.scratch):
        pytest.skip("this machine mounts no disk for a test")
    outcome = campaign.trial(kind, stage, random.Random(f"{kind} {stage}"))
    assert outcome.wrong == {}
    assert outcome.disturbed


def test_an_atlas_published_meanwhile_stands_in_what_the_site_shares(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is published while another's links are checked, right before it is published itself."""
    out = campaign.scratch / "race"
    campaign.parent.run(campaign.command(out, name="a"), campaign.printed)
    campaign.parent.run(campaign.command(out, "--units", "1", name="b"), campaign.printed)
    wanted = {path.name: path.read_text() for path in out.glob("*.html")}
    folders = {}
    for name in ("a", "b"):  # as if neither were published
        (out / name).rename(campaign.scratch / f"race {name}")
        folders[name] = campaign.scratch / f"race {name}"
    check, others = checked_links.check, []

    def publish(name: str) -> None:
        with staging(out, name, worth_keeping=lambda _: False) as at:
            at.folder.rmdir()
            folders[name].rename(at.folder)
            rendering.publish(at.folder, Settings(out=out, name=name), ALONE)

    def meanwhile(*given: object) -> None:
        check(*given)  # type: ignore[arg-type]
        if not others:
            others.append(threading.Thread(target=publish, args=("b",)))
            others[0].start()
            others[0].join(1)

    monkeypatch.setattr(checked_links, "check", meanwhile)
    publish("a")
    others[0].join(60)
    assert {path.name: path.read_text() for path in out.glob("*.html")} == wanted
    assert list(problems(out)) == []


def test_a_reader_would_find_what_is_wrong(campaign: Campaign, tmp_path: Path) -> None:
    """So that none of the checks is one that can't fail."""
    site = tmp_path / "site"

    def begin() -> None:
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(campaign.scratch / "none done", site)

    begin()
    assert list(problems(site)) == []
    page = site / "a" / "conv1" / "0.html"
    page.write_text(page.read_text()[:-20])
    assert any("not whole" in one for one in problems(site))
    begin()
    page.unlink()
    assert any("No such file" in one for one in problems(site))
    assert any("leads to" in one for one in problems(site))
    found, wanted = faults.tree(site), campaign.ended["none"]
    assert "missing ['a/conv1/0.html']" in faults._differences(found, wanted)
