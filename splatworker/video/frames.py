"""The way through this room: clips in, photos and an account of how they were chosen out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from splatworker.errors import VideoError
from splatworker.stages.file_names import readable
from splatworker.stages.progress import Reporter
from splatworker.video import refusals
from splatworker.video.choose import Choice, choose
from splatworker.video.extract import extract
from splatworker.video.measure import Measured, measure, shows_all_around
from splatworker.video.options import FEWEST_FRAMES, MOST_FRAMES, VideoOptions
from splatworker.video.probe import WHOLE, Clip, probe
from splatworker.video.reading import Before, nothing_before

ACCOUNT = "frames.json"
"""The file beside the photos that tells what was chosen, and why."""

_READING = 0.75
"""Share of a clip's time that its reading takes."""

_HEAD = 2**16


@dataclass
class Frames:
    """Photos made of videos.

    Attributes:
        videos: what was done with each, in the order given; ready to be JSON.
        errors: why of some nothing could be made, by their numbers.
    """

    videos: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[int, VideoError] = field(default_factory=dict)


def take_frames(
    clips: Sequence[Path],
    folder: Path,
    options: VideoOptions,
    report: Reporter,
    *,
    names: Sequence[str] = (),
    max_size: int = 0,
    jobs: int = 1,
    most: int = MOST_FRAMES,
    before: Callable[[Path], Before] = lambda _: nothing_before,
) -> Frames:
    """Choose frames of each clip and write them into a folder as photos.

    A clip that cannot be read costs itself alone.

    Args:
        clips: at least one.
        names: what to call them, where that is not their files' names.
        max_size: pixels of a photo's longest side, at most; 0: as they are.
        jobs: processors to use.
        most: photos of all clips together.
        before: what was read of a clip before (`ahead`).

    Raises:
        DiskFull: the photos could not be written.
    """
    made = Frames()
    taken: set[str] = set()
    left = most
    for number, path in enumerate(clips):
        name = names[number] if names else readable(path.name)
        part = _Part(report, number / len(clips), 1 / len(clips))
        entry: dict[str, Any] = {"index": number, "name": name}
        try:
            share = left // (len(clips) - number)
            entry |= _of_one(path, name, folder, options, part, taken, max_size, jobs, share, before)
            left -= len(entry["chosen"])
        except VideoError as error:
            made.errors[number] = error
            entry |= {"frames": 0, "code": error.code, "reason": error.message}
        made.videos.append(entry)
    return made


def _of_one(
    path: Path,
    name: str,
    folder: Path,
    options: VideoOptions,
    report: Reporter,
    taken: set[str],
    max_size: int,
    jobs: int,
    most: int,
    before: Callable[[Path], Before],
) -> dict[str, Any]:
    """The photos of one clip; what there is to say about it."""
    report.progress("reading the video", 0.0)
    if most < FEWEST_FRAMES:
        raise refusals.left_over(path, most, FEWEST_FRAMES)
    clip, measured = _measured(path, name, options, report, before(path))
    if measured.other_shape:
        looked_at = measured.other_shape + len(measured.times)
        report.warning(
            f"'{name}' changes its shape: of {looked_at} frames that were looked at, {measured.other_shape} are not "
            f"{clip.width}x{clip.height}, or that at another size, and were left out."
        )
    if len(measured.times) < FEWEST_FRAMES:
        raise refusals.too_short(path, len(measured.times), FEWEST_FRAMES, part=bool(options.start or options.end))
    report.progress("choosing frames", _READING)
    choice = choose(measured, options, most)
    frames = choice.frames
    if len(frames) < FEWEST_FRAMES and options.fps:
        raise refusals.too_seldom(path, len(frames), FEWEST_FRAMES, options.fps)
    if len(frames) < FEWEST_FRAMES:
        raise refusals.too_still(path, len(frames))
    stem = _stem(name, taken)
    photos = [f"{stem}-{round(measured.times[frame] * 1000):07d}.jpg" for frame in frames]
    written = extract(
        clip,
        identity(path),
        measured,
        [int(frame) for frame in frames],
        photos,
        folder,
        _Part(report, _READING, 1 - _READING),
        max_size=0 if shows_all_around(clip) else max_size,  # a photo is made of each of its views, and shrunk later
        jobs=jobs,
    )
    if measured.damaged:
        report.warning(
            f"'{name}' is damaged: {measured.damaged} of its frames could not be decoded whole, and photos may show "
            "wrong parts. Copy or upload it again."
        )
    if len(written) < len(photos):
        report.warning(
            f"Of the {len(photos)} frames that were chosen of '{name}', {len(photos) - len(written)} could not be "
            "decoded in full size."
        )
    if not measured.whole:
        report.warning(
            f"'{name}' shows nothing after {measured.times[-1]:.1f} s, and its header says {clip.seconds:.1f} s: what "
            "is there was used. If a part of the file is missing, copy or upload it again."
        )
    if clip.eye != WHOLE:
        report.warning(f"'{name}' is stereoscopic: what the first of its two eyes sees was used.")
    elif measured.box != WHOLE:
        report.warning(
            f"'{name}' has bars of one colour at its sides, {1 - measured.box.share:.0%} of each frame: they were cut "
            "off."
        )
    if clip.transparent:
        report.warning(
            f"'{name}' has an alpha channel, which is not read of videos: where it is transparent, what lies under "
            "that is shown. Export its frames as PNG photos if it is to cut anything out."
        )
    if clip.alike:
        report.warning(
            f"'{name}' holds {clip.alike + 1} tracks of moving pictures, of which the first was used: export the "
            "others by themselves."
        )
    if choice.shots > 1:
        report.warning(
            f"'{name}' has {choice.shots - 1} cut{'s' if choice.shots > 2 else ''}: one unbroken shot, walking around "
            "the subject, gives the best splat."
        )
    return _account(clip, measured, choice, dict(zip(photos, frames, strict=True)), written, options)


def _measured(path: Path, name: str, options: VideoOptions, report: Reporter, before: Before) -> tuple[Clip, Measured]:
    """The clip in the track with the largest pictures; in the next one, where that holds a few stills alone, as
    telephones write one beside the moving part of a photo.
    """
    clip = probe(path)
    measured = measure(clip, options, _Part(report, 0.0, _READING), before)
    if len(measured.times) < FEWEST_FRAMES and clip.lesser and not clip.alike:
        lesser = probe(path, [clip.stream])
        other = measure(lesser, options, _Part(report, 0.0, _READING))
        if len(other.times) >= FEWEST_FRAMES:
            report.warning(
                f"'{name}' holds a track of {len(measured.times)} frames of {clip.width}x{clip.height}, which are too "
                f"few: that of {lesser.width}x{lesser.height} was used."
            )
            return other.clip or lesser, other
    return measured.clip or clip, measured


def _account(
    clip: Clip,
    measured: Measured,
    choice: Choice,
    frames: dict[str, int],
    written: Sequence[str],
    options: VideoOptions,
) -> dict[str, Any]:
    """What was found in a clip, what was taken of it, and why."""
    return {
        "frames": len(written),
        "codec": clip.codec,
        "width": clip.width,
        "height": clip.height,
        "seconds": round(clip.seconds or float(measured.times[-1]), 3),
        "rate": round(clip.rate, 3),
        "rotation": clip.rotation,
        "hdr": clip.transfer or None,
        "read": len(measured.times),
        "decoder": measured.decoder,
        "decoder_reason": measured.why_cpu or None,
        "moved": round(float(measured.path[-1]), 3),
        "spacing": None if choice.spacing is None else round(choice.spacing, 4),
        "blurred_stretches": choice.blurred,
        "still_s": round(choice.still_s, 1),
        "shots": choice.shots,
        "bars": round(1 - measured.box.share, 3) if clip.eye == WHOLE else 0.0,
        "why": _why(measured, choice, options),
        "chosen": [
            {
                "file": name,
                "seconds": round(float(measured.times[frames[name]]), 3),
                "sharpness": round(float(choice.sharpness[frames[name]]), 3),
                "moved": round(float(measured.path[frames[name]]), 4),
            }
            for name in written
        ],
    }


def _why(measured: Measured, choice: Choice, options: VideoOptions) -> str:
    """The choice in a few sentences, for people."""
    chosen, read = len(choice.frames), len(measured.times)
    if choice.spacing is None:
        words = [f"{chosen} of {read} frames: the sharpest of every {1 / options.fps:.3g} s."]
    else:
        words = [
            f"{chosen} of {read} frames: the sharpest each time the picture had moved by {choice.spacing:.1%} of its "
            "width."
        ]
    if choice.blurred:
        one = choice.blurred == 1
        words.append(f"{choice.blurred} stretch{' is' if one else 'es are'} blurred throughout and left out.")
    if choice.still_s >= 1:
        words.append(f"The picture stands still for {choice.still_s:.0f} s, which give no more.")
    if choice.shots > 1:
        one = choice.shots == 2
        words.append(
            f"There {'is 1 cut' if one else f'are {choice.shots - 1} cuts'}, and no frame was taken across one."
        )
    return " ".join(words)


def identity(path: Path) -> str:
    """Eight hexadecimal digits that tell this file from others: of its size, its beginning and its end."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_HEAD))
        file.seek(max(0, size - _HEAD))
        digest.update(file.read(_HEAD))
    return digest.hexdigest()[:8]


def _stem(name: str, taken: set[str]) -> str:
    """A harmless beginning of names, different from those of all clips before."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(name).stem)[-48:].strip("_") or "clip"
    made, number = stem, 1
    while made.lower() in taken:
        number += 1
        made = f"{stem}_{number}"
    taken.add(made.lower())
    return made


class _Part:
    """A reporter of a part of the work."""

    def __init__(self, report: Reporter, start: float, share: float) -> None:
        self._report = report
        self._start = start
        self._share = share

    def progress(self, step: str, fraction: float) -> None:
        """Move the whole by this part's share."""
        self._report.progress(step, self._start + self._share * fraction)

    def warning(self, message: str) -> None:
        """Pass it on."""
        self._report.warning(message)
