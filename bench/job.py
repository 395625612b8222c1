"""A whole job as the worker does it, and where its seconds go, with and without what else is made of the splat.

    python bench/job.py PHOTOS [--rounds 3] [--param NAME=VALUE ...]

PHOTOS is a folder. Every job is a process of its own (`python handler.py JOB`), from its start to its answer; the
photos come from the disk. `export` makes the outputs, after the splat's delivery; when each of its parts began and
ended, up to the report, is told of the last job.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from splatworker.contract.outputs import BY_DEFAULT, OUTPUTS

HANDLER = Path(__file__).parents[1] / "handler.py"
STEPS = ("fetch", "photos", "sfm", "train", "upload", "export", "total")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    params = {name: json.loads(value) for name, value in (text.split("=", 1) for text in options.param)}
    files = sorted(str(path.absolute()) for path in options.photos.iterdir() if path.is_file())
    print(f"{len(files)} photos, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"| | process | {' | '.join(STEPS)} | Gaussians | PSNR | GPU MiB | device |")
    print("|---|" + "---|" * (len(STEPS) + 5))
    for name, outputs in (("the PLY alone", ()), ("with all outputs", BY_DEFAULT)):
        answers = [run(files, params, outputs) for _ in range(options.rounds)]
        print(row(name, answers), flush=True)
    print("\n| part of the export | from, s | to, s |\n|---|---|---|")
    for part, (began, ended) in sorted(answers[-1]["export"].items(), key=lambda item: item[1]):
        print(f"| {part} | {began:.2f} | {ended:.2f} |")
    return 0


def run(files: list[str], params: dict[str, Any], outputs: tuple[str, ...]) -> dict[str, Any]:
    """Do a job; its answer, with the process's whole time as "process"."""
    with tempfile.TemporaryDirectory() as work:
        job = {
            "image_urls": files,
            "upload_url": f"{work}/a.ply",
            "params": {"eval": True, **params},
            "outputs": {name: f"{work}/{OUTPUTS[name].file}" for name in outputs},
        }
        file = Path(work) / "job.json"
        file.write_text(json.dumps(job))
        started = time.monotonic()
        done = subprocess.run([sys.executable, HANDLER, file], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if done.returncode:
            sys.exit(done.stderr[-2000:])
        answer: dict[str, Any] = json.loads(done.stdout)
        figures = Path(work) / OUTPUTS["quality"].file
        answer["export"] = json.loads(figures.read_text())["export"] if figures.is_file() else {}
    answer["timings"]["process"] = seconds
    return answer


def row(name: str, answers: list[dict[str, Any]]) -> str:
    """A line of the table: medians."""

    def seconds(step: str) -> str:
        found = [answer["timings"][step] for answer in answers if step in answer["timings"]]
        return f"{statistics.median(found):.1f}" if found else "-"

    last = answers[-1]
    memory = last["peak_memory_bytes"].get("gpu")
    cells = [
        name,
        *(seconds(step) for step in ("process", *STEPS)),
        str(last["gaussians"]),
        f"{statistics.median(answer['quality']['psnr'] for answer in answers):.2f}",
        f"{memory / 2**20:.0f}" if memory else "-",
        last["device"],
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
