"""The table of experiments, and that every row has a stage and a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.compute.stages import STAGES, stages_of
from atlas.compute.stages.experiments import EXPERIMENT_STAGES
from atlas.data.experiments.outcomes import Outcome, document_name, picture_file
from atlas.data.experiments.table import EXPERIMENTS, NAMES, chosen
from atlas.data.settings import Settings
from atlas.site.pages import PAGES


def test_every_experiment_has_a_stage_of_its_name_and_every_stage_a_row() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert [stage.name for stage in EXPERIMENT_STAGES] == list(NAMES)
    for stage in EXPERIMENT_STAGES:
        document = stage.documents[0]  # that of the whole atlas; others are of layers
        assert document.name == document_name(stage.name)
        assert document.type.__origin__ is Outcome  # type: ignore[attr-defined]
        assert all(picture_file(stage.name, "") in file for file in stage.files)


def test_every_experiment_has_a_page_at_its_address_and_every_page_a_row() -> None:
    own = {page.address: page for page in PAGES if page.address.startswith("experiments/")}
    del own["experiments/index.html"]
    assert set(own) == {f"experiments/{name}.html" for name in NAMES}
    for row in EXPERIMENTS:
        page = own[f"experiments/{row.name}.html"]
        assert (page.name, page.title) == (row.name, row.title)
        assert row.question.endswith("?") and row.source and row.url.startswith("https://")


def test_documents_lie_where_the_atlas_looks_for_them() -> None:
    assert document_name("one") == "experiments/one"
    assert picture_file("one", "2.webp") == "experiments/one/2.webp"
    first = EXPERIMENT_STAGES[NAMES.index("first-layer")]
    assert first.documents[0].path(Path("a")) == Path("a/experiments/first-layer.json")


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (("all",), NAMES),
        (("none",), ()),
        (("usual",), tuple(one.name for one in EXPERIMENTS if one.usual)),
        ((NAMES[-1], NAMES[0]), (NAMES[0], NAMES[-1])),
        (("none", NAMES[0]), NAMES[:1]),
        ((), ()),
    ],
)
def test_experiments_are_chosen_by_name_in_the_order_of_the_table(
    asked: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert tuple(one.name for one in chosen(asked)) == names
    stages = [stage.name for stage in stages_of(Settings(experiments=asked))]
    assert stages == [*(stage.name for stage in STAGES), *names]
