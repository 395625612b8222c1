"""Panoramas: how true their cameras come out, and how long that takes, beside the same views given as ordinary photos.

    python bench/panoramas.py           12 panoramas of the tests' hall, 2000 pixels wide, whose truth is known
    python bench/panoramas.py --count 24 --width 2880 --train 1000     and held-out PSNR after the same short training

Both rows have the same pixels: the views that the first row cut are the photos of the second, which knows nothing of
what belongs together or how it was cut. Each row is measured `--rounds` times in turn, and its least time is taken.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.photo_sets import hall, photograph, save, sphere_rays, walk

from splatworker.formats.panorama import Area, mark_equirectangular
from splatworker.formats.scene import read_scene
from splatworker.sfm.compare import Poses, compare_poses
from splatworker.sfm.views import views_of


def main() -> int:
    arguments = parse()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print("| given | placed | sfm s | rotation deg, mean, max | position %, mean, max | held-out PSNR |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        truth = render(work / "photos", arguments.count, arguments.width)
        seconds: dict[str, list[float]] = {"panoramas": [], "views": []}
        given = {"panoramas": work / "photos", "views": work / "panoramas" / "images"}
        for _ in range(arguments.rounds):
            for name, photos in given.items():
                seconds[name].append(reconstruct(photos, work / name))
        for name in given:
            print(row(name, work / name, truth, min(seconds[name]), arguments.train), flush=True)
    return 0


def render(folder: Path, count: int, width: int) -> dict[str, np.ndarray]:
    """Photograph the hall all around; view name -> its true camera_from_world."""
    folder.mkdir()
    rays, views = sphere_rays(width), views_of(Area(), width)
    truth: dict[str, np.ndarray] = {}
    for number, pose in enumerate(walk(count)):
        path = folder / f"{number:03d}.jpg"
        save(photograph(hall(), pose, rays), path)
        mark_equirectangular(path)
        truth |= {f"{path.stem}_{view.label}.jpg": view.rotation() @ pose for view in views}
    return truth


def reconstruct(photos: Path, scene: Path) -> float:
    """Find the cameras; the seconds it took."""
    start = time.monotonic()
    command = [sys.executable, "-m", "splatworker", "sfm", str(photos), "-o", str(scene), "--device", "cpu", "--json"]
    subprocess.run(command, capture_output=True, check=False)
    return time.monotonic() - start


def row(name: str, scene: Path, truth: Poses, seconds: float, iterations: int) -> str:
    """A line of the table."""
    if not (scene / "report.json").exists():
        return f"| {name} | none | {seconds:.1f} | - | - | - |"
    poses = {photo.name: photo.camera.camera_from_world for photo in read_scene(scene).photos}
    difference = compare_poses(poses, truth)
    turn, shift = difference.rotation_deg, 100 * difference.position
    score = held_out(scene, iterations) if iterations else "-"
    return (
        f"| {name} | {len(poses)} of {len(truth)} views | {seconds:.1f} | {turn.mean():.3f}, {turn.max():.3f} | "
        f"{shift.mean():.3f}, {shift.max():.3f} | {score} |"
    )


def held_out(scene: Path, iterations: int) -> str:
    """PSNR of the views left out of a short training, in dB."""
    model = scene / "model"
    train = [sys.executable, "-m", "splatworker", "train", "-s", str(scene), "-m", str(model)]
    subprocess.run([*train, "--iterations", str(iterations), "--eval"], check=True, capture_output=True)
    return f"{json.loads((model / 'results.json').read_text())['psnr']:.2f}"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=12, help="panoramas")
    parser.add_argument("--width", type=int, default=2000, help="pixels of a panorama")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--train", type=int, default=0, metavar="ITERATIONS")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
