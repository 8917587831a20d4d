import re
from pathlib import Path

from atlas.data import addresses
from atlas.data.documents import read_atlas, read_layer
from atlas.site.render import images
from atlas.site.render.base import Renderer
from atlas.site.render.view import AtlasView


def test_each_unit_has_its_tiles_and_stands_with_its_layer(site: Path) -> None:
    folder = site / "small"
    view = AtlasView.read(folder, Renderer())
    layers, pages = list(read_atlas(folder).layers), dict(images.files(view))
    for image, uses in list(images.uses_by_image(view).items())[:20]:
        page = pages[addresses.image_page(image)]
        sections = re.findall(r"<section>(.*?)</section>", page, re.DOTALL)
        heads = [re.search(r"<h2><a[^>]*>(.*?)</a>", some)[1] for some in sections]
        assert heads == [name for name in layers if any(use.layer.layer == name for use in uses)]
        for name, some in zip(heads, sections, strict=True):
            plate = read_layer(folder, name).plate
            rows = re.findall(r"<li data-box.*?</li>", some, re.DOTALL)
            own = [use for use in uses if use.layer.layer == name]
            assert len(rows) == len(own)
            for use, row in zip(own, rows, strict=True):
                height, width = plate.tile
                top, left = plate.place(use.rank, False)
                drawn = re.findall(r'viewBox="([^"]*)"', row)
                assert drawn[0] == f"{left} {top} {width} {height}"
                source = f'src="../../{addresses.plate_file(name, use.unit.unit)}"'
                assert row.count(source) == row.count('loading="lazy"') == 1
                top, left, bottom, right = use.winner.shown  # cut out of the image itself
                assert drawn[1] == f"{left} {top} {right - left} {bottom - top}"
                assert row.count('<use href="#whole"/>') == 1
