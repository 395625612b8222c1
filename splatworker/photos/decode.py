"""Decode untrusted photos in sandboxes, and write clean JPEGs that every later stage can trust.

Each photo is decoded in a forked process of its own, under a limit of memory and time: a decoder that crashes, hangs
or swells up costs one photo, not the job. The clean copy keeps the pixels as they lie and the EXIF orientation tag:
COLMAP uses the tag and must not be handed turned photos. Of the EXIF data only what tells about camera and lens, and
the position, is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import select
import signal
import sys
import time
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageFile, UnidentifiedImageError

from splatworker import arrivals, limits
from splatworker.errors import from_os_error
from splatworker.photos.exif import kept_exif
from splatworker.progress import Reporter

MOST_PIXELS = int(limits.value("SPLATWORKER_MEGAPIXELS") * 1_000_000)
FEWEST_PIXELS_A_SIDE = 64
MOST_MEMORY = limits.mebibytes("SPLATWORKER_DECODER_MIB")
"""Bytes of address space a decoder may take beyond what the process has."""
MOST_SECONDS = max(1, int(limits.value("SPLATWORKER_DECODER_S")))
GRACE_S = 5.0
"""Seconds after which a decoder that ignores its alarm is killed."""
JPEG_QUALITY = 95

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF")
"""Pillow's names; an MPO, as stereo cameras and some phones write it, is opened as the JPEG that it begins with."""
_KINDS = "JPEG, PNG, WebP, HEIC or TIFF"


@dataclass
class Decoded:
    """Clean photos, by the name they have now, and the files that are none, with the reason."""

    photos: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)


class _Unusable(Exception):
    """Why a file is no photo, in words."""


@dataclass(frozen=True)
class _Given:
    """A file that may be a photo: its number, and the clean name that it gets."""

    index: int
    path: Path
    name: str


def decode_folder(
    source: Path,
    target: Path,
    report: Reporter,
    *,
    max_size: int = 0,
    jobs: int = 1,
    all_there: arrivals.Told = arrivals.at_once,
) -> Decoded:
    """Decode every file of `source` (in the order of names; hidden ones left out) into `target` as JPEG.

    Only whole photos ever stand in `target`, so that others can work on them already.

    Args:
        max_size: shrink photos to this many pixels on the longest side; 0 for as they are.
        jobs: how many photos at once.
        all_there: whether all files have arrived; until then more are waited for.

    Returns:
        The outcome; `index` counts the files in the order of their names, or as they came.

    Raises:
        DiskFull: the clean photos could not be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    given = _Counted(arrivals.arriving(source, all_there))
    decoded = Decoded()
    outcomes: list[tuple[_Given, dict[str, Any]]] = []
    for finished in _in_sandboxes(given, target, max_size, jobs):
        outcomes.append(finished)
        if given.over:
            report.progress("decoding photos", len(outcomes) / given.count)
    seen: dict[str, str] = {}
    for file, outcome in sorted(outcomes, key=lambda finished: arrivals.natural(finished[0].path.name)):
        reason = outcome.get("reason")
        if reason is None and (twin := seen.setdefault(str(outcome["digest"]), file.name)) != file.name:
            reason = f"it is the same picture as {twin}"
        if reason is None:
            size = {"width": outcome["width"], "height": outcome["height"]}
            decoded.photos.append({"index": file.index, "file": file.path.name, "name": file.name} | size)
        else:
            for left in (target / file.name, _part(target / file.name)):
                left.unlink(missing_ok=True)
            decoded.rejected.append({"index": file.index, "name": file.path.name, "reason": reason})
    decoded.photos.sort(key=lambda photo: int(photo["index"]))
    decoded.rejected.sort(key=lambda photo: int(photo["index"]))
    return decoded


class _Counted:
    """Files as they arrive, numbered and named."""

    def __init__(self, batches: Iterator[tuple[list[Path], bool]]) -> None:
        self.count = 0
        self.over = False  # all are counted; some may still be waiting
        self._batches = batches
        self._waiting: deque[_Given] = deque()
        self._taken: set[str] = set()

    def next(self) -> _Given | None:
        """One more file; None where there is none at present, or (`over`) at all."""
        if not self._waiting and not self.over:
            new, self.over = next(self._batches)
            for path in new:
                self._waiting.append(_Given(self.count, path, self._clean_name(path)))
                self.count += 1
        return self._waiting.popleft() if self._waiting else None

    def _clean_name(self, path: Path) -> str:
        """A harmless `.jpg` name, different from all before in any letter case."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", path.stem)[:80] or "photo"
        name, number = f"{stem}.jpg", 1
        while name.lower() in self._taken:
            number += 1
            name = f"{stem}_{number}.jpg"
        self._taken.add(name.lower())
        return name


def _in_sandboxes(given: _Counted, target: Path, max_size: int, jobs: int) -> Iterator[tuple[_Given, dict[str, Any]]]:
    """Each photo's outcome as it comes, at most `jobs` decoders at a time."""
    running: dict[int, tuple[_Given, int, float]] = {}  # read end of the pipe -> (file, process, end of its time)
    while True:
        while len(running) < jobs and (file := given.next()) is not None:
            pipe, process = _fork(file.path, target / file.name, max_size)
            running[pipe] = (file, process, time.monotonic() + MOST_SECONDS + GRACE_S)
        if not running and given.over:
            return
        ready, _, _ = select.select(list(running), [], [], 1.0 if given.over else arrivals.POLL_S)
        for pipe in [*ready, *(p for p in running if p not in ready and running[p][2] < time.monotonic())]:
            file, process, _ = running.pop(pipe)
            yield file, _reap(pipe, process, is_ready=pipe in ready)


def _fork(path: Path, target: Path, max_size: int) -> tuple[int, int]:
    """Start a decoder; the pipe on which it answers, and its process id."""
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return reader, process
    try:
        os.close(reader)
        answer = _decode_sandboxed(path, target, max_size)
        os.write(writer, json.dumps(answer).encode())
    finally:
        os._exit(0)


def _reap(pipe: int, process: int, *, is_ready: bool) -> dict[str, Any]:
    """The answer of a decoder, or what became of it."""
    answer = os.read(pipe, 65_536) if is_ready else b""
    os.close(pipe)
    if not answer:
        os.kill(process, signal.SIGKILL) if not is_ready else None
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if not answer:
        slow = not is_ready or status == -signal.SIGALRM
        return {"reason": "it takes too long to decode" if slow else "it crashes the decoder"}
    outcome: dict[str, Any] = json.loads(answer)
    if "errno" in outcome:
        raise from_os_error(OSError(outcome["errno"], os.strerror(outcome["errno"])), "photos")
    return outcome


def _decode_sandboxed(path: Path, target: Path, max_size: int) -> dict[str, Any]:
    """In the forked process: decode under limits; the answer for the parent."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(MOST_SECONDS)
    if sys.platform == "linux":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        image, exif = _open(path, max_size)
    except _Unusable as reason:
        return {"reason": str(reason)}
    except MemoryError:
        return {"reason": "it takes too much memory to decode"}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {"reason": f"it has more than {MOST_PIXELS // 1_000_000} megapixels, or unpacks to far too much"}
    except UnidentifiedImageError:
        return {"reason": _not_a_photo(path)}
    except Exception as error:
        cut = "truncated" in str(error).lower() or "unexpected end" in str(error).lower()
        return {"reason": "it is truncated: the end of the file is missing" if cut else "it is damaged"}
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    part = _part(target)
    try:
        image.save(part, "JPEG", quality=JPEG_QUALITY, subsampling=0, exif=exif)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        return {"errno": error.errno or 5}
    return {"width": image.width, "height": image.height, "digest": digest}


def _part(target: Path) -> Path:
    """Where a photo is written until it is whole."""
    return target.with_name(f".{target.name}")


def _open(path: Path, max_size: int) -> tuple[Image.Image, bytes]:
    """The photo as 8-bit RGB with the EXIF data worth keeping.

    Raises:
        _Unusable, or whatever the decoders raise.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise Image.DecompressionBombError
        if min(width, height) < FEWEST_PIXELS_A_SIDE:
            raise _Unusable(f"it is only {width}x{height} pixels")
        if max_size and image.format == "JPEG":
            image.draft("RGB", (max_size, max_size))
        image.load()
        rgb = _as_rgb(image)
        exif = image.getexif()
    if max_size and max(rgb.size) > max_size:
        rgb.thumbnail((max_size, max_size), Image.Resampling.LANCZOS)
    return rgb, kept_exif(exif, shrunk=rgb.width / width)


def _as_rgb(image: Image.Image) -> Image.Image:
    """Eight bits of red, green and blue; transparent parts become black, as the trainer's background is."""
    if image.mode in ("I;16", "I;16L", "I;16B", "I", "F"):
        wide = image.convert("F")
        top = 255.0 if wide.getextrema()[1] <= 255.0 else 65_535.0  # type: ignore[operator]
        return wide.point(lambda value: value * (255.0 / top)).convert("L").convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, rgba).convert("RGB")
    return image.convert("RGB")


def _not_a_photo(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "the file is empty"
    if head.lstrip()[:1] == b"<":
        return f"it is a web page or drawing, not a {_KINDS} photo"
    return f"it is not a {_KINDS} photo"


def load_decoders() -> None:
    """Load every decoder, HEIC's among them; called once, so that not every sandbox has to."""
    import pillow_heif  # noqa: PLC0415 - 20 MB of decoder that nothing else needs

    pillow_heif.register_heif_opener(thumbnails=False)
    Image.init()
