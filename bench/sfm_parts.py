"""Where the processors' time of `splatworker sfm` goes: part by part, and how much of it only one thread works at.

    python bench/sfm_parts.py PHOTOS [PHOTOS ...] [--threads 16] [--rounds 3]

A row a part: processor milliseconds of all threads, and of the thread that the part runs on, while the others wait for
it; each the least of the rounds. Wall time is not looked at, so that other work on the machine disturbs little. With
many threads what a part shares out is hardly in its own thread's time, even where the machine has two processors: the
sum of that column is about what no number of processors shortens. Parts within parts are taken out of those around
them; "start" is all that comes before the command's work, "all else" what has no row.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

PARTS = {
    "reading headers": ("input_photos._read", "layout.lay_out", "cameras.group_photos", "database.create"),
    "features": ("extraction.extract", "features.extract"),
    "pairs": ("retrieval.read_descriptors", "retrieval.similarities", "pairs.choose_pairs"),
    "matching": ("matching.match",),
    "fisheye or not": ("lens.find_fisheyes",),
    "reading matches": ("graph.read_graph", "agreement.read_verified", "tracks.features_of"),
    "mapping: first pair": ("rounds._next_beginning", "first_pair.find"),
    "mapping: adjustment": ("round_adjustment._adjusted",),
    "mapping: cameras": ("resection.resect", "tracks.visible"),
    "mapping: tracks": ("tracks.extend", "tracks.clean", "tracks.retriangulate"),
    "mapping: as COLMAP's": ("grown_model.to_colmap",),
    "gate": ("gate.inspect",),
    "a lens or several": ("shared_lens.share_left",),
    "choice of the lens": ("lens_model.richer_lenses",),
    "polish": ("polish.polish",),
    "frame": ("frame.find_frame", "frame.apply_frame"),
    "undistortion": ("undistort._in_threads",),
    "writing the model": ("undistort.write_scene",),
    "report": ("overlap.overlapping_photos", "report.write_report"),
}
"""What each row is the sum of: functions of the stage's modules."""

Clocks = tuple[float, float, int]


class Meter:
    """Processor seconds of parts that begin and end one within the other, in whichever thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._open: list[tuple[Clocks, list[float]]] = []

    def measured(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time added to the part's and taken from that of the part around it."""

        @functools.wraps(call)
        def measuring(*arguments: Any, **named: Any) -> Any:
            begin, within = clocks(), [0.0, 0.0]
            self._open.append((begin, within))
            try:
                return call(*arguments, **named)
            finally:
                self._open.pop()
                end = clocks()
                taken = end[0] - begin[0], end[1] - begin[1]
                self.add(part, taken[0] - within[0], taken[1] - within[1])
                if self._open:
                    around, taken_out = self._open[-1]
                    taken_out[0] += taken[0]
                    taken_out[1] += taken[1] if around[2] == begin[2] else 0.0

        return measuring

    def add(self, part: str, process: float, own: float) -> None:
        """More time of a part."""
        row = self.seconds.setdefault(part, [0.0, 0.0])
        row[0] += process
        row[1] += own


def clocks() -> Clocks:
    """Processor seconds of all threads and of this one, which one it is."""
    return time.process_time(), time.thread_time(), threading.get_ident()


def run_measured(words: list[str], report: Path) -> int:
    """The command in this process, with its parts measured; the report gets these as JSON."""
    from splatworker import cli

    meter = Meter()

    def with_meter(name: str) -> Any:
        stage: Any = import_module(name)
        run_as_command = stage.run_as_command

        def run(named: str, work: Callable[..., Any], **how: Any) -> int:
            process, own, _ = clocks()
            meter.add("start", process, own)
            put_in(meter)
            status: int = run_as_command(named, meter.measured("all else", work), **how)
            return status

        stage.run_as_command = run
        return stage

    cli.import_module = with_meter  # type: ignore[assignment, attr-defined]
    status = cli.main(["sfm", *words])
    report.write_text(json.dumps(meter.seconds))
    return status


def put_in(meter: Meter) -> None:
    """Every module that has one of the functions by its name gets the measured one."""
    for part, names in PARTS.items():
        for name in names:
            module, function = name.split(".")
            call = getattr(import_module(f"splatworker.sfm.{module}"), function)
            measured = meter.measured(part, call)
            for loaded in list(sys.modules.values()):
                if getattr(loaded, "__name__", "").startswith("splatworker.sfm"):
                    for known, value in list(vars(loaded).items()):
                        if value is call:
                            setattr(loaded, known, measured)


def least(photos: Path, threads: int, rounds: int) -> dict[str, list[float]]:
    """Of each part the least of the rounds, each in a process of its own."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as work:
            report = Path(work) / "parts.json"
            words = [str(photos), "-o", str(Path(work) / "scene"), "--threads", str(threads), "--json"]
            child = [sys.executable, __file__, "--child", str(report), *words]
            subprocess.run(child, check=True, capture_output=True)
            for part, (process, own) in json.loads(report.read_text()).items():
                before = found.get(part, [process, own])
                found[part] = [min(before[0], process), min(before[1], own)]
    return found


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        return run_measured(sys.argv[3:], Path(sys.argv[2]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, {arguments.threads} threads")
    tables = [least(photos, arguments.threads, arguments.rounds) for photos in arguments.photos]
    print("| part | " + " | ".join(f"{photos.name}: all threads, ms | its own" for photos in arguments.photos) + " |")
    print("|---" * (1 + 2 * len(tables)) + "|")
    for part in ("start", *PARTS, "all else"):
        cells = [f"{1000 * seconds:.0f}" for table in tables for seconds in table.get(part, (0.0, 0.0))]
        print(f"| {part} | " + " | ".join(cells) + " |")
    sums = [f"{1000 * sum(row[column] for row in table.values()):.0f}" for table in tables for column in (0, 1)]
    print("| all | " + " | ".join(sums) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
