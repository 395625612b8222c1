"""Frames as photos: in the right colours, the right way up, whatever codec, size or field they are of."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from support import clips
from support.clips import difference, frames_of
from support.heard import Heard

from splatworker.formats.panorama import panorama_in
from splatworker.stages.progress import Silent
from splatworker.video import extract as extract_module
from splatworker.video import ffmpeg, tone_mapping
from splatworker.video.extract import extract, together
from splatworker.video.frames import take_frames
from splatworker.video.measure import Measured, measure
from splatworker.video.options import VideoOptions
from splatworker.video.probe import probe

CODECS = {
    "h264.mp4": (),
    "hevc.mov": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime"),
    "av1.mkv": ("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"),
    "prores.mov": ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"),
}


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_gives_the_frames_that_were_filmed(tmp_path: Path, name: str) -> None:
    filmed = clips.pan(range(0, 48, 4), size=(160, 120))
    clip = clips.write_clip(tmp_path / name, filmed, CODECS[name])
    photos, told = frames_of(clip, tmp_path / "photos")
    assert told["codec"] == {"av1": "av1"}.get(name.split(".", maxsplit=1)[0], name.split(".", maxsplit=1)[0])
    assert len(photos) == 12
    for number, photo in enumerate(photos.values()):
        assert difference(photo, filmed[number]) < 6
        assert difference(photo, filmed[number]) < 0.7 * difference(photo, filmed[(number + 1) % 12])


TURNS = {str(turn): ["-display_rotation", str(turn)] for turn in (0, 90, 180, 270)}
FLIPS = {
    "across": ["-display_hflip:v:0"],
    "upside down": ["-display_vflip:v:0"],
    "90 and flipped": [*TURNS["90"], "-display_hflip:v:0"],
    "270 and flipped": [*TURNS["270"], "-display_hflip:v:0"],
}


@pytest.mark.parametrize("turn", TURNS | FLIPS)
def test_photos_are_upright(tmp_path: Path, turn: str) -> None:
    """As the decoder's own turning has them, mirrored where the header says that the frames lie so."""
    header = (TURNS | FLIPS)[turn]
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 24, 4), size=(160, 120)), before=header)
    turned = subprocess.run(
        [ffmpeg.program(), "-loglevel", "error", "-i", clip, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        capture_output=True,
        check=True,
    ).stdout
    height, width = (160, 120) if turn.startswith(("90", "270")) else (120, 160)
    true = np.frombuffer(turned, np.uint8).reshape(-1, height, width, 3)
    photos, told = frames_of(clip, tmp_path / "photos")
    assert (told["width"], told["height"]) == (width, height)
    for photo, frame in zip(photos.values(), true, strict=True):
        assert difference(photo, frame) < 4


@pytest.mark.parametrize(
    ("size", "turn", "matrix"),
    [
        ((640, 480), "0", "smpte170m"),
        ((848, 480), "90", "smpte170m"),
        ((480, 848), "0", "smpte170m"),
        ((1280, 720), "90", "bt709"),
        ((1280, 534), "0", "bt709"),
    ],
)
def test_colours_that_nothing_is_said_of_are_those_of_the_frames_size(
    tmp_path: Path, size: tuple[int, int], turn: str, matrix: str
) -> None:
    """As it is coded, however it lies: a telephone's video upright has no more lines for that."""
    colours = np.array([[200, 40, 30], [30, 170, 60], [40, 60, 190], [180, 180, 40]], np.uint8)
    patches = colours.reshape(2, 2, 3).repeat(size[1] // 2, axis=0).repeat(size[0] // 2, axis=1)
    filmed = [np.roll(patches, 8 * number, axis=1) for number in range(6)]
    coded = ["-vf", f"scale=out_color_matrix={matrix}:out_range=tv,setparams=colorspace=unknown", "-crf", "4"]
    clip = clips.write_clip(tmp_path / "clip.mp4", filmed, coded, before=["-display_rotation", turn])
    photo = np.rot90(next(iter(frames_of(clip, tmp_path / "photos")[0].values())), -int(turn) // 90)
    rows, columns = ([(2 * n + 1) * side // 4 for n in range(2)] for side in (size[1], size[0]))
    found = [photo[row - 9 : row + 9, column - 9 : column + 9].mean(axis=(0, 1)) for row in rows for column in columns]
    assert np.stack(found) == pytest.approx(colours.astype(float), abs=2)


@pytest.mark.parametrize(
    ("tag", "matrix"), [("bt2020c", "bt2020"), ("chroma-derived-nc", "smpte170m"), ("gbr", None), ("ictcp", None)]
)
def test_colours_by_a_tag_that_the_decoder_cannot_convert(tmp_path: Path, tag: str, matrix: str | None) -> None:
    """They are taken for those that are nearest, or refused by name; sound files were told to be damaged."""
    rng = np.random.default_rng(1)
    colours = rng.integers(40, 200, (6, 3)).astype(np.uint8)
    patches = colours.reshape(2, 3, 3).repeat(60, axis=0).repeat(56, axis=1)
    filmed = [np.roll(patches, 4 * number, axis=1) for number in range(6)]
    scaled = f"scale=out_color_matrix={matrix or 'bt709'}:out_range=tv,format=yuv420p,setparams=colorspace={tag}"
    coded = ["-vf", scaled, "-crf", "4"] if tag != "gbr" else ["-c:v", "libx264rgb", "-pix_fmt", "rgb24", "-crf", "4"]
    clip = clips.write_clip(tmp_path / "clip.mkv", filmed, coded)
    if tag == "ictcp":
        error = clips.refusal(clip, tmp_path)
        assert (error.code, "'ictcp'" in error.message) == ("video_not_supported", True)
        return
    photo = next(iter(frames_of(clip, tmp_path / "photos")[0].values()))
    found = photo.reshape(2, 60, 3, 56, 3)[:, 20:40, :, 20:36].mean(axis=(1, 3)).reshape(6, 3)
    assert found == pytest.approx(colours.astype(float), abs=2)


def test_photos_are_shrunk(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", clips.pan(range(0, 24, 4)), before=["-display_rotation", "90"])
    photos, _ = frames_of(clip, tmp_path / "photos", max_size=100)
    assert {photo.shape for photo in photos.values()} == {(100, 75, 3)}


@pytest.mark.parametrize("size", [(161, 121), (320, 239)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    clip = clips.write_clip(tmp_path / "odd.mkv", clips.pan(range(0, 24, 4), size=size), ["-pix_fmt", "yuv444p"])
    photos, told = frames_of(clip, tmp_path / "photos")
    assert {photo.shape for photo in photos.values()} == {(size[1], size[0], 3)}
    assert (told["width"], told["height"]) == size


def test_pixels_that_are_no_squares(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "dv.mp4", clips.pan(range(0, 24, 4), size=(180, 240)), ["-aspect", "4:3"])
    photos, _ = frames_of(clip, tmp_path / "photos")
    assert {photo.shape for photo in photos.values()} == {(240, 320, 3)}


@pytest.mark.parametrize("name", ["dv.mp4", "dv.mov", "dv.mkv"])
@pytest.mark.parametrize(("coded", "told", "width"), [((), "4:3", 320), (("-aspect", "4:3"), "3:4", 180)])
def test_the_containers_word_on_the_shape_of_pixels_goes_first(
    tmp_path: Path, name: str, coded: tuple[str, ...], told: str, width: int
) -> None:
    """As a circle must stay one: most codecs leave that to the container, and players believe it before the codec."""
    filmed = clips.pan(range(0, 24, 4), size=(180, 240))
    as_coded = clips.write_clip(tmp_path / f"coded {name}", filmed, coded)
    photos, _ = frames_of(clips.remux(as_coded, tmp_path / name, ["-aspect", told]), tmp_path / "photos")
    assert {photo.shape for photo in photos.values()} == {(240, width, 3)}


@pytest.mark.parametrize(
    ("boxes", "turn", "size"),
    [
        (clips.clean_aperture(304, 240), "0", (304, 240)),
        (clips.clean_aperture(200, 160, 20, -10), "0", (200, 160)),
        (clips.clean_aperture(200, 160, 20, -10), "90", (160, 200)),
        (clips.clean_aperture(304, 240) + clips.box("pasp", bytes([0, 0, 0, 10, 0, 0, 0, 11])), "0", (276, 240)),
        (clips.clean_aperture(4000, 160), "0", (320, 240)),
    ],
    ids=["narrow", "aside", "aside and turned", "of oblong pixels", "impossible"],
)
def test_the_containers_clean_aperture_is_what_is_shown(
    tmp_path: Path, boxes: bytes, turn: str, size: tuple[int, int]
) -> None:
    """In its own proportions: the decoder cuts frames to it, and what is left must not be stretched over the whole."""
    filmed = clips.pan(range(0, 24, 4))
    straight = clips.write_clip(tmp_path / "straight.mp4", filmed, before=["-display_rotation", turn])
    photos, told = frames_of(clips.with_boxes(straight, tmp_path / "clip.mp4", boxes), tmp_path / "photos")
    assert {photo.shape for photo in photos.values()} == {(size[1], size[0], 3)}
    assert (told["width"], told["height"]) == size
    if size in ((200, 160), (160, 200)):
        for photo, frame in zip(photos.values(), filmed, strict=True):
            assert difference(photo, np.rot90(frame[30:190, 80:280], int(turn) // 90)) < 4


def test_interlaced_lines_are_woven_apart(tmp_path: Path) -> None:
    """Two half pictures taken one after the other: in a photo there must be no comb at upright edges."""
    halves = clips.pan(range(0, 240, 12))
    woven = []
    for first, second in zip(halves[::2], halves[1::2], strict=True):
        frame = first.copy()
        frame[1::2] = second[1::2]
        woven.append(frame)
    clip = clips.write_clip(
        tmp_path / "tv.mp4", woven, ["-flags", "+ilme+ildct", "-x264-params", "tff=1", "-vf", "setfield=tff"]
    )
    assert probe(clip).interlaced
    photos, _ = frames_of(clip, tmp_path / "photos", VideoOptions(fps=30))

    def comb(frame: npt.NDArray[Any]) -> float:
        return float(np.abs(np.diff(frame.astype(float), axis=0)).mean())

    assert len(photos) == 10
    assert np.mean([comb(photo) for photo in photos.values()]) < 0.7 * np.mean([comb(frame) for frame in woven])


@pytest.mark.parametrize(("transfer", "options"), [("hlg", clips.HLG), ("pq", clips.PQ)])
@pytest.mark.parametrize("codec", ["libx265", "libx264"])
def test_hdr_becomes_srgb_by_one_curve(tmp_path: Path, transfer: str, options: tuple[str, ...], codec: str) -> None:
    """Patches of one colour each, against the curve worked out for that colour."""
    rng = np.random.default_rng(3)  # not so colourful that sRGB cannot show it: the table rounds where it ends
    colours = rng.integers(30, 190, (12, 1)) + rng.integers(-12, 12, (12, 3))
    patches = np.repeat(np.repeat(colours.reshape(3, 4, 3), 40, axis=0), 40, axis=1).astype(np.uint8)
    filmed = [np.roll(patches, 16 * number, axis=1) for number in range(6)]
    params = ("-x265-params", "log-level=none") if codec == "libx265" else ()
    clip = clips.write_clip(
        tmp_path / "hdr.mp4",
        filmed,
        [*options, "-pix_fmt", "yuv420p10le", "-c:v", codec, "-preset", "ultrafast", "-crf", "1", *params],
    )
    photos, told = frames_of(clip, tmp_path / "photos")
    assert told["hdr"] == transfer
    expected = tone_mapping.to_srgb(colours / 255, transfer) * 255
    for number, photo in enumerate(photos.values()):
        found = (
            np.roll(photo, -16 * number, axis=1)
            .reshape(3, 40, 4, 40, 3)[:, 10:30, :, 10:30]
            .mean(axis=(1, 3))
            .reshape(-1, 3)
        )
        assert found == pytest.approx(expected, abs=5 if transfer == "hlg" else 10)  # of eight bits, PQ's are coarse


def test_what_is_decoded_in_one_call() -> None:
    nothing = np.zeros(300)
    measured = Measured(nothing, np.arange(300) % 60 == 0, nothing, nothing, (), True)
    groups = list(together([0, 5, 30, 59, 61, 150, 179, 240], measured))
    assert groups == [[0, 1, 2, 3, 4], [5, 6], [7]]


@pytest.mark.parametrize("name", ["alpha.mov", "alpha.webm", "opaque.mov"])
def test_transparency_is_not_read_and_that_is_said(tmp_path: Path, name: str) -> None:
    filmed = clips.pan(range(0, 24, 4), size=(160, 120))
    pixels = "yuva" if name.startswith("alpha") else "yuv"
    prores = ("-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", f"{pixels}444p10le")
    vp9 = ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-pix_fmt", f"{pixels}420p")
    clip = clips.write_clip(tmp_path / name, filmed, prores if name.endswith("mov") else vp9)
    told = Heard()
    assert take_frames([clip], tmp_path / "photos", clips.EVERY, told).videos[0]["frames"] == 6
    assert [name for warning in told.warnings if "has an alpha channel" in warning] == [name] * (pixels == "yuva")


def test_frames_that_show_all_around_say_so(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "around.mp4", clips.pan(range(0, 24, 4), size=(320, 160)))
    clip = probe(path)
    measured = measure(clip, VideoOptions(), Silent())
    for name, spherical in (("around.jpg", True), ("ahead.jpg", False)):
        shown = dataclasses.replace(clip, spherical=spherical)
        extract(shown, "0123abcd", measured, [0], [name], tmp_path / "photos", Silent(), max_size=64)
        with Image.open(tmp_path / "photos" / name) as image:
            assert (panorama_in(image, image.info, image.getexif()) is not None) == spherical
            assert image.size == ((256, 128) if spherical else (64, 32))  # a view of it is a quarter as wide


def test_a_container_that_tells_too_little_is_tried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clips.write_clip(tmp_path / "clip.mp4", filmed := clips.pan(range(0, 48, 4), size=(160, 120)))
    monkeypatch.setattr(extract_module, "_AS_TOLD", ("-discard", "all"))  # nothing comes of the first attempt
    photos, _ = frames_of(clip, tmp_path / "photos")
    assert len(photos) == 12
    for photo, frame in zip(photos.values(), filmed, strict=True):
        assert difference(photo, frame) < 6


def test_frames_that_can_be_begun_at_come_by_themselves(tmp_path: Path) -> None:
    filmed = clips.pan(range(0, 240, 4), size=(160, 120))
    clip = probe(clips.write_clip(tmp_path / "clip.mp4", filmed, ["-movflags", "+faststart"]))
    measured = measure(clip, VideoOptions(), Silent())
    keys = [int(number) for number in np.flatnonzero(measured.keys)]
    assert keys == [0, 12, 24, 36, 48]
    names = [f"{number}.jpg" for number in keys]
    assert extract(clip, "0" * 8, measured, keys, names, tmp_path / "photos", Silent()) == names
    for number, name in zip(keys, names, strict=True):
        with Image.open(tmp_path / "photos" / name) as photo:
            assert difference(np.asarray(photo), filmed[number]) < 6


@pytest.mark.parametrize("first", ["cover.jpg", "clip.mp4"])
def test_a_cover_is_no_video(tmp_path: Path, first: str) -> None:
    filmed = clips.pan(range(0, 24, 4), size=(160, 120))
    clips.write_clip(tmp_path / "clip.mp4", filmed)
    Image.new("RGB", (300, 300), (200, 10, 10)).save(tmp_path / "cover.jpg")
    second = "clip.mp4" if first == "cover.jpg" else "cover.jpg"
    is_cover = f"-disposition:v:{0 if first == 'cover.jpg' else 1}"
    inputs: list[str | Path] = ["-i", tmp_path / first, "-i", tmp_path / second, "-map", "0", "-map", "1"]
    clip = clips.made_by(tmp_path, "with cover.mp4", *inputs, "-c", "copy", is_cover, "attached_pic")
    photos, told = frames_of(clip, tmp_path / "photos")
    assert (told["width"], len(photos)) == (160, 6)
    for photo, frame in zip(photos.values(), filmed, strict=True):
        assert difference(photo, frame) < 6


@pytest.mark.parametrize("every", [100, 250])
def test_frames_long_after_the_last_that_can_be_begun_at_are_not_lost(tmp_path: Path, every: int) -> None:
    """The decoder's limit of time counts from where it begins, which is seconds before them."""
    filmed = clips.pan([n * 0.32 for n in range(600)], size=(160, 120))
    clip = clips.write_clip(tmp_path / "clip.mp4", filmed, ("-g", str(every), "-sc_threshold", "0"))
    for frames in (6, 8, 11):
        photos, told = frames_of(clip, tmp_path / str(frames), VideoOptions(frames=frames))
        assert told["why"].startswith(f"{frames} of ")
        assert len(photos) == told["frames"] == frames
        assert all(difference(photo, filmed[round(moment * 30 / 1000)]) < 5 for moment, photo in photos.items())


def test_hundreds_of_frames_beside_each_other(tmp_path: Path) -> None:
    """In the decoder's language a sum has a hundred terms at most."""
    filmed = clips.pan(range(260), size=(160, 120))
    photos, told = frames_of(clips.write_clip(tmp_path / "clip.mp4", filmed), tmp_path / "photos", VideoOptions(fps=60))
    assert told["frames"] == len(photos) == 260
    assert all(difference(photo, filmed[round(moment * 30 / 1000)]) < 6 for moment, photo in photos.items())
