"""A folder of hostile pictures through the photo decoder: each comes out a picture or a sentence, and nothing breaks.

    pip download --no-deps --no-binary :all: pillow      # its Tests/images are such; tar xf what comes
    python bench/photo_corpus.py pillow-*/Tests/images

The pictures are copied (their licences are their makers'; none is part of this project), each under a name of its own.
The exit status is 1 if the command fails, or says nothing of a file.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

AT_ONCE = 400
"""Files of one command: a job has 500 photos at most."""


def decode(files: list[Path], folder: Path) -> tuple[int, list[dict[str, str]]]:
    """How many became pictures, and the others with their reasons."""
    for number, file in enumerate(files):
        shutil.copyfile(file, folder / f"{number:05}_{file.name}")
    command = [sys.executable, "-P", "-m", "splatworker", "photos", str(folder), "-o", str(folder / "out"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    results = [event["result"] for event in events if event.get("event") == "result"]
    if done.returncode != 0 or not results:
        raise SystemExit(f"the command failed with {done.returncode}: {done.stdout[-500:]} {done.stderr[-2000:]}")
    return len(results[0]["photos"]), results[0]["rejected"]


def main() -> int:
    """Decode all files below the folders, some hundred at a time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rejected", action="store_true", help="list every file that did not become a picture")
    arguments = parser.parse_args()
    files = sorted(path for folder in arguments.folders for path in folder.rglob("*") if path.is_file())
    files = [path for path in files if not path.name.startswith(".")]
    started = time.monotonic()
    pictures, reasons = 0, Counter[str]()
    for start in range(0, len(files), AT_ONCE):
        chunk = files[start : start + AT_ONCE]
        with tempfile.TemporaryDirectory() as folder:
            made, rejected = decode(chunk, Path(folder))
        pictures += made
        reasons.update(re.sub(r"\d+", "N", entry["reason"].partition(" as ")[0]) for entry in rejected)
        if made + len(rejected) != len(chunk):
            print(f"{len(chunk) - made - len(rejected)} files were neither taken nor refused", file=sys.stderr)
            return 1
        if arguments.rejected:
            print("\n".join(f"{entry['name']}: {entry['reason']}" for entry in rejected))
    print(f"{len(files)} files, {pictures} pictures, {time.monotonic() - started:.0f} s")
    print("\n".join(f"{count:6} {reason}" for reason, count in reasons.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
