"""`splatworker frames CLIP... -o PHOTOS`: choose the frames of videos that make good photos."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from splatworker.errors import NoVideo
from splatworker.formats import filling, folder_record, ownership
from splatworker.formats.atomic import write_text
from splatworker.machine.limits import available_cpus
from splatworker.stages.command import run_as_command
from splatworker.stages.file_names import find_files
from splatworker.stages.options import NATURAL, add_max_size, add_options, declared, whole_number
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable
from splatworker.stages.progress import Reporter
from splatworker.stages.workspace import private_workspace
from splatworker.video.ahead import Ahead
from splatworker.video.frames import ACCOUNT, Frames, take_frames
from splatworker.video.options import MOST_FRAMES, VideoOptions
from splatworker.video.probe import is_video

_PHOTOS = folder_record.Kind(lambda name: True, lambda folder: [])
"""A folder of frames: nothing else may be in it, as any name may be a frame's."""


def main(argv: Sequence[str]) -> int:
    """Run the stage; the exit status."""
    parser = _parser()
    given = parser.parse_args(argv)
    try:
        options = VideoOptions(**{known.name: getattr(given, known.name) for known in declared(VideoOptions)})
    except ValueError as error:
        parser.error(str(error))

    if bool(given.clips) == bool(given.ahead):
        parser.error("give videos, or --ahead: then they are told on standard input")

    def stage(report: Reporter) -> dict[str, Any]:
        made = _ahead(given, options, report) if given.ahead else _of_given(given, options, report)
        return {
            "videos": made.videos,
            "errors": {str(number): error.to_event() for number, error in made.errors.items()},
        }

    return run_as_command("frames", stage, as_json=given.json)


def _of_given(given: argparse.Namespace, options: VideoOptions, report: Reporter) -> Frames:
    """The photos of the videos that were named."""
    clips = _clips(given.clips)
    with _photos_to_write(given, clips) as photos:
        made = take_frames(
            clips,
            photos,
            options,
            report,
            names=given.name or (),
            max_size=given.max_size,
            jobs=given.jobs,
            most=given.most,
        )
        if not given.arriving:
            if len(made.errors) == len(clips):
                raise next(iter(made.errors.values()))
            write_text(photos / ACCOUNT, json.dumps({"videos": made.videos}, indent=1) + "\n", "frames")
    if not given.json:
        _tell(made, given.output)
    return made


def _ahead(given: argparse.Namespace, options: VideoOptions, report: Reporter) -> Frames:
    """The photos of videos that are read while they arrive, into a folder that others work on already; which of them
    have arrived is told by the worker, as JSON, on standard input: once all have, or none will.
    """
    with Ahead(given.ahead, options) as ahead:
        if not (line := sys.stdin.readline()):
            return Frames()
        request = json.loads(line)
        return take_frames(
            [Path(path) for path in request["clips"]],
            given.output,
            options,
            report,
            names=request["names"],
            max_size=given.max_size,
            jobs=given.jobs,
            most=request["most"],
            before=ahead.of,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="splatworker frames", description="Choose the frames of videos that make good photos."
    )
    parser.add_argument("clips", type=a_path, nargs="*", metavar="CLIP", help="videos, or folders with videos in them")
    parser.add_argument("-o", "--output", type=a_path, required=True, metavar="PHOTOS", help="folder for the photos")
    add_options(parser, VideoOptions, dashes=True)
    add_max_size(parser)
    parser.add_argument(
        "--most",
        type=whole_number(NATURAL),
        metavar="N",
        default=MOST_FRAMES,
        help="photos of all videos together, at most",
    )
    parser.add_argument(
        "--jobs", type=whole_number(NATURAL), metavar="N", default=available_cpus(), help="processors to use"
    )
    parser.add_argument("--arriving", action="store_true", help="others work on the photos in PHOTOS already")
    parser.add_argument(
        "--ahead",
        type=a_path,
        metavar="VIDEOS",
        help="the worker's own: the folder that videos are on their way into, to be read as they come",
    )
    parser.add_argument("--name", action="append", help="what to call a video, in the order given; with --arriving")
    parser.add_argument("--json", action="store_true", help="report as JSON lines")
    return parser


def _clips(given: Sequence[Path]) -> list[Path]:
    """The videos, those of folders in the order of their names."""
    clips: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = [file for file in find_files(path).files if is_video(file)]
            if not inside:
                raise NoVideo(f"There is no video in the folder '{path}'.", hint="Give an MP4, MOV, WebM or MKV file.")
            clips += inside
        elif path.is_file():
            clips.append(path)
        else:
            raise NoVideo(f"There is no file '{path}'.", hint="Give an MP4, MOV, WebM or MKV file.")
    return clips


@contextmanager
def _photos_to_write(given: argparse.Namespace, clips: Sequence[Path]) -> Iterator[Path]:
    """Where the photos go: at once into the folder of a caller that works on them already, else at the end."""
    folder: Path = given.output
    if given.arriving:
        yield folder
        return
    ownership.demand_usable(folder, "-o", "frames")
    for place in {path.parent for path in clips}:
        ownership.demand_other(folder, place, "-o", "frames")
    ownership.demand_free(folder, _PHOTOS, "-o", "frames")
    with (
        filling.folder_to_fill(folder.absolute(), "frames"),
        private_workspace(folder.absolute(), in_output=True) as workspace,
    ):
        photos = workspace / "photos"
        photos.mkdir()
        yield photos
        filling.fill(folder, photos, _PHOTOS, "frames")


def _tell(made: Frames, photos: Path) -> None:
    """The outcome for a person."""
    for video in made.videos:
        words = video["why"] if "why" in video else f"left out: {video['reason']}"
        sys.stdout.write(printable(f"{video['name']}: {words}") + "\n")
        if why := video.get("decoder_reason"):
            sys.stdout.write(printable(f"{video['name']}: decoded on processors, not on a GPU: {why}") + "\n")
    count = sum(video["frames"] for video in made.videos)
    sys.stdout.write(printable(f"{photos}: {count} photos") + "\n")
