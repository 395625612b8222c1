"""Decode untrusted photos in sandboxes, and write clean copies that every later stage can trust.

Each photo is decoded in a process of its own (`sandbox`). The clean copy is a JPEG, or a PNG where a part of the photo
is transparent. It keeps the pixels as they lie and the EXIF orientation tag: COLMAP uses the tag and must not be handed
turned photos. Of the EXIF data only what tells about camera and lens, and the position, is kept; of a panorama that it
is one, and which part of the sphere it shows.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from splatworker.formats import mask_names
from splatworker.formats.mask_names import AS_GIVEN, MaskRules
from splatworker.machine import operator_limits
from splatworker.machine.limits import available_memory
from splatworker.photos import clean_copy, mask_files, sandbox
from splatworker.photos.given_photos import GivenPhoto, GivenPhotos
from splatworker.stages import arrivals
from splatworker.stages.file_names import first_few, left_out
from splatworker.stages.progress import Reporter

FEWEST_MEMORY = 256 * 2**20
"""Bytes of address space that a decoder gets even where there is hardly any memory."""
MEMORY_SHARE = 0.8
"""Of the memory that is free, for all decoders that run at once."""
MOST_SECONDS_IN_ALL = operator_limits.value("SPLATWORKER_DECODERS_S")
"""Seconds in which decoders may run, from the first photo to the last; waiting for photos to arrive does not count."""
GRACE_S = 5.0
"""Seconds after which a decoder that ignores its alarm is killed."""

_MOST_PASSED_OVER = 10
"""Sub-folders that are named at most."""


Outcome = tuple[GivenPhoto, dict[str, Any]]
"""A file, and what its decoder has told (`sandbox.end`): of the clean copy, or the reason why there is none."""


@dataclass
class Decoded:
    """Clean photos, by the name they have now, and the files that are none, with the reason."""

    photos: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)


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
    given = GivenPhotos(source, all_arrived, masks)
    outcomes: list[Outcome] = []
    for outcome in _in_sandboxes(given, target, max_size, jobs, rules):
        outcomes.append(outcome)
        if given.over:
            report.progress("decoding photos", len(outcomes) / given.count)
    outcomes.sort(key=lambda outcome: arrivals.natural(outcome[0].shown))

    decoded = Decoded()
    kept: list[Outcome] = []
    for (file, found), reason in zip(outcomes, _why_rejected(outcomes), strict=True):
        if reason is None:
            decoded.photos.append(_entry(file, found))
            kept.append((file, found))
        else:
            clean_copy.remove(target / found.get("name", file.name))
            decoded.rejected.append({"index": file.index, "name": file.shown, "reason": reason})
    decoded.photos.sort(key=lambda photo: int(photo["index"]))
    decoded.rejected.sort(key=lambda photo: int(photo["index"]))
    for warning in _warnings(given, outcomes, kept, masks):
        report.warning(warning)
    return decoded


def _why_rejected(outcomes: list[Outcome]) -> Iterator[str | None]:
    """Of each file, in the order of names, why it is not used; None where it is."""
    developed = {file.stem: file.shown for file, found in outcomes if "reason" not in found and not found["raw"]}
    seen: dict[str, str] = {}
    for file, found in outcomes:
        if "reason" in found:
            yield found["reason"]
        elif found["raw"] and file.stem in developed:
            yield f"it is the raw file of {developed[file.stem]}"
        elif (twin := seen.setdefault(found["digest"], file.shown)) != file.shown:
            yield f"it is the same picture as {twin}"
        else:
            yield None


def _entry(file: GivenPhoto, found: dict[str, Any]) -> dict[str, Any]:
    """What is told of a clean photo."""
    size = {"width": found["width"], "height": found["height"]}
    masked = {"masked": found["masked"]} if found["masked"] else {}
    around = {"panorama": True} if found["panorama"] else {}
    return {"index": file.index, "file": file.shown, "name": found["name"]} | size | masked | around


def _warnings(given: GivenPhotos, outcomes: list[Outcome], kept: list[Outcome], masks: Path | None) -> Iterator[str]:
    """What the person should know.

    Args:
        outcomes: of all files, in the order of names; kept: of those that are used.
        masks: the folder of masks, if there is one.

    Raises:
        InvalidMasks: there are masks, and none is of use.
    """
    yield from _of_folders(given.passed_over)
    yield from _of_kinds(kept)
    if several := [file.shown for file, found in kept if found["of"] > 1]:
        yield (
            f"{first_few(several)}: of several pictures in one file, pages, an animation or two eyes, the first was "
            "used. Give each as a file of its own."
        )
    if veiled := [file.shown for file, found in kept if found["veiled"]]:
        yield (
            f"{first_few(veiled)}: half transparent nearly everywhere, as nothing is that was cut out. Export "
            f"{'it' if len(veiled) == 1 else 'them'} without transparency if none is meant."
        )
    cut, whole = (
        [file.shown for file, found in kept if ("cutout" in found["masked"]) is is_cut] for is_cut in (True, False)
    )
    if cut and whole:
        yield (
            f"{len(cut)} of {len(kept)} photos are cut out, and {first_few(whole)} "
            f"{'is' if len(whole) == 1 else 'are'} not: what is around the subject there is learnt as a part of it. "
            "Cut out all of them, or say mask_mode ignore."
        )
    yield from left_out(given.set_aside.items())
    if masks is not None:
        with_mask = [(file.mask, found) for file, found in outcomes if file.mask is not None]
        files = [file for file, _ in outcomes]
        yield from mask_files.judge(masks, [file.shown for file in files], with_mask, [file.path for file in files])


def _of_folders(passed_over: dict[str, str]) -> Iterator[str]:
    for number, (name, reason) in enumerate(passed_over.items()):
        if number == _MOST_PASSED_OVER:
            yield f"{len(passed_over) - number} more folders were passed over."
            break
        yield f"The folder {name} was passed over: {reason}."
    if any(PurePosixPath(name).name.lower() in mask_names.FOLDERS and "/" in name for name in passed_over):
        yield (
            "Masks are looked for in one folder, called masks, in the folder of all photos, or by --masks: those of "
            "b/a.jpg in its sub-folder b."
        )


def _of_kinds(kept: list[Outcome]) -> Iterator[str]:
    """Of files that are hardly photos."""
    kinds: dict[str, list[str]] = {}
    for file, found in kept:
        if found["kind"]:
            kinds.setdefault(found["kind"], []).append(file.shown)
    for kind, names in kinds.items():
        one = len(names) == 1
        yield (
            f"{first_few(names)} {'seems' if one else 'seem'} to be {f'a {kind}' if one else f'{kind}s'}: "
            "only photos taken with a camera, one view each, show where they were taken from."
        )


def _in_sandboxes(given: GivenPhotos, target: Path, max_size: int, jobs: int, rules: MaskRules) -> Iterator[Outcome]:
    """Each photo's outcome as it comes, at most `jobs` decoders at a time."""
    running: dict[int, tuple[GivenPhoto, int, float]] = {}  # read end of the pipe -> (file, process, end of its time)
    jobs, memory = _that_fit(jobs)
    spent = 0.0
    developed: set[str] = set()
    while True:
        while len(running) < jobs and (file := given.next(None if running else developed)) is not None:
            if spent > MOST_SECONDS_IN_ALL:
                yield file, {"reason": "all photos together take too long to decode"}
                continue
            pipe, process = sandbox.start(file.path, file.mask, target / file.name, max_size, memory, rules)
            running[pipe] = (file, process, time.monotonic() + sandbox.MOST_SECONDS + GRACE_S)
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
            outcome = sandbox.end(pipe, process, is_ready=pipe in ready)
            if "reason" not in outcome and not outcome["raw"]:
                developed.add(file.stem)
            yield file, outcome


def _that_fit(jobs: int) -> tuple[int, int]:
    """How many decoders may run at once, and the bytes that each may take, so that all together fit into memory."""
    free = available_memory()
    if free is None:
        return jobs, sandbox.MOST_MEMORY
    for_all = int(MEMORY_SHARE * free)
    jobs = max(1, min(jobs, for_all // sandbox.MOST_MEMORY))
    return jobs, max(FEWEST_MEMORY, min(sandbox.MOST_MEMORY, for_all // jobs))
