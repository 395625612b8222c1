"""`splatworker convert IN OUT`: a splat from one format into another, both known by their names."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from splatworker.formats.filling import files_to_write
from splatworker.formats.find import find_splat
from splatworker.formats.ownership import demand_names_free, demand_usable
from splatworker.render.backend import cuda_is_usable
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import (
    format_of,
    left_out_in_words,
    read_any,
    size_on_disk,
    untold_in_words,
    write_any,
)
from splatworker.stages.command import run_as_command
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable
from splatworker.stages.progress import Reporter


def main(argv: list[str]) -> int:
    """Convert; 0 for success, 1 for an error that was reported, 2 (by argparse) for a wrong command line."""
    suffixes = ", ".join(kind.suffix for kind in FORMATS.values())
    parser = argparse.ArgumentParser(
        prog="splatworker convert", description=f"Convert a splat between formats: {suffixes}."
    )
    parser.add_argument(
        "input", type=a_path, metavar="IN", help="a splat, or the folder of one: of run, a model, a SOG"
    )
    parser.add_argument("output", type=a_path, metavar="OUT", help="the file to write; its suffix says the format")
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="where the harmonics of a .sog are clustered (k-means)",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON lines on the standard output")
    arguments = parser.parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        result = convert(arguments.input, arguments.output, arguments.device, report)
        if not arguments.json:
            before, after = result["input_bytes"], result["output_bytes"]
            sys.stderr.write(
                f"{printable(str(arguments.output))}: {result['gaussians']} Gaussians, {after / 1e6:.2f} MB, "
                f"from {before / 1e6:.2f} MB ({before / after:.1f} : 1)\n"
            )
        return result

    return run_as_command("convert", work, as_json=arguments.json)


def convert(source: Path, target: Path, device: str, report: Reporter) -> dict[str, Any]:
    """Read `source` and write `target`.

    Raises:
        InvalidScene: the input is broken, or has no Gaussians.
        SplatError: a suffix is unknown, or a file cannot be read or written.
    """
    kind = format_of(target)  # before reading what may be large
    on_cpu = device == "cpu" or (device == "auto" and not cuda_is_usable())
    step = "making a palette, some seconds on a CPU" if kind == "sog" and on_cpu else "writing"
    path = find_splat(source)
    demand_usable(target.parent, "OUT", "convert")
    demand_names_free(target.parent, [target.name], "OUT", "convert", given=[path])
    gaussians = read_any(path)
    report.progress(step, 0.5)
    with files_to_write(target.parent, [target.name], "OUT", "convert", given=[path]):
        left_out = write_any(target, gaussians, device)
    if left_out:
        report.warning(left_out_in_words(left_out))
    if untold := untold_in_words(kind, gaussians):
        report.warning(untold)
    return {
        "gaussians": len(gaussians) - left_out,
        "sh_degree": gaussians.sh_degree,
        "input_bytes": size_on_disk(path),
        "output_bytes": target.stat().st_size,
        "output": str(target),
    }
