"""A mask as pixels: what is read of it, and how it is laid on its photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from splatworker.formats import masks

WIDTH, HEIGHT = 60, 40


def corner(width: int = WIDTH, height: int = HEIGHT) -> npt.NDArray[np.uint8]:
    """White but for its upper left quarter, and a notch that tells turns from flips."""
    grey = np.full((height, width), 255, np.uint8)
    grey[: height // 2, : width // 2] = 0
    grey[: height // 4, : 3 * width // 4] = 0
    return grey


def save(path: Path, image: Image.Image, orientation: int | None = None) -> Path:
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


def read(path: Path, **options: bool) -> npt.NDArray[np.uint8]:
    return np.asarray(masks.read_mask(path, **options).grey)


def test_grey_is_read_and_inverted(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(corner()))
    assert (read(path) == corner()).all()
    assert (read(path, invert=True) == 255 - corner()).all()


def test_alpha_goes_before_grey(tmp_path: Path) -> None:
    rgba = np.dstack([np.full((HEIGHT, WIDTH, 3), 90, np.uint8), corner()])
    assert (read(save(tmp_path / "a.png", Image.fromarray(rgba))) == corner()).all()


def test_alpha_that_is_opaque_everywhere_says_nothing(tmp_path: Path) -> None:
    grey = corner()
    rgba = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    assert (read(save(tmp_path / "a.png", Image.fromarray(rgba))) == grey).all()


@pytest.mark.parametrize("kind", ["1", "P", "RGB", "I;16", "labels"])
def test_whatever_kind_it_is(tmp_path: Path, kind: str) -> None:
    image = Image.fromarray(corner())
    if kind == "I;16":
        image = Image.fromarray(corner().astype(np.uint16) * 257)
    elif kind == "labels":
        image = Image.fromarray((corner() > 0).astype(np.uint8))
    else:
        image = image.convert(kind)
    assert (read(save(tmp_path / "a.png", image)) == corner()).all()


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 0, 255), (128, 0, 0), (30, 20, 10)])
@pytest.mark.parametrize("kind", ["RGB", "P"])
def test_one_colour_on_black_is_white(tmp_path: Path, kind: str, colour: tuple[int, int, int]) -> None:
    """As labels are painted: pure blue is a ninth as bright as white."""
    painted = np.where(corner()[:, :, None] > 0, np.array(colour, np.uint8), np.uint8(0))
    image = Image.fromarray(painted)
    path = save(tmp_path / "a.png", image.quantize(4) if kind == "P" else image)
    assert (read(path) == corner()).all()
    assert (read(path, invert=True) == 255 - corner()).all()


def test_several_bright_colours_are_all_kept_and_noise_is_not(tmp_path: Path) -> None:
    painted = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    painted[:, 20:40, 2], painted[:, 40:, 0] = 255, 200
    path = save(tmp_path / "a.png", Image.fromarray(painted))
    assert (np.asarray(masks.kept(masks.read_mask(path).grey)) == np.where(painted.any(axis=2), 255, 0)).all()
    black = Image.fromarray(np.random.default_rng(0).integers(0, 9, (HEIGHT, WIDTH), np.uint8))
    assert masks.hides_all(masks.read_mask(save(tmp_path / "b.png", black)).grey)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_stands_as_its_photo(tmp_path: Path, orientation: int) -> None:
    """The same mask three times: as the photo's pixels lie, upright with no header, and with the photo's header."""
    lying = Image.fromarray(corner())
    header = save(tmp_path / "lying.png", lying, orientation)
    with Image.open(header) as image:
        upright = ImageOps.exif_transpose(image)
    fit: dict[str, Any] = {"photo": (WIDTH, HEIGHT), "orientation": orientation, "size": (WIDTH, HEIGHT)}
    assert (np.asarray(masks.fitted(masks.Mask(lying, upright=False), **fit)) == corner()).all()
    assert (np.asarray(masks.fitted(masks.read_mask(header), **fit)) == corner()).all()
    if orientation >= 5:  # else it cannot be told from one that lies
        assert (np.asarray(masks.fitted(masks.Mask(upright, upright=False), **fit)) == corner()).all()


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_whose_photo_has_lost_its_header_lies_as_it_does(tmp_path: Path, orientation: int) -> None:
    header = save(tmp_path / "lying.png", Image.fromarray(corner()), orientation)
    fits = masks.fitted(masks.read_mask(header), (WIDTH, HEIGHT), 1, (WIDTH, HEIGHT))
    assert (np.asarray(fits) == corner()).all()


def test_another_size_is_scaled_and_another_shape_refused() -> None:
    small = masks.Mask(Image.fromarray(corner(30, 20)), upright=False)
    scaled = np.asarray(masks.fitted(small, (WIDTH, HEIGHT), 1, (WIDTH, HEIGHT)))
    assert scaled.shape == (HEIGHT, WIDTH)
    assert (scaled == corner()).mean() > 0.97
    with pytest.raises(masks.MisfitMask, match="is 30x20 pixels and the photo 60x60"):
        masks.fitted(small, (60, 60), 1, (60, 60))
    with pytest.raises(masks.MisfitMask):  # not turned without a header that says so
        masks.fitted(small, (HEIGHT, WIDTH), 1, (HEIGHT, WIDTH))


def test_rounded_sides_are_the_same_shape() -> None:
    assert masks.same_shape((1000, 667), (4031, 2688))
    assert masks.same_shape((4031, 2688), (1000, 667))
    assert not masks.same_shape((1000, 750), (1000, 667))


def test_what_hides_all_and_what_hides_nothing() -> None:
    black, white = (Image.new("L", (8, 8), value) for value in (127, 128))
    assert masks.hides_all(black)
    assert not masks.hides_nothing(black)
    assert masks.hides_nothing(white)
    assert set(np.asarray(masks.kept(white)).ravel()) == {255}


def labelled(levels: list[int]) -> np.ndarray:
    """Stripes of these levels."""
    return np.repeat(np.array(levels, np.uint8), 20)[None].repeat(60, axis=0)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_every_label_of_several_counts(tmp_path: Path, suffix: str) -> None:
    painted = labelled([0, 1, 0, 2, 3, 7])
    Image.fromarray(painted).save(tmp_path / f"a.{suffix}")
    mask = masks.read_mask(tmp_path / f"a.{suffix}")
    assert mask.labels == 4
    assert (np.asarray(mask.grey) == np.where(painted > 0, 255, 0)).all()
    inverted = masks.read_mask(tmp_path / f"a.{suffix}", invert=True)
    assert (np.asarray(inverted.grey) == np.where(painted > 0, 0, 255)).all()
    deep = Image.fromarray(painted.astype(np.uint16))
    deep.save(tmp_path / f"b.{suffix}")
    assert masks.read_mask(tmp_path / f"b.{suffix}").labels == 4


def test_what_may_be_shades_is_no_picture_of_labels(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 4, (60, 80)).astype(np.uint8)
    ramp = np.arange(80, dtype=np.uint8)[None].repeat(60, axis=0)
    for name, pixels in {
        "noise": noise,
        "ramp": ramp,
        "light": labelled([0, 1, 200]),
        "no black": labelled([1, 2, 3]),
    }.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        mask = masks.read_mask(tmp_path / f"{name}.png")
        assert mask.labels == 0, name
        assert (np.asarray(mask.grey) == pixels).all()
    Image.fromarray(labelled([0, 40, 80])).save(tmp_path / "lossy.jpg", quality=95)
    assert masks.read_mask(tmp_path / "lossy.jpg").labels == 0


@pytest.mark.parametrize(("alpha", "kind"), [(0, "RGBA"), (128, "RGBA"), (254, "LA"), (255, "LA")])
def test_alpha_that_is_the_same_everywhere_says_nothing(tmp_path: Path, alpha: int, kind: str) -> None:
    grey = corner()
    rgba = np.dstack([grey, grey, grey, np.full_like(grey, alpha)])
    assert (read(save(tmp_path / "a.png", Image.fromarray(rgba).convert(kind))) == grey).all()


def test_alpha_that_is_opaque_but_for_a_codecs_noise_says_nothing(tmp_path: Path) -> None:
    grey = corner()
    alpha = np.random.default_rng(0).integers(masks.OPAQUE, 256, grey.shape, np.uint8)
    assert (read(save(tmp_path / "a.png", Image.fromarray(np.dstack([grey, grey, grey, alpha])))) == grey).all()


@pytest.mark.parametrize("numbers", [(7, 1001), (24, 26001), (1, 400)])
def test_a_label_of_16_bits_counts_however_small_its_number_is(tmp_path: Path, numbers: tuple[int, int]) -> None:
    painted = np.where(corner() > 0, numbers[0], 0).astype(np.uint16)
    painted[-10:] = numbers[1]
    Image.fromarray(painted).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png") == np.where(painted > 0, 255, 0)).all()


def test_noise_of_16_bits_is_no_label(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 100, (HEIGHT, WIDTH)).astype(np.uint16)
    noise[0, 0] = 65535
    Image.fromarray(noise).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png") > 0).sum() == 1


def coloured(*colours: tuple[int, int, int]) -> Image.Image:
    """Stripes of these colours."""
    return Image.fromarray(np.repeat(np.array(colours, np.uint8), 20, axis=0)[None].repeat(60, axis=0))


@pytest.mark.parametrize("kind", ["RGB", "P"])
def test_every_colour_of_a_picture_of_labels_counts_the_dark_ones_too(tmp_path: Path, kind: str) -> None:
    """As street scenes and VOC are painted: (0, 0, 142) is a car, (0, 0, 70) a lorry."""
    painted = coloured((0, 0, 0), (0, 0, 142), (0, 0, 0), (0, 0, 70), (128, 64, 0))
    expected = np.where(np.asarray(painted).any(axis=2), 255, 0)
    (painted if kind == "RGB" else painted.quantize(8)).save(tmp_path / "a.png")
    mask = masks.read_mask(tmp_path / "a.png")
    assert mask.labels == 3
    assert (np.asarray(mask.grey) == expected).all()


@pytest.mark.parametrize("white", [(255, 255, 255), (140, 140, 140)])
def test_where_something_is_white_or_all_is_grey_dark_colours_are_no_labels(
    tmp_path: Path, white: tuple[int, int, int]
) -> None:
    other = (0, 0, 70) if white[0] == 255 else (70, 70, 70)
    coloured((0, 0, 0), white, other).save(tmp_path / "a.png")
    assert (np.asarray(masks.kept(masks.read_mask(tmp_path / "a.png").grey))[0, ::20] > 0).tolist() == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_that_stood_upright_when_the_photos_header_was_copied_to_it(tmp_path: Path, orientation: int) -> None:
    """As programs write it that turn a photo and keep its header: of the photo's shape as its pixels stand."""
    with Image.open(save(tmp_path / "lying.png", Image.fromarray(corner()), orientation)) as image:
        upright = ImageOps.exif_transpose(image)
    wrong = save(tmp_path / "upright.png", upright, orientation)
    fits = masks.fitted(masks.read_mask(wrong), (WIDTH, HEIGHT), orientation, (WIDTH, HEIGHT))
    assert (np.asarray(fits) == corner()).all()


def test_the_ways_in_which_a_mask_may_lie(tmp_path: Path) -> None:
    given = masks.Mask(Image.fromarray(corner()), upright=False)
    ways = masks.layouts(given, (WIDTH, HEIGHT), 3)
    assert [(np.asarray(way) == corner()).all() for way in ways] == [True, False]
    assert (np.asarray(ways[1]) == corner()[::-1, ::-1]).all()
    assert len(masks.layouts(given, (WIDTH, HEIGHT), 1)) == len(masks.layouts(given, (WIDTH, HEIGHT), 6)) == 1
    even = masks.Mask(Image.fromarray(np.full((HEIGHT, WIDTH), 255, np.uint8)), upright=False)
    assert len(masks.layouts(even, (WIDTH, HEIGHT), 3)) == 1
    turned = masks.layouts(given, (HEIGHT, WIDTH), 1, turned=6)  # of a TIFF, which stands upright when it is read
    assert [(np.asarray(way) == np.rot90(corner(), -1)).all() for way in turned] == [True]
    assert masks.layouts(given, (50, 50), 3) == []
