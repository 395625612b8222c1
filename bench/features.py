"""SIFT: ours beside VLFeat's, which COLMAP has, on the same grey photos and one processor.

    python bench/features.py SCENES [name ...] [--longest 1000] [--octave 0] [--photos 3]

SCENES is a folder with a folder of photos a set. A row a set: features, milliseconds of a processor a photo (the best
of three rounds, in turns), their ratio; which share of VLFeat's features is within half a pixel and a tenth of the
scale of one of ours, and how alike the descriptors are. All features are asked for, or with --most the same number.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.grey_photos import agreement, by_vlfeat

from splatworker.sfm.photo_features import read_grey
from splatworker.sfm.sift import sift
from splatworker.stages.file_names import find_files

NAMES = ("fox", "sceaux", "banana", "conch", "brighton", "lund", "sacre_coeur")
ROUNDS = 3


def main() -> int:
    arguments = parse()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print("| photos | pixels | VLFeat's | ours | theirs ms | ours ms | ratio | found | cosine: mean, 5th percentile |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in arguments.names or NAMES:
        files = [file for file in find_files(arguments.scenes / name).files if file.suffix.lower() in (".jpg", ".png")]
        chosen = files[:: max(1, len(files) // arguments.photos)][: arguments.photos]
        rows = [compare(file, arguments) for file in chosen]
        theirs, ours = (sum(row[key] for row in rows) / len(rows) for key in ("theirs_s", "ours_s"))
        cosines = np.sort(np.concatenate([row["cosines"] for row in rows]))
        cells = [
            f"{name} ({len(rows)})",
            "x".join(str(side) for side in rows[0]["size"]),
            str(sum(row["theirs"] for row in rows)),
            str(sum(row["ours"] for row in rows)),
            f"{1000 * theirs:.0f}",
            f"{1000 * ours:.0f}",
            f"{theirs / ours:.1f}x",
            f"{np.mean([row['found'] for row in rows]):.4f}",
            f"{cosines.mean():.4f}, {cosines[len(cosines) // 20]:.4f}",
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
    return 0


def compare(file: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """One photo by both."""
    grey, _ = read_grey(file, arguments.longest)
    ways: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
        "theirs": lambda: by_vlfeat(grey, arguments.octave, arguments.most),
        "ours": lambda: ours_of(grey, arguments),
    }
    found, seconds = {}, dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            found[name] = way()
            seconds[name] = min(seconds[name], time.process_time() - began)
    alike = agreement(found["theirs"], *found["ours"])
    return {
        "size": grey.shape[::-1],
        "theirs": len(found["theirs"][0]),
        "ours": len(found["ours"][0]),
        "theirs_s": seconds["theirs"],
        "ours_s": seconds["ours"],
        "found": alike.found,
        "cosines": alike.cosines,
    }


def ours_of(grey: np.ndarray, arguments: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    found = sift(grey, arguments.octave, arguments.most)
    return found.keypoints, found.descriptors


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--longest", type=int, default=1000, metavar="PIXELS")
    parser.add_argument("--octave", type=int, default=0, choices=(-1, 0))
    parser.add_argument("--photos", type=int, default=3, metavar="NUMBER")
    parser.add_argument("--most", type=int, default=100_000, metavar="NUMBER")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
