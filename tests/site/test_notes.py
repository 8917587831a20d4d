import re
import shutil
from pathlib import Path

import pytest
from msgspec import structs

from atlas.data.documents import read_atlas
from atlas.errors import AtlasError
from atlas.site import assembling
from atlas.site.info import SiteContents
from atlas.site.links import check
from atlas.site.render.notes import read_notes
from atlas.site.render.picture_views import LIT
from tests.support.documents import edit_atlas, show_all

NOTE = """\
---
title: A walk
order: 2
---
ImageIdentity at [[conv3/16]] and at [[conv3|the layer]];
`[[not/this]]` and `$code$` are code, $a_1^*b_2^*$ maths, $5, \\$7 and $6 money.

[[conv2/5]] [[small:conv1/3|Two of them.]]

    [[nor/this]]

$$
\\sum_i x_i * y_i
> z_i
$$

```
$$fenced$$
```

| a | b |
|---|---|
| 1 | 2[^1] |

[^1]: A footnote.
"""


def whole(site: Path, folder: Path) -> assembling.Whole:
    return assembling.whole(site, contents=SiteContents(notes=folder))


def written(site: Path, folder: Path, name: str, text: str) -> str:
    (folder / f"{name}.md").write_text(text)
    assembled = whole(site, folder)
    check(assembled.files)
    return assembled.files.texts[f"notes/{name}.html"]


def test_a_note_shows_units_and_leaves_code_and_maths_alone(site: Path, tmp_path: Path) -> None:
    page = written(site, tmp_path, "walk", NOTE)
    assert "<h1>A walk</h1>" in page
    assert '<a href="../small/conv3/16.html">conv3/16</a>' in page
    assert '<a href="../small/conv3/index.html">the layer</a>' in page
    assert "<code>[[not/this]]</code>" in page and "[[nor/this]]" in page
    assert "<mi>a</mi><mn>1</mn><mo>∗</mo></msubsup>" in page and "$5, $7 and $6 money" in page
    assert "<code>$code$</code>" in page and "$$fenced$$" in page
    assert page.count("<math>") == 1 and page.count('<math display="block">') == 1
    assert "<mo>∑</mo>" in re.sub(r" [lr]space=\"[^\"]*\"", "", page) and "&gt;</mo>" in page
    assert "<table>" in page and "A footnote." in page
    assert page.count("<figure>") == 1 and "<figcaption>Two of them.</figcaption>" in page
    assert 'src="../small/conv2/5.webp"' in page and 'src="../small/conv1/3.webp"' in page


def test_a_layer_alone_becomes_a_figure_of_a_few_units(site: Path, tmp_path: Path) -> None:
    page = written(site, tmp_path, "layer", "# Its title\n\n[[conv4]]\n")
    assert "<h1>Its title</h1>" in page and page.count("Its title</h1>") == 1
    assert page.count('class="plate"') == 3


def test_notes_stand_in_order_on_the_first_page_and_in_the_search(
    site: Path, tmp_path: Path
) -> None:
    (tmp_path / "b.md").write_text("---\ntitle: First\norder: 1\n---\nHoneycombs.")
    (tmp_path / "a.md").write_text("---\ntitle: Second\norder: 2\n---\nWheels.")
    assembled = whole(site, tmp_path)
    home = assembled.files.texts["index.html"]
    assert home.index("notes/b.html") < home.index("notes/a.html")
    assert "Honeycombs." in assembled.files.texts["search.js"]
    assert '<a rel="next" href="a.html">' in assembled.files.texts["notes/b.html"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("Well.\n\n[[conv3/9999]]", 3, r"conv3 shows no unit 9999; nearest: conv3/104, conv3/96"),
        ("[[cnov3/1]]", 1, r"small has no layer cnov3; nearest: conv3"),
        ("a\nb [[conv9]]", 2, r"small has no layer conv9; nearest: conv"),
        ("[[vgg:conv3/8]]", 1, r"there is no atlas vgg on this site; there are small"),
        ("[[conv3/x]]", 1, r"x is not a unit's number"),
        ("See [[conv3/8 lit]].", 1, r"only a figure can be lit"),
    ],
)
def test_an_address_that_does_not_exist_names_file_line_and_the_nearest(
    site: Path, tmp_path: Path, text: str, line: int, words: str
) -> None:
    (tmp_path / "wrong.md").write_text(text)
    with pytest.raises(AtlasError, match=rf"wrong\.md:{line}: \[\[.*{words}"):
        whole(site, tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Well.\n\nIt is $\\foo{x}$.", r'3: \$\\foo{x}\$: unknown command "\\foo"'),
        ("- a\n- b $$\n    \\frac{1}\n    $$", r"2: \$\$ \\frac\{1\} \$\$: expected argument"),
        ("a\n\n> $$\n> x^\n> $$", r"3: \$\$ x\^ \$\$: expected argument"),
        ("a\n\n$$\nx\n\ny\n$$", r"3: \$\$ x: no \$\$ ends the formula"),
    ],
)
def test_a_formula_that_is_wrong_names_file_line_and_why(
    site: Path, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "wrong.md").write_text(text)
    with pytest.raises(AtlasError, match=rf"wrong\.md:{words}"):
        whole(site, tmp_path)


def test_a_lit_figure_says_what_it_shows(site: Path, tmp_path: Path) -> None:
    page = written(site, tmp_path, "lit", "[[conv3/16 lit|A wheel.]] [[conv3/24]]\n")
    assert page.count('class="lighted"') == 1 and page.count('class="plate"') == 2
    assert f'A wheel.<span class="scripted"> {LIT.said}</span>' in page
    assert "data-lamp=" in page
    page = written(site, tmp_path, "plain", "[[conv3/16]]\n")
    assert "lighted" not in page and "figcaption" not in page


def test_a_note_of_an_atlas_that_is_not_there_is_left_out(site: Path, tmp_path: Path) -> None:
    (tmp_path / "vgg.md").write_text("---\natlas: vgg\n---\n[[conv3/8]]")
    assembled = whole(site, tmp_path)
    assert "notes/vgg.html" not in assembled.files.texts
    assert assembled.left_out == ["vgg.md: there is no atlas vgg on this site"]


def test_a_quick_look_at_some_units_keeps_no_note_from_being_right(
    site: Path, tmp_path: Path
) -> None:
    shutil.copytree(site, tmp_path / "site")
    folder = tmp_path / "site" / "small"
    first, *others = read_atlas(folder).summary
    edit_atlas(folder, summary=(structs.replace(first, shown=first.shown - 1), *others))
    (tmp_path / "small.md").write_text("---\natlas: small\n---\n[[conv3/8]]")
    assembled = whole(tmp_path / "site", tmp_path)
    assert assembled.left_out == ["small.md: small shows only a part of its network"]


def test_a_note_that_was_published_says_so_when_it_is_no_more(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "old.html").write_text("old")
    assembled = assembling.whole(tmp_path)
    assert "is not shown any more" in assembled.files.texts["notes/old.html"]
    check(assembled.files)


def test_an_order_that_is_no_number_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: A\norder: last\n---\n")
    with pytest.raises(AtlasError, match=r"a\.md:3: order: last is not a number"):
        read_notes(tmp_path)


def test_the_notes_of_the_project_name_units_of_the_demo(site: Path, tmp_path: Path) -> None:
    own, notes = Path(__file__).parents[2] / "notes", tmp_path / "notes"
    notes.mkdir()
    for path in own.glob("*.md"):
        text = path.read_text()
        (notes / path.name).write_text(text.replace("atlas: demo", "atlas: small"))
    shutil.copytree(site, tmp_path / "site")
    show_all(tmp_path / "site" / "small")
    assembled = whole(tmp_path / "site", notes)
    assert assembled.left_out == []
    walk = assembled.files.texts["notes/from-edges-to-birds.html"]
    assert len(re.findall('class="plate', walk)) > 12
    check(assembled.files)


def test_a_note_shows_what_came_of_an_experiment(experimented: Path, tmp_path: Path) -> None:
    site = experimented / "site"
    text = "[[experiments/first-layer]]\n\nSee [[experiments/invariance|how it moves]].\n"
    page = written(site, tmp_path, "tried", f"# Tried\n\n{text}")  # with its links checked
    own = (site / "small" / "experiments" / "first-layer.html").read_text()
    finding = re.search(r'<ul class="findings">\s*<li>(.*?)</li>', own)
    assert finding and finding[1] in page
    assert '<a href="../small/experiments/first-layer.html">The first layer</a>' in page
    assert '<a href="../small/conv1/0.html">' in page  # a dot of its first chart
    assert '<a href="../small/experiments/invariance.html">how it moves</a>' in page


def test_a_chart_whose_lines_are_explained_elsewhere_on_its_page_brings_that(
    experimented: Path, tmp_path: Path
) -> None:
    site = experimented / "site"
    page = written(site, tmp_path, "tried", "# Tried\n\n[[experiments/invariance]]\n")
    kinds = set(re.findall(r'<polyline class="line (k\d)', page))
    assert kinds and kinds == set(re.findall(r'<span class="key (k\d)', page))
    images = re.findall(r'<img src="\.\./(small/experiments/invariance/\d+\.webp)"', page)
    assert len(images) == len(kinds) and all((site / image).is_file() for image in images)


def test_an_experiment_that_was_not_made_is_told_and_one_that_is_none_fails(
    few: Path, tmp_path: Path
) -> None:
    site = few
    page = written(site, tmp_path, "later", "# Later\n\n[[experiments/memorising]]\n")
    assert "<code>--experiments memorising</code>" in page
    (tmp_path / "later.md").write_text("# Later\n\n[[experiments/memory]]\n")
    with pytest.raises(AtlasError, match=r"later.md:3: .*there is no experiment memory; there are"):
        whole(site, tmp_path)
