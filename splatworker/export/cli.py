"""`splatworker export MODEL -s SCENE -o FOLDER`: everything that is made of a trained splat."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from splatworker.contract.outputs import BY_DEFAULT, OUTPUTS, files_of, names
from splatworker.formats.filling import files_to_write
from splatworker.stages.command import run_as_command
from splatworker.stages.printable import printable_lines
from splatworker.stages.progress import Reporter


def main(argv: list[str]) -> int:
    """Export; 0 for success, 1 for an error that was reported, 2 (by argparse) for a wrong command line."""
    arguments = _parser().parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        from splatworker.export.account import read_account  # noqa: PLC0415 - seconds that --help can do without
        from splatworker.export.export import export  # noqa: PLC0415

        with files_to_write(
            arguments.output, files_of(arguments.formats), "-o", "export", given=_given(arguments.model)
        ):
            result = export(
                arguments.model,
                arguments.source_path,
                arguments.output,
                arguments.formats,
                report,
                cleaning=not arguments.no_clean,
                device=arguments.device,
                account=read_account(arguments.account) if arguments.account else None,
            )
        if not arguments.json:
            sys.stderr.write(printable_lines(in_words(arguments.output, result)))
        return result

    return run_as_command("export", work, as_json=arguments.json)


def _given(model: Path) -> list[Path]:
    return [model] if model.is_file() else []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="splatworker export",
        description="Make small files, a page to open, pictures, a film and a report of a trained splat.",
    )
    parser.add_argument("model", type=Path, help="a model folder (its latest splat), or a splat of any format")
    parser.add_argument("-s", "--source_path", type=Path, required=True, help="the scene folder it was trained on")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder for the files")
    parser.add_argument(
        "--formats", type=names, default=list(BY_DEFAULT), metavar="NAME,...",
        help=f"what to make, of {', '.join(OUTPUTS)}; by default all but cleaned_ply",
    )  # fmt: skip
    parser.add_argument("--no-clean", action="store_true", help="keep Gaussians not supported by any training photo")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="what to draw on")
    parser.add_argument("--account", type=Path, help="JSON with photos, timings, settings and warnings for the report")
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
