"""`splatworker sfm IMAGES -o SCENE`: cameras and points for a folder of photos."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splatworker.errors import InvalidMasks
from splatworker.formats.mask_names import MaskRules
from splatworker.machine.limits import available_cpus
from splatworker.sfm.accelerator import Accelerator
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import SUFFIXES
from splatworker.sfm.photo_features import AS_COLMAP_COUNTS, QUICK_LONGEST, QUICK_MOST, Ahead
from splatworker.sfm.sift import has_kernel
from splatworker.stages.arrivals import EndOfInput
from splatworker.stages.command import run_as_command
from splatworker.stages.file_names import find_files
from splatworker.stages.kept import kept
from splatworker.stages.mask_arguments import add_mask_arguments
from splatworker.stages.options import add_options, declared
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable
from splatworker.stages.progress import Reporter

if TYPE_CHECKING:
    from splatworker.sfm.report import SfmResult


def main(argv: Sequence[str]) -> int:
    """Run the stage; returns the exit status: 0, or 1 after an error of `splatworker.errors`."""
    arguments, options = parse(argv)
    accelerator, ahead = Accelerator(wanted=options.wants_own_gpu), Ahead()
    if not arguments.follow:
        _look_ahead(arguments.images, options, accelerator, ahead)
    # Half of a second, of one processor: the others look at photos meanwhile.
    with kept():
        from splatworker.sfm.colmap import DEATHS, quiet  # noqa: PLC0415
        from splatworker.sfm.reconstruct import reconstruct  # noqa: PLC0415
        from splatworker.sfm.watch import Cancellation  # noqa: PLC0415

    if not arguments.json:
        quiet(DEATHS)
    cancellation = Cancellation()
    signal.signal(signal.SIGTERM, lambda _number, _frame: cancellation.request())

    def work(reporter: Reporter) -> dict[str, Any]:
        if arguments.masks is not None and not arguments.masks.is_dir():
            raise InvalidMasks(f"There is no folder '{arguments.masks}' of masks.", stage="sfm")
        all_arrived = EndOfInput() if arguments.follow else None
        result = reconstruct(
            arguments.images,
            arguments.output,
            options,
            reporter,
            cancellation,
            all_arrived,
            overwrite=arguments.overwrite,
            masks=arguments.masks,
            mask_rules=MaskRules(arguments.mask_mode, arguments.invert_masks),
            accelerator=accelerator,
            ahead=ahead,
        )
        if not arguments.json:
            _tell(result, arguments.output)
        return result.to_event()

    status = run_as_command("sfm", work, as_json=arguments.json, on_interrupt=cancellation.request)
    ahead.end()
    if cancellation.requested:
        # COLMAP may still be at work in its thread, and the interpreter's end would wait for it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _look_ahead(images: Path, options: SfmOptions, accelerator: Accelerator, ahead: Ahead) -> None:
    """Begin to find the features of the first look, in photos that it will look at as they are."""
    if options.engine != "own" or options.undistort_max_size or not has_kernel() or not images.is_dir():
        return
    try:
        photos = [path for path in find_files(images).files if path.suffix.lower() in SUFFIXES]
    except OSError:  # which is told of when the work begins
        return
    longest = min(QUICK_LONGEST, options.max_image_size)
    most = options.max_num_features or int(QUICK_MOST * AS_COLMAP_COUNTS)
    ahead.begin(photos, longest, 0, most, options.threads or available_cpus(), accelerator)


def _tell(result: SfmResult, scene: Path) -> None:
    """The outcome for a person."""
    lines = [f"{name}: {reason}" for name, reason in result.rejected]
    lines.append(f"{scene}: {result.registered} of {result.photos} photos, {result.points} points")
    for line in lines:
        sys.stdout.write(printable(line) + "\n")


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, SfmOptions]:
    """The command line: folders and switches, and the options of the reconstruction.

    Leaves through argparse's SystemExit with status 2 when the command line is wrong.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        options = SfmOptions(**{known.name: getattr(arguments, known.name) for known in declared(SfmOptions)})
    except ValueError as error:
        parser.error(str(error))
    return arguments, options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="splatworker sfm", description="Find the cameras of a folder of photos, and sparse points."
    )
    parser.add_argument("images", type=a_path, metavar="IMAGES", help="folder of JPEG and PNG photos")
    parser.add_argument(
        "-o",
        "--output",
        type=a_path,
        required=True,
        metavar="SCENE",
        help="scene folder to write: images/, and sparse/0/ as COLMAP's model",
    )
    add_options(parser, SfmOptions, dashes=True)
    add_mask_arguments(parser)
    parser.add_argument(
        "--overwrite", action="store_true", help="work in a SCENE that holds other things, too, and leave those alone"
    )
    parser.add_argument("--follow", action="store_true", help="more photos arrive until standard input ends")
    parser.add_argument("--json", action="store_true", help="write JSON lines for programs")
    return parser
