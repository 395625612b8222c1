"""What programs share that do a training for each of many cases: their arguments, and the file of what came out.

A results file has a line of JSON a training. Another run does what it lacks, so that a run may be cut off.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser of the arguments that all of these programs take; `description` is the program's docstring."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("scenes", nargs="*", type=Path, help="folders as `splatworker sfm` leaves them")
    parser.add_argument("--results", type=Path, required=True, help="JSON lines; trainings in it are not done again")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--table", action="store_true", help="print what FILE has")
    return parser


def add_one_length(parser: argparse.ArgumentParser) -> None:
    """Add what programs take whose trainings are all alike, and whose pictures may be looked at."""
    parser.add_argument("--iterations", type=int, default=7000)
    parser.add_argument(
        "--params", type=json.loads, default={}, help="JSON of a job's params, for all trainings: a resolution"
    )
    parser.add_argument("--pictures", type=Path, help="a folder for what was scored, beside the photos")


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a results file; the last one may be cut off."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else []:
        try:
            lines.append(json.loads(text))
        except ValueError:
            print(f"{path}: passed over a line that is cut off", file=sys.stderr)
    return lines


def gpus(most: int | None = None) -> list[str]:
    """The GPUs to use, as CUDA_VISIBLE_DEVICES names them."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told:
        return told.split(",")[:most]
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [str(number) for number in range(sum(line.startswith("GPU ") for line in listed))][:most]
