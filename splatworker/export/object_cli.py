"""`splatworker object MODEL -s SCENE -o FOLDER`: the object that all photos show, without what is around it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from splatworker.formats.filling import files_to_write
from splatworker.formats.find import SPLAT_IN_OUT
from splatworker.formats.folder_kinds import OBJECT_IN_OUT
from splatworker.stages.command import run_as_command
from splatworker.stages.kept import kept
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable_lines
from splatworker.stages.progress import Reporter

FILES = (SPLAT_IN_OUT, OBJECT_IN_OUT)


def main(argv: list[str]) -> int:
    """Cut; 0 for success, 1 for an error that was reported, 2 (by argparse) for a wrong command line."""
    arguments = _parser().parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        with kept():
            from splatworker.export.object_stage import cut_out  # noqa: PLC0415 - seconds that --help can do without

        given = [arguments.model] if arguments.model.is_file() else []
        with files_to_write(arguments.output, FILES, "-o", "object", given=given):
            result = cut_out(
                arguments.model,
                arguments.source_path,
                arguments.output,
                report,
                device=arguments.device,
                ask_network=arguments.segmentation,
            )
        if not arguments.json:
            sys.stderr.write(printable_lines(_in_words(result)))
        return result

    return run_as_command("object", work, as_json=arguments.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="splatworker object",
        description="Cut the object that all photos show out of a trained scene.",
        epilog="Where there is no single subject, or it cannot be told from what is around, nothing is written.",
    )
    parser.add_argument(
        "model", type=a_path, metavar="MODEL", help="a model folder (its latest splat), or a splat of any format"
    )
    parser.add_argument(
        "-s", "--source_path", type=a_path, required=True, metavar="SCENE", help="the scene folder it was trained on"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=a_path,
        required=True,
        metavar="DIR",
        help=f"the folder for {SPLAT_IN_OUT} and {OBJECT_IN_OUT}",
    )
    parser.add_argument(
        "--segmentation",
        action="store_true",
        help="ask a segmentation network, too, where it is installed (splatworker weights)",
    )
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="what to draw on")
    parser.add_argument("--json", action="store_true", help="report as JSON lines on the standard output")
    return parser


def _in_words(result: dict[str, Any]) -> str:
    width, height, depth = result["size"]
    unit = " m" if result["unit"] == "metre" else ""
    return (
        f"{result['ply']}: {result['gaussians']} of {result['gaussians_of_scene']} Gaussians, "
        f"{width:.3g} x {height:.3g} x {depth:.3g}{unit} (width, height, depth).\n"
    )
