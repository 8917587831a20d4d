"""A corpus of pictures as files come: each is seen as a person sees it, or left out with a reason.

Every case makes a file in a folder and says what must come of it: the picture, within so many
levels, or words of the reason. The picture has a colour in each quarter, so that one that is
turned, clipped or stretched is found out.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import open_folder
from atlas.images.stimuli import Stimulus, Unread, stimuli_and_unread

HEIGHT, WIDTH = 24, 32
COLOURS = ((200, 40, 30), (30, 160, 60), (40, 60, 190), (230, 220, 90))  # of the quarters
COLOUR = Preprocessing(None, (HEIGHT, WIDTH), (0.5,) * 3, (0.5,) * 3)
GREY = Preprocessing(None, (HEIGHT, WIDTH), (0.5,), (0.5,), mode="L")
SMALL = Preprocessing(8, (8, 8), (0.5,) * 3, (0.5,) * 3)


def quarters(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """The picture: upper left, upper right, lower left and lower right in a colour each."""
    colours = np.array(COLOURS, np.uint8).reshape(2, 2, 3)
    return colours.repeat(height // 2, 0).repeat(width // 2, 1)


def greys() -> np.ndarray:
    """The picture in grey, by ITU-R 601."""
    weights = np.array([0.299, 0.587, 0.114])
    return np.rint(quarters() @ weights).astype(np.uint8)


@dataclass(frozen=True)
class Case:
    """A file: its name, what makes it, and what must come of it.

    ``seen`` is the picture, ``[H, W, 3]``, and ``within`` how many levels it may be off in the mean
    over 2 by 2 pixels away from edges; ``reason`` holds words of why there is none.
    """

    name: str
    make: Callable[[Path], Any]
    seen: np.ndarray | None = None
    within: float = 0
    reason: str = ""
    preprocessing: Preprocessing = field(default=COLOUR, repr=False)


def saved(mode: str = "RGB", **how: Any) -> Callable[[Path], Any]:
    """The picture, saved by Pillow in a mode."""
    return lambda path: Image.fromarray(quarters()).convert(mode).save(path, **how)


def written(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


def encoded(form: str, **how: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(quarters()).save(file, form, **how)
    return file.getvalue()


def array(values: np.ndarray, **how: Any) -> Callable[[Path], Any]:
    """An array, saved by Pillow in the mode that its type has."""
    return lambda path: Image.fromarray(values).save(path, **how)


def in_grey(values: np.ndarray) -> np.ndarray:
    return np.stack([values] * 3, -1)


def turned(turn: int) -> Callable[[Path], Any]:
    """The picture so that it stands upright only as its EXIF orientation says."""
    back = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    pixels = np.ascontiguousarray(back[turn](quarters()))
    return lambda path: Image.fromarray(pixels).save(path, exif=exif)


def see_through(path: Path) -> None:
    """The lower half is transparent, and hides a colour that nobody sees."""
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[HEIGHT // 2 :] = 0
    Image.fromarray(np.concatenate([quarters(), alpha], -1)).save(path)


def half_through(path: Path) -> None:
    alpha = np.full((HEIGHT, WIDTH, 1), 128, np.uint8)
    Image.fromarray(np.concatenate([quarters(), alpha], -1)).save(path)


def over_white(alpha: float, place: Any) -> np.ndarray:
    out = quarters().astype(float)
    out[place] = out[place] * alpha + 255 * (1 - alpha)
    return np.rint(out).astype(np.uint8)


def palette_with_a_hole(path: Path) -> None:
    picture = Image.fromarray(quarters()).quantize(8)
    at = picture.getpixel((WIDTH - 1, HEIGHT - 1))
    picture.save(path, transparency=at)


def frames(path: Path) -> None:
    """Two frames; the first is the picture."""
    other = Image.new("RGB", (WIDTH, HEIGHT), "black")
    how = {"lossless": True} if path.suffix == ".webp" else {}
    Image.fromarray(quarters()).save(
        path, save_all=True, append_images=[other], duration=100, **how
    )


def header(width: int, height: int, rest: bytes = b"") -> bytes:
    """A PNG's first bytes."""
    data = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + data
    return start + struct.pack(">I", zlib.crc32(data)) + rest


def broken_sum(path: Path) -> None:
    """One bit of the pixels has changed."""
    content = bytearray(encoded("PNG"))
    content[content.index(b"IDAT") + 12] ^= 4
    path.write_bytes(content)


def image_of(width: int, height: int) -> Callable[[Path], Any]:
    return lambda path: Image.new("RGB", (width, height), (10, 200, 30)).save(path)


def as_link(path: Path) -> None:
    """A link within the folder."""
    aside = path.parent / ".hidden.png"
    Image.fromarray(quarters()).save(aside)
    path.symlink_to(aside)


def as_link_out(path: Path) -> None:
    """A link to a picture outside the folder."""
    outside = path.parents[1] / ".outside" / "a.png"
    outside.parent.mkdir()
    Image.fromarray(quarters()).save(outside)
    path.symlink_to(outside)


def as_folder_out(path: Path) -> None:
    """A link to a folder of pictures."""
    as_link_out(path.with_name(".a.png"))
    path.symlink_to(path.parents[1] / ".outside")


DEEP = (greys().astype(np.uint16) * 257).astype(np.uint16)
PICTURE, GREYED = quarters(), in_grey(greys())
UNKNOWN = "no image, or of a kind that isn't read"
ONE = np.full((8, 8, 3), (10, 200, 30), np.uint8)

CASES = (
    # formats and modes
    Case("plain.png", saved(), PICTURE),
    Case("interlaced.ppm", saved(), PICTURE),
    Case("bitmap.bmp", saved(), PICTURE),
    Case("tiff.tif", saved(), PICTURE),
    Case("lzw.tiff", saved(compression="tiff_lzw"), PICTURE),
    Case("deflate.tiff", saved(compression="tiff_adobe_deflate"), PICTURE),
    Case("big.tiff", saved(big_tiff=True), PICTURE),
    Case("photo.jpg", saved(quality=95), PICTURE, 6),
    Case("photo.jpeg", saved(quality=95), PICTURE, 6),
    Case("PHOTO.JPG", saved(quality=95, format="JPEG"), PICTURE, 6),
    Case("progressive.jpg", saved(quality=95, progressive=True), PICTURE, 6),
    Case("fine.jpg", saved(quality=95, subsampling=0), PICTURE, 6),
    Case("coarse.jpg", saved(quality=95, subsampling=2), PICTURE, 12),
    Case("lossless.webp", saved(lossless=True), PICTURE),
    Case("lossy.webp", saved(quality=95), PICTURE, 12),
    Case("palette.gif", saved(), PICTURE, 6),
    Case("palette.png", lambda p: Image.fromarray(quarters()).quantize(8).save(p), PICTURE, 6),
    Case("four colours.png", lambda p: Image.fromarray(quarters()).quantize(4).save(p), PICTURE, 6),
    Case("cmyk.jpg", saved("CMYK", quality=95), PICTURE, 6),
    Case("cmyk.tif", saved("CMYK"), PICTURE, 2),
    Case("ycbcr.tif", saved("YCbCr"), PICTURE, 3),
    Case("grey.png", saved("L"), GREYED, 1),
    Case("grey.jpg", saved("L", quality=95), GREYED, 6),
    Case("grey.pgm", saved("L"), GREYED, 1),
    Case("black and white.png", lambda p: Image.fromarray(greys() > 128).save(p),
         in_grey(np.where(greys() > 128, 255, 0).astype(np.uint8))),
    Case("in grey.png", saved(), greys()[..., None], 1, preprocessing=GREY),
    Case("deep in grey.png", array(DEEP), greys()[..., None], preprocessing=GREY),
    # more than eight bits
    Case("sixteen bits.png", array(DEEP), GREYED),
    Case("sixteen bits.tif", array(DEEP), GREYED),
    Case("sixteen bits.pgm", array(DEEP), GREYED),
    Case("sixteen bits in 32.tif", array(DEEP.astype(np.int32)), GREYED),
    Case("thirty-two bits.tif", array(DEEP.astype(np.int32) * 9), reason="of 32 bits"),
    Case("below zero.tif", array(-DEEP.astype(np.int32)), reason="of 32 bits"),
    Case("floats.tif", array(DEEP.astype(np.float32)), reason="floating-point"),
    Case("nan.tif", array(DEEP.astype(np.float32) * np.nan), reason="floating-point"),
    # what is transparent
    Case("see-through.png", see_through, over_white(0, slice(HEIGHT // 2, None))),
    Case("half through.png", half_through, over_white(128 / 255, slice(None)), 1),
    Case("opaque.png", saved("RGBA"), PICTURE),
    Case("grey with alpha.png", saved("LA"), GREYED, 1),
    Case("see-through.webp", lambda p: (see_through(p.with_name(".a.png")), Image.open(
        p.with_name(".a.png")).save(p, lossless=True)), over_white(0, slice(HEIGHT // 2, None))),
    Case("palette with a hole.png", palette_with_a_hole,
         over_white(0, (slice(HEIGHT // 2, None), slice(WIDTH // 2, None))), 6),
    # more than one frame
    Case("film.gif", frames, PICTURE, 6),
    Case("film.png", frames, PICTURE),
    Case("film.webp", frames, PICTURE),
    Case("pages.tif", frames, PICTURE),
    # turned
    *(Case(f"turned {turn}.png", turned(turn), PICTURE) for turn in range(1, 9)),
    Case("turned nonsense.png", saved(exif=b"Exif\0\0nonsense"), PICTURE),
    # sizes
    Case("one pixel.png", image_of(1, 1), ONE, preprocessing=SMALL),
    Case("a line.png", image_of(1, 300), ONE, preprocessing=SMALL),
    Case("lying line.png", image_of(300, 1), ONE, preprocessing=SMALL),
    Case("an endless line.png", image_of(1, 20_000), ONE, preprocessing=SMALL),
    Case("a line too long.png", image_of(1, 20_000), reason="1x20000 pixels would become",
         preprocessing=Preprocessing(256, (224, 224), (0.5,) * 3, (0.5,) * 3)),
    Case("bomb.png", written(header(20_000, 20_000, b"\0\0\0\x63IDAT")), reason="bomb"),
    Case("no width.png", written(header(0, 8, b"\0\0\0\x63IDAT")), reason=""),
    # not what they are called
    Case("a png.jpg", written(encoded("PNG")), PICTURE),
    Case("a jpeg.png", written(encoded("JPEG", quality=95)), PICTURE, 6),
    Case("an avif.png", written(encoded("AVIF", quality=95)), PICTURE, 12),
    Case("two pictures.jpg", written(encoded("MPO", quality=95, save_all=True)), PICTURE, 6),
    Case("a bitmap.webp", written(encoded("BMP")), PICTURE),
    Case("a text.jpg", written(b"Dear diary"), reason=UNKNOWN),
    Case("a page.png", written(b"<!doctype html><script>alert(1)</script>"), reason=UNKNOWN),
    Case("a drawing.png", written(b'<svg xmlns="http://www.w3.org/2000/svg"/>'), reason=UNKNOWN),
    Case("an archive.jpg", written(b"PK\3\4" + bytes(40)), reason=UNKNOWN),
    Case("zeros.jpg", written(bytes(5000)), reason=UNKNOWN),
    Case("a program.jpg", written(encoded("EPS")), reason=UNKNOWN),
    # broken
    Case("empty.jpg", written(b""), reason="the file is empty"),
    Case("first byte.png", written(b"\x89"), reason=UNKNOWN),
    Case("half.jpg", written(encoded("JPEG", quality=95)[:400]), reason=""),
    Case("half.png", written(encoded("PNG")[:60]), reason=""),
    Case("half.gif", written(encoded("GIF")[:-40]), reason=""),
    Case("half.webp", written(encoded("WEBP")[:60]), reason=""),
    Case("half.bmp", written(encoded("BMP")[:500]), reason="truncated"),
    Case("half.tif", written(encoded("TIFF")[:1500]), reason=""),
    Case("half.ppm", written(encoded("PPM")[:500]), reason=""),
    Case("only a header.png", written(header(8, 8)), reason=""),
    Case("a changed bit.png", broken_sum, reason=""),
    # names
    Case("space and 'quotes' \".png", saved(), PICTURE),
    Case("<script>alert(1)<script>.png", saved(), PICTURE),
    Case("new\nline.png", saved(), PICTURE),
    Case("back\\slash.png", saved(), PICTURE),
    Case("right\u202eto left.png", saved(), PICTURE),
    Case("é 漢字 🐕.png", saved(), PICTURE),
    Case(os.fsdecode(b"caf\xe9.png"), saved(), PICTURE),
    Case("x" * 251 + ".png", saved(), PICTURE),
    Case("?query#fragment%20.png", saved(), PICTURE),
    Case("link.png", as_link, PICTURE),
    Case("lost link.png", lambda p: p.symlink_to("nowhere.png"), reason="No such file"),
    Case("loop.png", lambda p: p.symlink_to(p.name), reason="levels of symbolic links"),
    Case("link out.png", as_link_out, PICTURE),
    Case("folders elsewhere", as_folder_out, reason="a link to a folder, which is not followed"),
    Case("in a circle", lambda p: p.symlink_to(p.parent), reason="a link to a folder, which is"),
    Case("a folder.png", lambda p: p.mkdir(), None),
    Case("a pipe.png", lambda p: os.mkfifo(p), reason="not a regular file"),
)  # fmt: skip


def test_there_are_many_and_none_twice() -> None:
    assert len(CASES) >= 70 and len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.name)[1:40])
def test_a_picture_is_what_a_person_sees_or_left_out_with_a_reason(
    case: Case, tmp_path: Path
) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    Image.fromarray(quarters()).save(folder / "~last.png")  # another image, which stays as it is
    case.make(folder / case.name)
    images = open_folder(tmp_path)
    if (folder / case.name).is_dir() and not (folder / case.name).is_symlink():
        assert images.paths == ("class/~last.png",)
        return
    at = images.paths.index(f"class/{case.name}")
    first, last = (
        next(stimuli_and_unread(images, case.preprocessing, [index]))
        for index in (at, images.paths.index("class/~last.png"))
    )
    assert isinstance(last, Stimulus)
    assert not re.search("[\x00-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", images.name(at))
    assert images.label(at) == "class"
    if case.seen is None:
        assert isinstance(first, Unread)
        said = first.error.reason
        assert case.reason in said and said and "\n" not in said and str(tmp_path) not in said
        return
    assert isinstance(first, Stimulus), first.error
    assert first.pixels.shape == (*case.preprocessing.crop, case.seen.shape[2])
    assert first.pixels.dtype == np.uint8
    height, width = case.preprocessing.crop
    apart = np.abs(first.pixels.astype(int) - case.seen)
    cells = apart.reshape(height // 2, 2, width // 2, 2, -1).mean((1, 3)).max(-1)
    middles = [slice(1, cells.shape[0] // 2 - 1), slice(cells.shape[0] // 2 + 1, -1)]
    across = [slice(1, cells.shape[1] // 2 - 1), slice(cells.shape[1] // 2 + 1, -1)]
    inner = [cells[rows, columns] for rows in middles for columns in across]
    assert all((part <= case.within).all() for part in inner if part.size), cells
