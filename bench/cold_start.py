"""The first minute of a worker, in parts: from its start to its first job's splat.

    python bench/cold_start.py [--runs 3] [--gpu] [--ready]

The worker is the real one with its real stages, in a process of its own, behind the platform's SDK and the tests'
stand-in for the platform; the job is that of the example photos, from a server on this machine, and waits in the queue
before the worker starts. Prints the median of each part over the runs; the first run, which reads all files from
the disk, is told by itself. `--ready` tells the first part alone, by the clock and in seconds of processors, of workers
whose queue is empty.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.platform_server import Platform  # noqa: E402
from support.s3 import Store  # noqa: E402

PHOTOS = ROOT / "examples" / "photos"

PARTS = {
    "ready": "container's start to ready for a job",
    "first_byte": "ready to its first photo asked for",
    "cameras": "first photo asked for to the search for cameras",
    "first_step": "search for cameras to training's first step",
    "answered": "first step to the answer",
}


class Watched(Platform):
    """A platform that knows when a worker asked for its first job, and what it said when."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, float] = {}

    def note(self, what: str) -> None:
        """When something happened first."""
        self.times.setdefault(what, time.perf_counter())

    def _take(self, worker: str, path: str) -> dict[str, Any] | None:
        self.note("ready")
        event: dict[str, Any] | None = super()._take(worker, path)
        return event

    def _done(self, worker: str, job: str, body: dict[str, Any]) -> int:
        news = body.get("output") or {}
        if body.get("status") == "IN_PROGRESS":
            if news.get("stage") == "sfm":
                self.note("cameras")
            if news.get("stage") == "train":
                self.note("first_step")
        status: int = super()._done(worker, job, body)
        return status


def main() -> int:
    """Start workers, and say how long each part took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gpu", action="store_true", help="the machine has one: a worker without it is unfit")
    parser.add_argument("--ready", action="store_true", help="only until the worker asks for its first job")
    options = parser.parse_args()
    if options.ready:
        rows = [_ready(gpu=options.gpu) for _ in range(options.runs + 1)][1:]
        for kind, column in zip(("by the clock", "of processors"), zip(*rows, strict=True), strict=True):
            print(f"ready, seconds {kind}: {statistics.median(column):.2f} ({min(column):.2f} to {max(column):.2f})")
        return 0
    for what in (["-c", "import handler"], ["-m", "splatworker", "--help"]):
        print(f"python {' '.join(what)}: {statistics.median(_seconds(what) for _ in range(5)):.2f} s")
    runs = [_run(gpu=options.gpu) for _ in range(options.runs)]
    print("| seconds | first run | median |\n|---|---|---|")
    for name, words in {**PARTS, "total": "all"}.items():
        print(f"| {words} | {runs[0][name]:.1f} | {statistics.median(run[name] for run in runs):.1f} |")
    return 0


def _seconds(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _ready(*, gpu: bool) -> tuple[float, float]:
    """From a worker's start to its first question for a job: by the clock, and of processors, its stages' included."""
    with tempfile.TemporaryDirectory() as folder, Watched() as platform:
        os.environ["SPLATWORKER_WORKSPACE"] = folder
        began = time.perf_counter()
        worker = platform.start_worker("w", real_stages="yes", SPLATWORKER_ALLOW_CPU="0" if gpu else "1")
        while "ready" not in platform.times:
            if worker.poll() is not None:
                raise SystemExit(f"the worker has ended:\n{platform.output['w'].decode()}")
            time.sleep(0.002)
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = sum(int(field) for field in fields[11:15])  # its own and those of processes that have ended (proc(5))
        return platform.times["ready"] - began, ticks / os.sysconf("SC_CLK_TCK")


def _run(*, gpu: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, Watched() as platform, Store(PHOTOS) as store:
        os.environ["SPLATWORKER_WORKSPACE"] = folder

        def asked(request: Any, body: bytes) -> bool:
            platform.note("first_byte")
            return False

        store.intercept = asked
        names = sorted(path.name for path in PHOTOS.iterdir() if path.suffix == ".jpg")
        platform.submit("job", {"image_urls": store.photo_urls(names), "upload_url": store.presign("PUT", "a.ply")})
        began = time.perf_counter()
        platform.start_worker("w", real_stages="yes", SPLATWORKER_ALLOW_CPU="0" if gpu else "1")
        (result,) = platform.wait_for("job", seconds=900)
        platform.note("answered")
        if result.get("error"):
            raise SystemExit(result["error"])
        parts, before = {"total": platform.times["answered"] - began}, began
        for name in PARTS:
            parts[name], before = platform.times[name] - before, platform.times[name]
        return parts


if __name__ == "__main__":
    sys.exit(main())
