"""`splatworker export MODEL -s SCENE -o FOLDER`: everything that is made of a trained splat."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from splatworker.contract.outputs import BY_DEFAULT, OUTPUTS, files_of, names
from splatworker.errors import NoSingleSubject
from splatworker.export.object_cli import FILES
from splatworker.formats.filling import files_to_write
from splatworker.stages.command import run_as_command
from splatworker.stages.kept import kept
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable_lines
from splatworker.stages.progress import PartOf, Reporter

CUTTING = 0.3
"""The share of the time that it takes to find the object, where that is to be done as well."""


def main(argv: list[str]) -> int:
    """Export; 0 for success, 1 for an error that was reported, 2 (by argparse) for a wrong command line."""
    arguments = _parser().parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        with kept():
            from splatworker.export.account import read_account  # noqa: PLC0415 - seconds that --help can do without
            from splatworker.export.export import export  # noqa: PLC0415

        files = [*files_of(arguments.formats), *(FILES if arguments.subject == "object" else ())]
        with files_to_write(arguments.output, files, "-o", "export", given=_given(arguments.model)):
            alone, rest = arguments.object, report
            if arguments.subject == "object":
                alone, rest = _cut_out(arguments, PartOf(report, 0.0, CUTTING)), PartOf(report, CUTTING, 1.0)
            result = export(
                arguments.model,
                arguments.source_path,
                arguments.output,
                arguments.formats,
                rest,
                cleaning=not arguments.no_clean,
                device=arguments.device,
                account=read_account(arguments.account) if arguments.account else None,
                alone=alone,
            )
        if not arguments.json:
            sys.stderr.write(printable_lines(in_words(arguments.output, result)))
        return result

    return run_as_command("export", work, as_json=arguments.json)


def _cut_out(arguments: argparse.Namespace, report: Reporter) -> Path | None:
    """The folder of the object, which the outputs are to be of; None, and a warning, where there is no single one."""
    from splatworker.export.object_stage import cut_out  # noqa: PLC0415 - as above

    try:
        cut_out(arguments.model, arguments.source_path, arguments.output, report, device=arguments.device)
    except NoSingleSubject as error:
        report.warning(f"{error.message} The outputs are of the whole scene.")
        return None
    folder: Path = arguments.output
    return folder


def _given(model: Path) -> list[Path]:
    return [model] if model.is_file() else []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="splatworker export",
        description="Make small files, a page to open, pictures, a film and a report of a trained splat.",
    )
    parser.add_argument(
        "model", type=a_path, metavar="MODEL", help="a model folder (its latest splat), or a splat of any format"
    )
    parser.add_argument(
        "-s", "--source_path", type=a_path, required=True, metavar="SCENE", help="the scene folder it was trained on"
    )
    parser.add_argument("-o", "--output", type=a_path, required=True, metavar="DIR", help="the folder for the files")
    parser.add_argument(
        "--formats", type=names, default=list(BY_DEFAULT), metavar="NAME,...",
        help=f"what to make, of {', '.join(OUTPUTS)}; by default all but cleaned_ply",
    )  # fmt: skip
    subject = parser.add_mutually_exclusive_group()
    subject.add_argument(
        "--subject", choices=["scene", "object"], default="scene",
        help="object: of the object alone that all photos show; it is written as splat.ply, too",
    )  # fmt: skip
    subject.add_argument(
        "--object", type=a_path, metavar="DIR", help="the same, of what `splatworker object` has written"
    )
    parser.add_argument("--no-clean", action="store_true", help="keep Gaussians not supported by any training photo")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="what to draw on")
    parser.add_argument(
        "--account", type=a_path, metavar="FILE", help="JSON with photos, timings, settings and warnings for the report"
    )
    parser.add_argument("--json", action="store_true", help="report as JSON lines on the standard output")
    return parser


def in_words(folder: Path, result: dict[str, Any]) -> str:
    """What was made, for people."""
    lines = [f"{folder / made['file']}  {made['bytes'] / 1e6:.2f} MB\n" for made in result["outputs"].values()]
    cleaning = result["cleaning"]
    if cleaning:
        lines.append(
            f"{cleaning['removed']} of {cleaning['removed'] + result['gaussians']} Gaussians were cleaned away.\n"
        )
    return "".join(lines)
