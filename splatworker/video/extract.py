"""The chosen frames of a clip as photos: decoded again in their full size, in the colours of a screen, and upright.

Only a few of the frames are wanted, so the decoder goes from one to the next by way of the frames that it can begin
at, several decoders at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from splatworker.formats.panorama import VIEWS_AROUND, Area, as_xmp
from splatworker.formats.video_frame import VideoFrame, describe
from splatworker.stages.progress import Reporter
from splatworker.video import ffmpeg, refusals, tone_mapping
from splatworker.video.measure import Measured
from splatworker.video.probe import Box, Clip

JPEG_QUALITY = 95

_WORTH_A_CALL = 12
"""Frames that are decoded for nothing rather than to call the decoder once more."""

_MOST_AT_ONCE = 8

_TABLE = "tone.cube"

_AS_TOLD = ("-nofind_stream_info",)
"""An option of the input: nothing is decoded to find out more than the container says."""

_HELD = 2**26
"""Bytes of frames that are held until all of a group are there."""

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Wanted:
    """A frame that is to become a photo.

    Attributes:
        seconds: when it is shown, from the clip's beginning.
        apart: seconds to the nearest other frame.
        name: of the photo.
        since: seconds from where the decoder may begin on the way to it.
    """

    seconds: float
    apart: float
    name: str
    since: float = 0.0


def extract(
    clip: Clip,
    video: str,
    measured: Measured,
    frames: Sequence[int],
    names: Sequence[str],
    folder: Path,
    report: Reporter,
    *,
    max_size: int = 0,
    jobs: int = 1,
) -> list[str]:
    """Write the frames as photos into a folder, each whole by a rename.

    Args:
        video: eight hexadecimal digits that the photos carry.
        frames: which, of those that were measured, in order; names: theirs.
        max_size: pixels of the longest side, at most; 0: as they are.
        jobs: processors to use.

    Returns:
        The names of those that could be decoded again.

    Raises:
        VideoError: none could.
    """
    folder.mkdir(parents=True, exist_ok=True)
    gaps = np.diff(measured.times, prepend=measured.times[0] - 1.0, append=measured.times[-1] + 1.0)
    since = measured.times - _begins(measured)
    wanted = [
        Wanted(
            float(measured.times[frame]),
            float(max(min(gaps[frame], gaps[frame + 1]), 0.001)),
            name,
            float(since[frame]),
        )
        for frame, name in zip(frames, names, strict=True)
    ]
    groups = [[wanted[number] for number in group] for group in together(frames, measured)]
    at_once = max(1, min(len(groups), jobs, _MOST_AT_ONCE))
    written: list[str] = []

    def done(name: str) -> None:
        written.append(name)
        report.progress("choosing frames", len(written) / len(wanted))

    with TemporaryDirectory() as work:
        if clip.transfer:
            tone_mapping.write_table(Path(work) / _TABLE, clip.transfer)
        call = _Call(
            clip,
            measured.box,
            measured.skipping,
            video,
            Path(work),
            folder,
            max_size,
            ffmpeg.threads_for(clip.width * clip.height, max(1, jobs // at_once)),
            done,
            time.monotonic() + ffmpeg.MOST_SECONDS,
        )
        with ThreadPoolExecutor(at_once) as pool:
            ends = list(pool.map(call.extract, groups))
    if not written:
        raise refusals.broken(clip.path, ends[0])
    return sorted(written, key=list(names).index)


def _begins(measured: Measured) -> npt.NDArray[np.float64]:
    """When the decoder may begin for each frame: one before the last that it can begin at, where it may go back to."""
    starts = measured.times[measured.keys]
    number = np.searchsorted(starts, measured.times, side="right") - 2
    return np.where(number >= 0, starts[np.maximum(number, 0)], 0.0) if len(starts) else np.zeros(len(measured.times))


def together(frames: Sequence[int], measured: Measured) -> Iterator[list[int]]:
    """Which of the chosen frames one call decodes, by their numbers in the choice: those between which it had better
    decode on than begin anew at a frame that it can begin at.
    """
    group: list[int] = []
    starts = np.flatnonzero(measured.keys)
    for number, frame in enumerate(frames):
        if group:
            before = frames[group[-1]]
            start = int(starts[np.searchsorted(starts, frame, side="right") - 1]) if len(starts) else 0
            if start - before > _WORTH_A_CALL:
                yield group
                group = []
        group.append(number)
    yield group


@dataclass(frozen=True)
class _Call:
    """What the calls for one clip have in common, the moment among it by which all are to have ended."""

    clip: Clip
    box: Box
    skipping: tuple[str, ...]
    video: str
    work: Path
    folder: Path
    max_size: int
    threads: int
    done: Callable[[str], None]
    until: float

    def extract(self, group: Sequence[Wanted]) -> ffmpeg.Ended:
        """Decode the frames of a group and write each.

        Of a few frames what the container says is believed, where that gives all of them: to try it out beforehand the
        decoder takes as long as for a frame. Some old clips do not say how far their frames are out of order.
        """
        width, height = self._size()
        if len(group) * width * height * 3 <= _HELD:
            held: list[Picture] = []
            ended = self._decode(group, _AS_TOLD, lambda picture, _: held.append(picture.copy()))
            if len(held) == len(group):
                for picture, wanted in zip(held, group, strict=True):
                    self._write(picture, wanted)
                return ended
        return self._decode(group, (), self._write)

    def _decode(
        self, group: Sequence[Wanted], opening: Sequence[str], take: Callable[[Picture, Wanted], None]
    ) -> ffmpeg.Ended:
        """Decode the frames of a group in their order, and have each taken before the next is decoded.

        The decoder begins at the last frame that it can begin at before a moment just after the first that is wanted:
        at that one itself, if it is such a frame. What comes before it is left out by its time (`_filters`).

        Args:
            opening: options of the input.
        """
        width, height = self._size()
        rows, columns = _pixels(self.box.top, self.box.bottom, height), _pixels(self.box.left, self.box.right, width)
        begin = max(0.0, group[0].seconds + group[0].apart / 4)
        seconds = (
            group[0].since + group[-1].seconds - group[0].seconds + 1.0
        )  # they count from the first that is decoded
        part = ["-noaccurate_seek", "-ss", f"{begin:.6f}", "-t", f"{seconds:.6f}"]

        def take_all(output: IO[bytes]) -> None:
            pixels = bytearray(width * height * 3)
            for wanted in group:
                if output.readinto(pixels) < len(pixels):  # type: ignore[attr-defined]
                    return
                picture = np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3)[rows, columns]
                upright = np.rot90(picture, self.clip.rotation // 90)
                take(upright[:, ::-1] if self.clip.mirrored else upright, wanted)

        return ffmpeg.call(
            [
                *ffmpeg.reading(
                    self.clip.path.absolute(),
                    self.clip.demuxer,
                    before=[*self.skipping, *opening, *part],
                    threads=self.threads,
                ),
                *(
                    "-map",
                    f"0:{self.clip.stream}",
                    "-vf",
                    self._filters(group, begin, width, height),
                    "-fps_mode",
                    "passthrough",
                ),
                *("-frames:v", str(len(group)), "-threads", "1"),
                *("-f", "rawvideo", "-protocol_whitelist", "pipe", "OUT"),
            ],
            self.work,
            take=take_all,
            seconds=max(1.0, self.until - time.monotonic()),
        )

    def _size(self) -> tuple[int, int]:
        """Width and height of the frames as they come from the decoder: bars are cut off afterwards."""
        width, height = self.clip.stored_size
        most = self.max_size * (VIEWS_AROUND if self.clip.spherical else 1)
        longest = max(width * (self.box.right - self.box.left), height * (self.box.bottom - self.box.top))
        factor = min(1.0, most / longest) if most else 1.0
        return max(1, round(width * factor)), max(1, round(height * factor))

    def _filters(self, group: Sequence[Wanted], begin: float, width: int, height: int) -> str:
        times = _sum(
            [
                f"between(t,{wanted.seconds - begin - 0.4 * wanted.apart:.6f},"
                f"{wanted.seconds - begin + 0.4 * wanted.apart:.6f})"
                for wanted in group
            ]
        )
        scale = f"scale={width}:{height}:in_color_matrix={self.clip.matrix}"
        smaller = (width, height) < self.clip.stored_size
        scale += f":flags={'area' if smaller else 'bicubic'}+accurate_rnd+full_chroma_int"
        return ",".join(
            [
                *self.clip.retagging,
                *(["bwdif=mode=send_frame:deint=interlaced"] if self.clip.interlaced else []),
                f"select='{times}'",
                scale,
                *(["format=gbrp10", f"lut3d=file={_TABLE}:interp=tetrahedral"] if self.clip.transfer else []),
                "format=rgb24",
            ]
        )

    def _write(self, picture: Picture, wanted: Wanted) -> None:
        exif = Image.Exif()
        exif[ExifTags.Base.ImageDescription] = describe(VideoFrame(self.video, wanted.seconds))
        part = self.folder / f".{wanted.name}"
        try:
            image = Image.fromarray(np.ascontiguousarray(picture))
            image.save(
                part,
                "JPEG",
                quality=JPEG_QUALITY,
                subsampling=0,
                exif=exif.tobytes(),
                **({"xmp": as_xmp(Area(), *image.size)} if self.clip.spherical else {}),
            )
            part.replace(self.folder / wanted.name)
        finally:
            part.unlink(missing_ok=True)
        self.done(wanted.name)


def _sum(terms: Sequence[str]) -> str:
    """A sum in the decoder's language, which knows no more than a hundred terms beside each other: by halves."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({_sum(terms[:middle])}+{_sum(terms[middle:])})"


def _pixels(start: float, end: float, count: int) -> slice:
    """The rows, or columns, of a part that is given in shares of them."""
    return slice(math.ceil(start * count), math.floor(end * count))
