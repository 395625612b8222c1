"""What a person gives on a command line: a folder of photos, with videos among them perhaps, or one video."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from splatworker.contract.job import Recipe
from splatworker.errors import NoPhotos
from splatworker.formats.mask_names import masks_folder
from splatworker.photos.enough_photos import FEWEST_PHOTOS
from splatworker.pipeline import videos
from splatworker.pipeline.records import Arrival, Photos
from splatworker.stages.file_names import find_files, left_out, readable
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall
from splatworker.video.probe import begins_as_video, is_video

_OF_TELEPHONES = (".heic", ".heif", ".jpg", ".jpeg")
_LIVE = "it is the moving part of the photo of its name"


@dataclass(frozen=True)
class Given:
    """Files of a person's.

    Attributes:
        folder: with the photos, and what else is in it; None for a video by itself.
        clips: videos, by name.
        others: files of the folder that are none.
        passed_over: its sub-folders that were not entered, each with the reason.
        set_aside: its files that are not read, each with the reason.
    """

    folder: Path | None
    clips: tuple[Path, ...]
    others: tuple[Path, ...]
    passed_over: dict[str, str]
    set_aside: dict[str, str] = field(default_factory=dict)


def look(path: Path, masks: Path | None = None) -> Given:
    """What there is at a path.

    Args:
        masks: a folder of masks, which are no photos wherever it lies.

    Raises:
        NoPhotos: nothing.
    """
    if path.is_file():
        if is_video(path) or begins_as_video(path):
            return Given(None, (path.absolute(),), (), {})
        raise NoPhotos(
            f"'{path}' is a file, and no video that is read.",
            hint="Give a folder with photos in it, or a video (MP4, MOV, WebM, MKV).",
        )
    if not path.is_dir():
        raise NoPhotos(f"There is no folder '{path}'.", hint="Give a folder with photos in it, or a video.")
    folder = path.absolute()
    found = find_files(folder, masks)
    clips = [file for file in found.files if is_video(file)]
    others = tuple(file for file in found.files if file not in set(clips))
    of_photos = {readable(file.relative_to(folder).as_posix()): _LIVE for file in _live(clips, others)}
    films = tuple(file for file in clips if readable(file.relative_to(folder).as_posix()) not in of_photos)
    return Given(folder, films, others, found.passed_over, found.set_aside | of_photos)


def _live(clips: Sequence[Path], photos: Sequence[Path]) -> list[Path]:
    """The films that telephones take with each photo ("Live Photos"), the second before and after it in which the hand
    comes and goes: MOV files with the names of photos, so many of these that they need no film.
    """
    taken = {str(path.with_suffix("")).lower() for path in photos if path.suffix.lower() in _OF_TELEPHONES}
    twins = [clip for clip in clips if clip.suffix.lower() == ".mov" and str(clip.with_suffix("")).lower() in taken]
    return twins if len(twins) >= FEWEST_PHOTOS else []


def arrive(given: Given, recipe: Recipe, runner: StageRunner, report: Overall, *, masks: Path | None = None) -> Arrival:
    """The photos: where they are, if they are all there; else on their way to `incoming/`, with frames of videos.

    Args:
        masks: the folder of the photos' masks; None for the usual place, beside them.
    """
    if not given.clips:
        videos.warn_without(recipe, report)
    if given.folder is not None and not given.clips and _LIVE not in given.set_aside.values():
        here: asyncio.Future[Photos] = asyncio.get_running_loop().create_future()
        here.set_result(Photos(given.folder))
        return Arrival(given.folder, here, masks)
    folder = runner.workspace / "incoming"
    masks = masks or (masks_folder(given.folder) if given.folder else None)
    return Arrival(folder, _gathered(given, folder, masks, recipe, runner, report), masks)


async def _gathered(
    given: Given, folder: Path, masks: Path | None, recipe: Recipe, runner: StageRunner, report: Overall
) -> Photos:
    folder.mkdir(exist_ok=True)
    for name, reason in given.passed_over.items():
        if given.folder is not None and given.folder / name == masks:
            continue
        report.warning(f"The folder {name} was passed over: {reason}.")
    for warning in left_out(given.set_aside.items()):
        report.warning(warning)
    for file in given.others:
        assert given.folder is not None
        link = folder / file.relative_to(given.folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    top = given.folder or given.clips[0].parent
    clips = [
        videos.Clip(path, number, readable(path.relative_to(top).as_posix())) for number, path in enumerate(given.clips)
    ]
    made = await videos.take_frames(videos.Known(clips, {}, len(given.others)), folder, recipe, runner, report)
    return Photos(folder, videos=made.videos, video_seconds=made.seconds)
