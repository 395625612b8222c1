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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageFile, UnidentifiedImageError

from splatworker.errors import from_os_error
from splatworker.photos.exif import kept_exif
from splatworker.progress import Reporter

MOST_PIXELS = 50_000_000
FEWEST_PIXELS_A_SIDE = 64
MOST_MEMORY = 2 * 2**30
"""Bytes of address space a decoder may take beyond what the process has."""
MOST_SECONDS = 30
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


def decode_folder(source: Path, target: Path, report: Reporter, *, max_size: int = 0, jobs: int = 1) -> Decoded:
    """Decode every file of `source` (in the order of names; hidden ones left out) into `target` as JPEG.

    Args:
        max_size: shrink photos to this many pixels on the longest side; 0 for as they are.
        jobs: how many photos at once.

    Returns:
        The outcome; `index` counts the files in the order of their names.

    Raises:
        DiskFull: the clean photos could not be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    files = sorted_photos(source)
    names = _clean_names(files)
    decoded = Decoded()
    seen: dict[str, str] = {}
    for done, (index, outcome) in enumerate(_in_sandboxes(files, target, names, max_size, jobs), 1):
        name = names[index]
        reason = outcome.get("reason")
        if reason is None and (twin := seen.setdefault(str(outcome["digest"]), name)) != name:
            (target / name).unlink(missing_ok=True)
            reason = f"it is the same picture as {twin}"
        if reason is None:
            size = {"width": outcome["width"], "height": outcome["height"]}
            decoded.photos.append({"index": index, "file": files[index].name, "name": name} | size)
        else:
            decoded.rejected.append({"index": index, "name": files[index].name, "reason": reason})
        report.progress("decoding photos", done / len(files))
    decoded.photos.sort(key=lambda photo: int(photo["index"]))
    decoded.rejected.sort(key=lambda photo: int(photo["index"]))
    return decoded


def sorted_photos(folder: Path) -> list[Path]:
    """The files of a folder that may be photos: regular, not hidden, "2" before "10"."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return sorted(
        files, key=lambda path: [int(p) if p.isdigit() else p for p in re.split(r"([0-9]+)", path.name.lower())]
    )


def _clean_names(files: list[Path]) -> list[str]:
    """A harmless `.jpg` name for each file, different from all others in any letter case."""
    names: list[str] = []
    taken: set[str] = set()
    for path in files:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", path.stem)[:80] or "photo"
        name, number = f"{stem}.jpg", 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}_{number}.jpg"
        taken.add(name.lower())
        names.append(name)
    return names


def _in_sandboxes(
    files: list[Path], target: Path, names: list[str], max_size: int, jobs: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each photo's outcome as it comes, at most `jobs` decoders at a time."""
    running: dict[int, tuple[int, int, float]] = {}  # read end of the pipe -> (index, process, end of its time)
    waiting = iter(enumerate(files))
    last = False
    while running or not last:
        while len(running) < jobs and (following := next(waiting, None)) is not None:
            index, path = following
            pipe, process = _fork(path, target / names[index], max_size)
            running[pipe] = (index, process, time.monotonic() + MOST_SECONDS + GRACE_S)
        last = len(running) < jobs
        ready, _, _ = select.select(list(running), [], [], 1.0)
        for pipe in [*ready, *(p for p in running if p not in ready and running[p][2] < time.monotonic())]:
            index, process, _ = running.pop(pipe)
            yield index, _reap(pipe, process, is_ready=pipe in ready)


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
    try:
        image.save(target, "JPEG", quality=JPEG_QUALITY, subsampling=0, exif=exif)
    except OSError as error:
        target.unlink(missing_ok=True)
        return {"errno": error.errno or 5}
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return {"width": image.width, "height": image.height, "digest": digest}


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
