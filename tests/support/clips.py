"""Clips that tests make: a window that wanders over a photo of the example set, so that every shift is known."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from splatworker.errors import VideoError
from splatworker.stages.progress import Silent
from splatworker.video import ffmpeg
from splatworker.video.frames import take_frames
from splatworker.video.options import VideoOptions

EXAMPLES = Path(__file__).parents[2] / "examples" / "photos"

Frame = npt.NDArray[np.uint8]

HLG = (
    "-vf",
    "scale=out_color_matrix=bt2020,setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc",
)
PQ = (HLG[0], HLG[1].replace("arib-std-b67", "smpte2084"))
"""Options by which frames are taken for HDR of ten bits, as they are."""


@cache
def picture() -> Image.Image:
    """A photo with much to see in it."""
    with Image.open(EXAMPLES / "IMG_0001.jpg") as photo:
        return photo.convert("RGB")


def window(left: float, top: float = 100.0, size: tuple[int, int] = (320, 240), blur: float = 0.0) -> Frame:
    """What a window of the photo shows, moved by parts of a pixel, too; `blur` smears it along its rows."""
    width, height = size
    shown = picture().transform(
        size, Image.Transform.EXTENT, (left, top, left + width, top + height), Image.Resampling.BICUBIC
    )
    if blur:
        shown = shown.filter(ImageFilter.BoxBlur((blur, 0)))
    return np.asarray(shown)


def pan(lefts: Iterable[float], size: tuple[int, int] = (320, 240)) -> list[Frame]:
    """Frames of a window that stands at each of these places."""
    return [window(left, size=size) for left in lefts]


def write_clip(
    path: Path, frames: Sequence[Frame], options: Sequence[str] = (), *, rate: float = 30, before: Sequence[str] = ()
) -> Path:
    """Encode frames; by default with H.264, as telephones do: a frame that can be begun at every 12th, and B frames.

    Args:
        options: of the output, such as `-c:v libx265`.
        before: of a second, lossless, pass over the finished clip: `-display_rotation 90`.
    """
    height, width, _ = frames[0].shape
    coded = path if not before else path.with_name(f"straight-{path.name}")
    codec: tuple[str, ...] = (
        () if any(word.startswith("-c:v") for word in options) else ("-c:v", "libx264", "-preset", "ultrafast")
    )
    subprocess.run(
        [
            *(ffmpeg.program(), "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"),
            *("-s", f"{width}x{height}", "-r", str(rate), "-i", "-"),
            *codec,
            *("-g", "12", "-bf", "2", "-crf", "18", "-pix_fmt", "yuv420p", *options),
            coded,
        ],
        input=b"".join(np.ascontiguousarray(frame).tobytes() for frame in frames),
        check=True,
    )
    if before:
        remux(coded, path, before=before)
    return path


def remux(source: Path, target: Path, options: Sequence[str] = (), *, before: Sequence[str] = ()) -> Path:
    """The same pictures in another container, or with another header."""
    subprocess.run(
        [ffmpeg.program(), "-loglevel", "error", "-y", *before, "-i", source, "-c", "copy", *options, target],
        check=True,
    )
    return target


EVERY = VideoOptions(fps=30)
"""Every frame of a clip of thirty a second."""


def made_by(folder: Path, name: str, *words: str | Path) -> Path:
    """A file that ffmpeg makes."""
    subprocess.run([ffmpeg.program(), "-loglevel", "error", "-y", *words, folder / name], check=True)
    return folder / name


def refusal(path: Path, tmp_path: Path, options: VideoOptions | None = None) -> VideoError:
    """The error of a clip of which nothing can be taken."""
    made = take_frames([path], tmp_path / "photos", options or VideoOptions(), Silent())
    assert made.videos[0]["frames"] == 0
    assert made.errors[0].code == made.videos[0]["code"]
    assert path.name in made.errors[0].message
    assert not any((tmp_path / "photos").glob("*.jpg"))
    return made.errors[0]


def frames_of(
    clip: Path, folder: Path, options: VideoOptions = EVERY, *, max_size: int = 0
) -> tuple[dict[int, npt.NDArray[np.float64]], dict[str, Any]]:
    """The photos of a clip, by their times in ms, and what is told of it."""
    made = take_frames([clip], folder, options, Silent(), max_size=max_size)
    assert not made.errors, made.errors
    photos = {}
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            photos[int(path.stem.rpartition("-")[2])] = np.asarray(image.convert("RGB")).astype(float)
    return photos, made.videos[0]


def difference(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """The mean difference of two pictures, of 255."""
    return float(np.abs(a - b.astype(float)).mean())


EQUIRECTANGULAR, CUBEMAP = ("equi", 16), ("cbmp", 8)
"""Projections in a `proj` box: the kind of the box within and how many bytes of it, all 0, follow its version."""


def marked(source: Path, target: Path, projection: tuple[str, int] | None = None, *, stereo: int = 0) -> Path:
    """An MP4 of H.264 whose header says how it shows all around, by the boxes of Google's Spherical Video V2.

    Args:
        stereo: 1: one eye above the other; 2: side by side.
    """

    version = bytes(4)
    extra = box("st3d", version + bytes([stereo])) if stereo else b""
    if projection is not None:
        kind, count = projection
        shape = box("proj", box("prhd", version + bytes(12)) + box(kind, version + bytes(count)))
        extra += box("sv3d", box("svhd", version + b"test\0") + shape)
    return with_boxes(source, target, extra)


def box(kind: str, content: bytes) -> bytes:
    """A box of ISO 14496-12."""
    return struct.pack(">I", 8 + len(content)) + kind.encode() + content


def clean_aperture(width: int, height: int, right: int = 0, down: int = 0) -> bytes:
    """A `clap` box: what is to be shown of each frame, and how far its middle lies from the frame's."""
    return box("clap", struct.pack(">IIIIiIiI", width, 1, height, 1, right, 1, down, 1))


def with_boxes(source: Path, target: Path, extra: bytes) -> Path:
    """An MP4 of H.264 with further boxes in the description of its pictures."""
    content = bytearray(source.read_bytes())
    start = content.index(b"avc1", content.index(b"stsd")) - 4
    assert content.index(b"mdat") < start  # whose place the index tells
    end = start + int(struct.unpack_from(">I", content, start)[0])
    content[end:end] = extra
    for around in (b"avc1", b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        at = content.rindex(around, 0, start + 8) - 4
        struct.pack_into(">I", content, at, struct.unpack_from(">I", content, at)[0] + len(extra))
    target.write_bytes(content)
    return target
