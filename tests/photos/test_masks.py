"""Photos with masks: what comes of both, and masks that are of no use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.heard import Heard
from support.odd_photos import photo

from splatworker.errors import InvalidMasks
from splatworker.formats.mask_names import MaskFiles, MaskMode, MaskRules
from splatworker.photos import decode

WIDTH, HEIGHT = 160, 120


pytestmark = pytest.mark.usefixtures("decoders")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three photos, and a folder of masks with nothing in it."""
    (tmp_path / "in" / "masks").mkdir(parents=True)
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg")):
        Image.fromarray(photo(WIDTH, HEIGHT, seed=number)).save(tmp_path / "in" / name, quality=95)
    return tmp_path / "in"


def left_half(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    grey = np.zeros((height, width), np.uint8)
    grey[:, : width // 2] = 255
    return Image.fromarray(grey)


def run(
    source: Path, mode: MaskMode = "auto", invert: bool = False, **options: Any
) -> tuple[decode.Decoded, Path, list[str]]:
    told = Heard()
    rules = MaskRules(mode, invert)
    decoded = decode.decode_folder(source, source.parent / "out", told, masks=source / "masks", rules=rules, **options)
    return decoded, source.parent / "out", told.warnings


def test_what_is_ignored_lies_beside_the_photo(source: Path) -> None:
    left_half().save(source / "masks" / "a.png")
    decoded, out, warnings = run(source)
    assert [entry.get("masked") for entry in decoded.photos] == [["ignore"], None, None]
    assert warnings == []
    with Image.open(out / "masks" / "a.jpg.png") as mask:
        assert (mask.mode, mask.size) == ("L", (WIDTH, HEIGHT))
        assert (np.asarray(mask) == np.asarray(left_half())).all()
    with Image.open(out / "a.jpg") as image:
        assert image.mode == "RGB"
    assert MaskFiles.within(out / "masks").of("a.jpg") == out / "masks" / "a.jpg.png"
    assert sorted(path.name for path in (out / "masks").iterdir()) == ["a.jpg.png"]


def test_a_cutout_is_the_photos_alpha_and_its_colours_stay(source: Path) -> None:
    left_half().save(source / "masks" / "a.jpg.png")
    decoded, out, _ = run(source, "cutout")
    assert decoded.photos[0]["name"] == "a.png"
    assert decoded.photos[0]["masked"] == ["cutout"]
    with Image.open(out / "a.png") as image, Image.open(source / "a.jpg") as given:
        pixels, before = np.asarray(image), np.asarray(given)
    assert (pixels[:, :, 3] == np.asarray(left_half())).all()
    assert (pixels[:, :, :3] == before).all()
    assert not (out / "masks").exists()


@pytest.mark.parametrize(("mode", "masked"), [("auto", ["cutout"]), ("cutout", ["cutout"]), ("ignore", ["ignore"])])
def test_the_photos_own_alpha(source: Path, mode: MaskMode, masked: list[str]) -> None:
    Image.fromarray(np.dstack([photo(WIDTH, HEIGHT, seed=9), np.asarray(left_half())])).save(source / "d.png")
    decoded, out, _ = run(source, mode)
    assert decoded.photos[3]["masked"] == masked
    assert (out / "masks" / "d.jpg.png").exists() == (mode == "ignore")


def test_alpha_and_a_mask_file_each_mean_their_own(source: Path) -> None:
    Image.fromarray(np.dstack([photo(WIDTH, HEIGHT, seed=9), np.asarray(left_half())])).save(source / "d.png")
    top = np.zeros((HEIGHT, WIDTH), np.uint8)
    top[: HEIGHT // 2] = 255
    Image.fromarray(top).save(source / "masks" / "d.png")
    decoded, out, _ = run(source)
    assert decoded.photos[3]["masked"] == ["cutout", "ignore"]
    with Image.open(out / "d.png") as image, Image.open(out / "masks" / "d.png.png") as mask:
        assert (np.asarray(image)[:, :, 3] == np.asarray(left_half())).all()
        assert (np.asarray(mask) == top).all()
    decoded, out, _ = run(source, "cutout")
    with Image.open(out / "d.png") as image:
        assert (np.asarray(image)[:, :, 3] == np.minimum(np.asarray(left_half()), top)).all()


def test_masks_may_be_the_other_way_round(source: Path) -> None:
    left_half().save(source / "masks" / "a.png")
    _, out, _ = run(source, invert=True)
    with Image.open(out / "masks" / "a.jpg.png") as mask:
        assert (np.asarray(mask) == 255 - np.asarray(left_half())).all()


def test_photo_and_mask_are_shrunk_together_and_turned_alike(source: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo(WIDTH, HEIGHT)).save(source / "a.jpg", exif=exif)
    left_half().transpose(Image.Transpose.ROTATE_270).save(source / "masks" / "a.png")  # as people see the photo
    _, out, warnings = run(source, max_size=80)
    assert warnings == []
    with Image.open(out / "masks" / "a.jpg.png") as mask:
        assert (np.asarray(mask) == np.asarray(left_half(80, 60))).all()


@pytest.mark.parametrize("mirrored", [2, 4, 5, 7])
def test_photos_that_lie_mirrored_are_laid_right_and_their_masks_with_them(source: Path, mirrored: int) -> None:
    back = {2: 0, 4: 1, 5: 5, 7: 6}  # Pillow's transposes, which are their own inverses
    turns = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
    exif = Image.Exif()
    exif[0x0112] = mirrored
    upright = Image.fromarray(photo(WIDTH, HEIGHT))
    for name, mask in (("a", left_half()), ("b", left_half().transpose(Image.Transpose(back[mirrored])))):
        stored = upright.transpose(Image.Transpose(back[mirrored]))
        stored.putpixel((0, 0), (ord(name), 0, 0))  # not twice the same picture
        stored.save(source / f"{name}.png", exif=exif)
        mask.save(source / "masks" / f"{name}.png")
    (source / "a.jpg").unlink()
    (source / "b.jpg").unlink()
    _, out, _ = run(source)
    given_upright = {2: "b", 4: "b", 5: "a", 7: "a"}  # of its pixels' shape a mask lies as they do, else upright
    names = "ab" if mirrored >= 5 else given_upright[mirrored]
    for name in names:
        with Image.open(out / f"{name}.jpg") as clean, Image.open(out / "masks" / f"{name}.jpg.png") as mask:
            turn = turns[clean.getexif()[0x0112]]
            shown, kept = (part if turn is None else part.transpose(turn) for part in (clean, mask))
            assert np.abs(np.asarray(shown).astype(int) - np.asarray(upright)).mean() < 3
            assert (np.asarray(kept) == np.asarray(left_half())).all()


def test_a_mask_of_another_size_is_scaled_and_told(source: Path) -> None:
    left_half(40, 30).save(source / "masks" / "a.png")
    _, out, warnings = run(source)
    with Image.open(out / "masks" / "a.jpg.png") as mask:
        assert (np.asarray(mask) == np.asarray(left_half())).all()
    assert warnings == ["Masks were scaled to the size of their photos: a.png of 40x30."]


def test_a_mask_of_another_shape_is_refused_by_name(source: Path) -> None:
    left_half(100, 100).save(source / "masks" / "a.png")
    left_half().save(source / "masks" / "b.png")
    decoded, _, _ = run(source)
    (rejected,) = decoded.rejected
    assert rejected["name"] == "a.jpg"
    assert rejected["reason"] == ("its mask a.png is 100x100 pixels and the photo 160x120, which is another shape")


def test_a_mask_that_is_none_is_refused_by_name(source: Path) -> None:
    (source / "masks" / "a.png").write_bytes(b"no picture")
    left_half().save(source / "masks" / "b.png")
    decoded, out, _ = run(source)
    assert [(photo["name"], photo["reason"]) for photo in decoded.rejected] == [
        ("a.jpg", "its mask a.png cannot be read as a picture")
    ]
    assert sorted(path.name for path in out.iterdir()) == ["b.jpg", "c.jpg", "masks"]


def test_masks_of_no_photo_are_named(source: Path) -> None:
    for name in ("a.png", "x.png", "y.png"):
        left_half().save(source / "masks" / name)
    assert run(source)[2] == ["x.png, y.png are the masks of no photo."]


def test_masks_in_the_sub_folders_of_photos_are_told(source: Path, tmp_path: Path) -> None:
    """They are not used, and where they are looked for is said."""
    for number in range(2):
        (source / f"{number}" / "masks").mkdir(parents=True)
        Image.fromarray(np.roll(photo(), 9 * number, axis=1)).save(source / f"{number}" / "a.png")
        Image.new("L", (8, 8), 255).save(source / f"{number}" / "masks" / "a.png")
    told = Heard()
    assert len(decode.decode_folder(source, tmp_path / "clean", told).photos) == 5
    assert told.warnings[-1].startswith("Masks are looked for in one folder, called masks, in the folder of all photos")


def test_masks_of_other_photos_are_refused(source: Path) -> None:
    for name in ("x.png", "y.png"):
        left_half().save(source / "masks" / name)
    with pytest.raises(InvalidMasks, match=r"None of the 2 masks has the name of a photo \(x.png, y.png\)\."):
        run(source)


def test_masks_that_hide_everything_are_refused(source: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        Image.new("L", (WIDTH, HEIGHT), 0).save(source / "masks" / name)
    with pytest.raises(InvalidMasks, match=r"a\.png hides all of it, for white is what is kept"):
        run(source)
    assert len(run(source, invert=True)[0].photos) == 3


def test_one_mask_that_hides_everything_costs_one_photo(source: Path) -> None:
    Image.new("L", (WIDTH, HEIGHT), 0).save(source / "masks" / "a.png")
    left_half().save(source / "masks" / "b.png")
    decoded, out, _ = run(source)
    assert [photo["file"] for photo in decoded.photos] == ["b.jpg", "c.jpg"]
    assert not (out / "masks" / "a.jpg.png").exists()


def test_a_mask_that_hides_nothing_is_none(source: Path) -> None:
    Image.new("L", (WIDTH, HEIGHT), 255).save(source / "masks" / "a.png")
    left_half().save(source / "masks" / "b.png")
    decoded, out, _ = run(source)
    assert "masked" not in decoded.photos[0]
    assert [path.name for path in (out / "masks").iterdir()] == ["b.jpg.png"]


def test_a_photo_that_is_left_out_leaves_no_mask(source: Path) -> None:
    (source / "b.jpg").write_bytes((source / "a.jpg").read_bytes())
    left_half().save(source / "masks" / "a.png")
    left_half().save(source / "masks" / "b.png")
    decoded, out, _ = run(source)
    assert [photo["name"] for photo in decoded.rejected] == ["b.jpg"]
    assert [path.name for path in (out / "masks").iterdir()] == ["a.jpg.png"]


def test_a_picture_of_labels_is_a_mask_and_that_is_told(source: Path) -> None:
    for name in ("a", "b"):
        painted = np.zeros((HEIGHT, WIDTH), np.uint8)
        painted[:, : WIDTH // 4], painted[:, WIDTH // 4 : WIDTH // 2] = 1, 3
        Image.fromarray(painted).save(source / "masks" / f"{name}.png")
    decoded, out, warnings = run(source)
    assert len(decoded.photos) == 3
    assert [photo.get("masked") for photo in decoded.photos] == [["ignore"], ["ignore"], None]
    with Image.open(out / "masks" / "a.jpg.png") as mask:
        assert (np.asarray(mask.convert("L")) == np.asarray(left_half())).all()
    assert warnings == [
        "a.png, b.png are pictures of several labels, not of black and white: every label was taken for white, and 0 "
        "for black."
    ]


def test_masks_may_lie_beside_their_photos_where_that_folder_is_named(source: Path) -> None:
    """Else each photo would be taken for its own mask."""
    (source / "masks").rmdir()
    for name in ("a_mask.png", "b.mask.png"):
        left_half().save(source / name)
    told = Heard()
    decoded = decode.decode_folder(source, source.parent / "out", told, masks=source)
    assert told.warnings == []
    assert [photo.get("masked") for photo in decoded.photos] == [["ignore"], ["ignore"], None]
    with Image.open(source.parent / "out" / "masks" / "a.jpg.png") as mask:
        assert (np.asarray(mask) == np.asarray(left_half())).all()


def test_a_mask_among_photos_is_no_photo(source: Path) -> None:
    """In a folder whose name says nothing, and saved as a JPEG, whose codec leaves noise."""
    (source / "masks").rmdir()
    (source / "out of the network").mkdir()
    blob = Image.new("L", (WIDTH, HEIGHT))
    blob.paste(255, (40, 30, 90, 100))
    blob.save(source / "out of the network" / "a.png")
    blob.convert("RGB").save(source / "out of the network" / "b.jpg", quality=75)
    Image.new("RGB", (WIDTH, HEIGHT)).save(source / "dark.jpg")
    dithered = Image.fromarray(photo(WIDTH, HEIGHT, seed=8)).convert("1")
    dithered.save(source / "dithered.png")
    decoded = decode.decode_folder(source, source.parent / "out", Heard())
    assert {photo["name"] for photo in decoded.rejected} == {"out of the network/a.png", "out of the network/b.jpg"}
    assert all("a mask, not a photo" in photo["reason"] for photo in decoded.rejected)


def test_photos_of_which_only_some_are_cut_out_are_told(source: Path) -> None:
    for name in ("a.png", "b.png"):
        left_half().save(source / "masks" / name)
    assert run(source, "ignore")[2] == []
    assert run(source, "cutout")[2] == [
        "2 of 3 photos are cut out, and c.jpg is not: what is around the subject there is learnt as a part of it. Cut "
        "out all of them, or say mask_mode ignore."
    ]
    left_half().save(source / "masks" / "c.png")
    assert run(source, "cutout")[2] == []
