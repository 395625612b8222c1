"""`splatworker sfm IMAGES -o SCENE`: cameras and points for a folder of photos."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from splatworker.sfm.colmap import DEATHS, quiet
from splatworker.sfm.options import CAMERA_MODELS, DEVICES, MATCHERS, SfmOptions
from splatworker.sfm.reconstruct import reconstruct
from splatworker.sfm.report import SfmResult
from splatworker.sfm.watch import Cancellation
from splatworker.stages.arrivals import EndOfInput
from splatworker.stages.command import run_as_command
from splatworker.stages.printable import printable
from splatworker.stages.progress import Reporter


def main(argv: Sequence[str]) -> int:
    """Run the stage; returns the exit status: 0, or 1 after an error of `splatworker.errors`."""
    arguments = _parser().parse_args(argv)
    if not arguments.json:
        quiet(DEATHS)
    cancellation = Cancellation()
    signal.signal(signal.SIGTERM, lambda _number, _frame: cancellation.request())
    options = SfmOptions(
        camera_model=arguments.camera_model,
        max_num_features=arguments.max_num_features,
        max_image_size=arguments.max_image_size,
        matcher=arguments.matcher,
        undistort_max_size=arguments.undistort_max_size,
        threads=arguments.threads,
        device=arguments.device,
        keep_frame=arguments.keep_frame,
        min_registered=arguments.min_registered,
        min_share=arguments.min_share,
    )

    def work(reporter: Reporter) -> dict[str, Any]:
        all_arrived = EndOfInput() if arguments.follow else None
        result = reconstruct(
            arguments.images,
            arguments.output,
            options,
            reporter,
            cancellation,
            all_arrived,
            overwrite=arguments.overwrite,
        )
        if not arguments.json:
            _tell(result, arguments.output)
        return result.to_event()

    status = run_as_command("sfm", work, as_json=arguments.json, on_interrupt=cancellation.request)
    if cancellation.requested:
        # COLMAP may still be at work in its thread, and the interpreter's end would wait for it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _tell(result: SfmResult, scene: Path) -> None:
    """The outcome for a person."""
    lines = [f"{name}: {reason}" for name, reason in result.rejected]
    lines.append(f"{scene}: {result.registered} of {result.photos} photos, {result.points} points")
    for line in lines:
        sys.stdout.write(printable(line) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="splatworker sfm", description=__doc__)
    default = SfmOptions()
    parser.add_argument("images", type=Path, help="folder of JPEG and PNG photos")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SCENE", help="folder to make")
    parser.add_argument("--camera-model", choices=CAMERA_MODELS, default=default.camera_model)
    parser.add_argument("--max-num-features", type=_natural, default=0, help="0: as the step needs")
    parser.add_argument("--max-image-size", type=_positive, default=default.max_image_size)
    parser.add_argument("--matcher", choices=MATCHERS, default=default.matcher)
    parser.add_argument(
        "--undistort-max-size", type=_natural, default=0, help="longest side of the photos written; 0 keeps it"
    )
    parser.add_argument("--threads", type=_natural, default=0, help="0: as many as this process may use")
    parser.add_argument("--device", choices=DEVICES, default=default.device)
    parser.add_argument("--keep-frame", action="store_true", help="leave COLMAP's arbitrary world frame")
    parser.add_argument(
        "--min-registered", type=_positive, default=default.min_registered, help="fewer photos are an error"
    )
    parser.add_argument(
        "--min-share", type=_share, default=default.min_share, help="a smaller share of the photos is an error"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="work in a SCENE that holds other things, too, and leave those alone"
    )
    parser.add_argument("--follow", action="store_true", help="more photos arrive until standard input ends")
    parser.add_argument("--json", action="store_true", help="write JSON lines for programs")
    return parser


def _positive(text: str) -> int:
    return _at_least(int(text), 1)


def _natural(text: str) -> int:
    return _at_least(int(text), 0)


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


def _at_least(number: int, least: int) -> int:
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is less than {least}")
    return number
