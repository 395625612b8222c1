"""Every reader of what comes from outside against hostile files: no traceback, and no more than the stated memory.

    python bench/fuzz.py [NAME ...] [--examples 10000] [--jobs 1]

Each reader is fed in a process of its own, with a limit of memory above what it has when it begins. A line a reader:
files, how many were answered and refused, in how many different sentences, seconds, and by how much the process grew.
The exit status is 1 if any file brought anything but an answer or a sentence; a warning of numpy is none.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

MOST_GROWTH = 256 * 2**20
"""Bytes by which a process may grow for files of some kilobytes, with what hypothesis remembers of them."""

ADDRESS_SPACE = 2 * 2**30
"""Bytes that it may ask for besides what it has: who asks for more is killed by a MemoryError, which is a fault."""


def feed_all(name: str, examples: int) -> dict[str, object]:
    """Feed one reader in this process."""
    from hypothesis import HealthCheck, Phase, given, settings
    from support.hostile_files import READERS, feed

    reader = READERS[name]
    said: Counter[str] = Counter()
    warnings.simplefilter("error")

    @settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(reader.files)
    def fed(files: dict[str, bytes]) -> None:
        said[feed(reader, files)] += 1

    have = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (have + ADDRESS_SPACE, have + ADDRESS_SPACE))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    fault = ""
    try:
        fed()
    except BaseException:
        fault = traceback.format_exc()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    return {
        "files": said.total(),
        "answered": said[""],
        "sentences": len(said) - ("" in said),
        "seconds": time.monotonic() - started,
        "grown": grown,
        "fault": fault,
    }


def main() -> int:
    """Feed the readers that are named, or all."""
    from support.hostile_files import READERS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(READERS)}")
    parser.add_argument("--examples", type=int, default=10_000, help="files a reader")
    parser.add_argument("--jobs", type=int, default=1, help="readers at once")
    parser.add_argument("--here", action="store_true", help="feed the first in this process, and tell it in JSON")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(feed_all(arguments.names[0], arguments.examples)))
        return 0
    failed = False
    print("| reader | files | answered | refused | sentences | seconds | MiB more |\n|---|---|---|---|---|---|---|")
    names = arguments.names or list(READERS)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for name, done in zip(names, pool.map(lambda name: in_a_process(name, arguments.examples), names), strict=True):
            if done.returncode != 0:
                failed = True
                print(f"{name}: the process ended with {done.returncode}\n{done.stderr}", file=sys.stderr)
                continue
            told = json.loads(done.stdout)
            files, answered = told["files"], told["answered"]
            print(
                f"| {name} | {files} | {answered} | {files - answered} | {told['sentences']} | {told['seconds']:.0f} "
                f"| {told['grown'] >> 20} |",
                flush=True,
            )
            if told["fault"] or told["grown"] > MOST_GROWTH:
                failed = True
                print(told["fault"] or f"{name} grew by more than {MOST_GROWTH >> 20} MiB", file=sys.stderr)
    return int(failed)


def in_a_process(name: str, examples: int) -> subprocess.CompletedProcess[str]:
    """Feed one reader, and hear what became of it."""
    command = [sys.executable, __file__, name, "--here", "--examples", str(examples)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
