"""Decode untrusted photos in sandboxes, and write clean copies that every later stage can trust.

Each photo is decoded in a forked process of its own, under a limit of memory and time: a decoder that crashes, hangs
or swells up costs one photo, not the job. The clean copy is a JPEG, or a PNG where a part of the photo is transparent.
It keeps the pixels as they lie and the EXIF orientation tag: COLMAP uses the tag and must not be handed turned photos.
Of the EXIF data only what tells about camera and lens, and the position, is kept; of a panorama that it is one, and
which part of the sphere it shows.
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
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image, UnidentifiedImageError

from splatworker.errors import from_os_error
from splatworker.formats.mask_names import AS_GIVEN, MaskFiles, MaskRules
from splatworker.machine import operator_limits
from splatworker.machine.limits import available_memory
from splatworker.photos import clean_copy, mask_files, raw
from splatworker.photos.kinds import why_no_photo
from splatworker.photos.mask import put_together
from splatworker.photos.picture import Picture, open_picture
from splatworker.photos.unusable import Unusable, UnusableMask
from splatworker.stages import arrivals
from splatworker.stages.file_names import Found, find_files, readable
from splatworker.stages.progress import Reporter

MOST_PIXELS = int(operator_limits.value("SPLATWORKER_MEGAPIXELS") * 1_000_000)
MOST_MEMORY = operator_limits.mebibytes("SPLATWORKER_DECODER_MIB")
"""Bytes of address space a decoder may take beyond what the process has."""
FEWEST_MEMORY = 256 * 2**20
"""Bytes of it that a decoder gets even where there is hardly any memory."""
MEMORY_SHARE = 0.8
"""Of the memory that is free, for all decoders that run at once."""
MOST_SECONDS = max(1, int(operator_limits.value("SPLATWORKER_DECODER_S")))
MOST_SECONDS_IN_ALL = operator_limits.value("SPLATWORKER_DECODERS_S")
"""Seconds in which decoders may run, from the first photo to the last; waiting for photos to arrive does not count."""
GRACE_S = 5.0
"""Seconds after which a decoder that ignores its alarm is killed."""

_MOST_PASSED_OVER = 10
"""Sub-folders that are named at most."""


@dataclass
class Decoded:
    """Clean photos, by the name they have now, and the files that are none, with the reason."""

    photos: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Given:
    """A file that may be a photo: its number, its relative name for people, the clean name that it gets, its mask."""

    index: int
    path: Path
    shown: str
    name: str
    mask: Path | None = None

    @property
    def stem(self) -> str:
        """What a raw file and the JPEG of the same shot have in common."""
        return str(PurePosixPath(self.shown).with_suffix("")).lower()


def decode_folder(
    source: Path,
    target: Path,
    report: Reporter,
    *,
    max_size: int = 0,
    jobs: int = 1,
    all_arrived: arrivals.AllArrived = arrivals.at_once,
    masks: Path | None = None,
    rules: MaskRules = AS_GIVEN,
) -> Decoded:
    """Decode every file of `source` and its sub-folders (in the order of names; hidden ones left out) into `target`.

    Only whole photos ever stand in `target`, so that others can work on them already; what is to be ignored of them is
    there before them, in `target`/masks (docs/formats.md, "Masks on disk").

    Args:
        max_size: shrink photos to this many pixels on the longest side; 0 for as they are.
        jobs: how many photos at once, if there is memory for so many.
        all_arrived: whether all files have arrived; until then more are waited for.
        masks: a folder of masks; where photos arrive, each one's mask is there before it.
        rules: how masks, and alpha, are meant.

    Returns:
        The outcome; `index` counts the files in the order of their names, or as they came.

    Raises:
        DiskFull: the clean photos could not be written.
        InvalidMasks: there are masks, and none is of use.
    """
    target.mkdir(parents=True, exist_ok=True)
    given = _Counted(source, all_arrived, masks)
    decoded = Decoded()
    outcomes: list[tuple[_Given, dict[str, Any]]] = []
    for finished in _in_sandboxes(given, target, max_size, jobs, rules):
        outcomes.append(finished)
        if given.over:
            report.progress("decoding photos", len(outcomes) / given.count)
    seen: dict[str, str] = {}
    by_name = sorted(outcomes, key=lambda finished: arrivals.natural(finished[0].shown))
    developed = {file.stem: file.shown for file, outcome in by_name if "reason" not in outcome and not outcome["raw"]}
    kinds: dict[str, list[str]] = {}
    for file, outcome in by_name:
        reason = outcome.get("reason")
        if reason is None and outcome["raw"] and file.stem in developed:
            reason = f"it is the raw file of {developed[file.stem]}"
        if reason is None and (twin := seen.setdefault(outcome["digest"], outcome["name"])) != outcome["name"]:
            reason = f"it is the same picture as {twin}"
        if reason is None:
            size = {"width": outcome["width"], "height": outcome["height"]}
            masked = {"masked": outcome["masked"]} if outcome["masked"] else {}
            around = {"panorama": True} if outcome["panorama"] else {}
            entry = {"index": file.index, "file": file.shown, "name": outcome["name"]}
            decoded.photos.append(entry | size | masked | around)
            if outcome["kind"]:
                kinds.setdefault(outcome["kind"], []).append(file.shown)
        else:
            clean = target / outcome.get("name", file.name)
            for left in (clean, clean_copy.part_of(clean), clean_copy.mask_of(clean)):
                left.unlink(missing_ok=True)
            decoded.rejected.append({"index": file.index, "name": file.shown, "reason": reason})
    decoded.photos.sort(key=lambda photo: int(photo["index"]))
    decoded.rejected.sort(key=lambda photo: int(photo["index"]))
    for warning in _warnings(given.passed_over, kinds):
        report.warning(warning)
    if masks is not None:
        with_mask = [(file.mask, outcome) for file, outcome in by_name if file.mask is not None]
        for warning in mask_files.judge(masks, [file.shown for file, _ in by_name], with_mask):
            report.warning(warning)
    return decoded


def _warnings(passed_over: dict[str, str], kinds: dict[str, list[str]]) -> Iterator[str]:
    """What the person should know of files that were not looked at, or that are hardly photos."""
    for number, (name, reason) in enumerate(passed_over.items()):
        if number == _MOST_PASSED_OVER:
            yield f"{len(passed_over) - number} more folders were passed over."
            break
        yield f"The folder {name} was passed over: {reason}."
    for kind, names in kinds.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        one = len(names) == 1
        yield (
            f"{', '.join(names[:3])}{more} {'seems' if one else 'seem'} to be {f'a {kind}' if one else f'{kind}s'}: "
            "only photos taken with a camera, one view each, show where they were taken from."
        )


class _Counted:
    """Files as they arrive, numbered and named. A raw file waits for the picture beside it that has its name."""

    def __init__(self, source: Path, all_arrived: arrivals.AllArrived, masks: Path | None) -> None:
        self.count = 0
        self.over = False  # all are counted; some may still be waiting
        self.passed_over: dict[str, str] = {}
        self._source = source
        self._masks = masks
        self._batches = arrivals.arriving(source, all_arrived, self._look)
        self._waiting: deque[_Given] = deque()
        self._twins: deque[_Given] = deque()
        self._taken: set[str] = set()

    def next(self, developed: set[str] | None) -> _Given | None:
        """One more file; None where there is none at present, or (`over`) at all.

        A raw file with a twin comes last, when it is known what became of all others: their stems are then among
        `developed`. One that is not needed is told by `left_out`.
        """
        if not self._waiting and not self.over:
            self._take_batch()
        if self._waiting:
            return self._waiting.popleft()
        if self.over and self._twins and developed is not None and self._twins[0].stem not in developed:
            return self._twins.popleft()
        return None

    @property
    def waits(self) -> bool:
        """There is a file that was not handed out yet."""
        return bool(self._waiting or self._twins)

    def left_out(self, developed: set[str]) -> _Given | None:
        """A raw file that need not be decoded, once all others are."""
        if self.over and not self._waiting and self._twins and self._twins[0].stem in developed:
            return self._twins.popleft()
        return None

    def _take_batch(self) -> None:
        new, self.over = next(self._batches)
        files = []
        masks = None if self._masks is None or not new else MaskFiles.within(self._masks)
        for path in new:
            shown = readable(path.relative_to(self._source).as_posix())
            mask = None if masks is None else masks.of(shown)
            files.append(_Given(self.count, path, shown, self._clean_name(shown), mask))
            self.count += 1
        ordinary = {file.stem for file in files if file.path.suffix.lower() not in raw.SUFFIXES}
        for file in files:
            is_twin = file.path.suffix.lower() in raw.SUFFIXES and file.stem in ordinary
            (self._twins if is_twin else self._waiting).append(file)

    def _look(self, folder: Path) -> list[Path]:
        found: Found = find_files(folder)
        self.passed_over = {
            name: why for name, why in found.passed_over.items() if self._masks is None or folder / name != self._masks
        }
        return found.files

    def _clean_name(self, shown: str) -> str:
        """A harmless `.jpg` name, different from all before in any letter case, folders joined to it."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", str(PurePosixPath(shown).with_suffix("")))[-80:] or "photo"
        name, number = f"{stem}.jpg", 1
        while name.lower() in self._taken:
            number += 1
            name = f"{stem}_{number}.jpg"
        self._taken.add(name.lower())
        return name


def _in_sandboxes(
    given: _Counted, target: Path, max_size: int, jobs: int, rules: MaskRules
) -> Iterator[tuple[_Given, dict[str, Any]]]:
    """Each photo's outcome as it comes, at most `jobs` decoders at a time."""
    running: dict[int, tuple[_Given, int, float]] = {}  # read end of the pipe -> (file, process, end of its time)
    jobs, memory = _that_fit(jobs)
    spent = 0.0
    developed: set[str] = set()
    while True:
        while len(running) < jobs and (file := given.next(None if running else developed)) is not None:
            if spent > MOST_SECONDS_IN_ALL:
                yield file, {"reason": "all photos together take too long to decode"}
                continue
            pipe, process = _fork(file, target / file.name, max_size, memory, rules)
            running[pipe] = (file, process, time.monotonic() + MOST_SECONDS + GRACE_S)
        while not running and (file := given.left_out(developed)) is not None:
            shot = PurePosixPath(file.shown).stem
            yield file, {"reason": f"it is the raw file of {shot}, which is there as a picture"}
        if not running and given.over and not given.waits:
            return
        before = time.monotonic()
        ready, _, _ = select.select(list(running), [], [], 1.0 if given.over else arrivals.POLL_S)
        now = time.monotonic()
        spent += now - before if running else 0.0
        late = [p for p in running if p not in ready and (running[p][2] < now or spent > MOST_SECONDS_IN_ALL)]
        for pipe in [*ready, *late]:
            file, process, _ = running.pop(pipe)
            outcome = _reap(pipe, process, is_ready=pipe in ready)
            if "reason" not in outcome and not outcome["raw"]:
                developed.add(file.stem)
            yield file, outcome


def _that_fit(jobs: int) -> tuple[int, int]:
    """How many decoders may run at once, and the bytes that each may take, so that all together fit into memory."""
    free = available_memory()
    if free is None:
        return jobs, MOST_MEMORY
    for_all = int(MEMORY_SHARE * free)
    jobs = max(1, min(jobs, for_all // MOST_MEMORY))
    return jobs, max(FEWEST_MEMORY, min(MOST_MEMORY, for_all // jobs))


def _fork(file: _Given, target: Path, max_size: int, memory: int, rules: MaskRules) -> tuple[int, int]:
    """Start a decoder; the pipe on which it answers, and its process id."""
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return reader, process
    try:
        os.close(reader)
        answer = _decode_sandboxed(file.path, file.mask, target, max_size, memory, rules)
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


def _decode_sandboxed(
    path: Path, mask: Path | None, target: Path, max_size: int, memory: int, rules: MaskRules
) -> dict[str, Any]:
    """In the forked process: decode under limits; the answer for the parent, whatever happens."""
    try:
        _limit(memory)
        picture = _open(path, max_size)
        masked = put_together(picture, mask, rules)
        image = masked.image
        digest = hashlib.sha256(image.tobytes()).hexdigest()
        if image.mode == "RGBA":
            target = target.with_suffix(".png")
        if masked.ignored is not None:
            clean_copy.write_mask(masked.ignored, clean_copy.mask_of(target))
        clean_copy.write(image, picture.exif, picture.area, target)
    except UnusableMask as reason:
        return {"reason": str(reason), "for_mask": True}
    except Unusable as reason:
        return {"reason": str(reason)}
    except MemoryError:
        return {"reason": "it takes too much memory to decode"}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {"reason": f"it has more than {MOST_PIXELS // 1_000_000} megapixels, or unpacks to far too much"}
    except UnidentifiedImageError:
        return {"reason": why_no_photo(path)}
    except clean_copy.NotWritten as error:
        return {"errno": error.number} if error.number else {"reason": "it cannot be written as a JPEG"}
    except PermissionError:
        return {"reason": "its permissions forbid to read it"}
    except Exception as error:
        cut = "truncated" in str(error).lower() or "unexpected end" in str(error).lower()
        return {"reason": "it is truncated: the end of the file is missing" if cut else "it is damaged"}
    entry = {"name": target.name, "raw": picture.raw, "kind": picture.kind, "scaled": masked.scaled}
    entry["panorama"] = picture.area is not None
    entry["masked"] = [*(["cutout"] if image.mode == "RGBA" else []), *(["ignore"] if masked.ignored else [])]
    return {"width": image.width, "height": image.height, "digest": digest} | entry


def _limit(memory: int) -> None:
    """End this process when it takes too long, and let it have so many bytes more, if it may have so many."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(MOST_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        allowed = [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min([used + memory, *allowed]),) * 2)


def _open(path: Path, max_size: int) -> Picture:
    """The photo, decoded; whatever is raised is the photo's fault."""
    return open_picture(path, max_size, MOST_PIXELS)


def load_decoders() -> None:
    """Load every decoder, HEIC's among them; called once, so that not every sandbox has to."""
    import pi_heif  # noqa: PLC0415 - 10 MB of decoder that nothing else needs; pillow_heif brings GPL encoders
    import rawpy  # noqa: F401, PLC0415 - likewise

    pi_heif.register_heif_opener(thumbnails=False)
    Image.init()
