"""GPU training beside gsplat 1.5.3, in one run on one machine: whole trainings, and steps at fixed sizes.

    python bench/train.py SCENE [SCENE ...] [--trainings default original gsplat] [--seeds 0] [--iterations 7000]
                          [--gaussians 50000 200000 1000000 3000000] [--peer gsplat | none] [--pictures FOLDER]

SCENE is a COLMAP folder (images/ and sparse/0). Every 8th photo is held out, and all models are scored on those by
one scorer (ours). Each training runs in a process of its own (bench/one_training.py), each of the first kind after a
short one to warm up; `start` is the time from the process's start to the end of its first iteration. The second table
is of steps (bench/fixed_steps.py), the third sets our stages beside a floor: the larger of the time that their bytes
take at the bandwidth of a copy and the time that their instructions take at the rate of a matrix product.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

STEP_PIXELS = 1600 * 1200

VISITS = 2.7
"""Sub-tiles of 8x8 pixels, of a tile's four, in which a splat of a trained scene paints (docs/lab-log/cuda.md)."""

VISIT_INSTRUCTIONS = {"blend forward": 35, "blend backward": 87}
"""Warp instructions for one splat in one sub-tile, counted in the source: exponents, blending and sums of 64 pixels."""

LOSS_INSTRUCTIONS = 320
"""For one pixel and channel, a thread's: two separable windows of four maps."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenes", nargs="+")
    parser.add_argument("--trainings", nargs="*", default=["default", "original", "gsplat"])
    parser.add_argument("--seeds", nargs="+", default=["0"])
    parser.add_argument("--iterations", type=int, default=7000)
    parser.add_argument("--gaussians", type=int, nargs="*", default=[50_000, 200_000, 1_000_000, 3_000_000])
    parser.add_argument("--peer", choices=["gsplat", "none"], default="gsplat", help="beside the steps")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--pictures", type=Path, help="folder for renders of held-out photos, of the first seed")
    parser.add_argument("--stages", action="store_true", help="time stages and density control of ours, too")
    parser.add_argument("--no-warm-up", action="store_true")
    given = parser.parse_args()
    if given.trainings:
        print_trainings(given)
    if given.gaussians:
        print_steps(given.scenes[0], given.gaussians, ["ours", "gsplat"] if given.peer == "gsplat" else ["ours"])


def child(script: str, *arguments: str) -> list[dict[str, Any]]:
    """The JSON lines that another script of this folder prints; what it says on failing is shown."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    environment = os.environ | {"BENCH_STARTED": str(time.time())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{script} {' '.join(arguments)} failed:\n{done.stderr[-2000:]}", file=sys.stderr, flush=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def print_trainings(given: argparse.Namespace) -> None:
    """Seconds of the training loop, scores on the held-out photos, Gaussians, memory, and the start."""
    if not given.no_warm_up:
        for trainer in given.trainings:
            child("one_training.py", trainer, given.scenes[0], "60", "0", given.device)
    print(
        f"| scene | trainer, seed | {given.iterations} iterations, s | it/s | PSNR | SSIM | Gaussians | MiB | start |"
    )
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for scene in given.scenes:
        for seed in given.seeds:
            for trainer in given.trainings:
                first = seed == given.seeds[0] and trainer in ("default", "gsplat")
                pictures = ["--pictures", str(given.pictures)] if given.pictures and first else []
                stages = ["--stages"] if given.stages and trainer != "gsplat" else []
                arguments = [trainer, scene, str(given.iterations), seed, given.device, *pictures, *stages]
                for result in child("one_training.py", *arguments):
                    print_training(Path(scene).name, f"{trainer}, {seed}", given.iterations, result)


def print_training(scene: str, trainer: str, iterations: int, r: dict[str, Any]) -> None:
    speed = f"{r['seconds']:.2f} | {iterations / r['seconds']:.0f}"
    quality = f"{r['psnr']:.2f} | {r['ssim']:.4f} | {r['gaussians']}"
    memory = f"{r['peak_mib']:.0f}" if r["peak_mib"] else "-"
    start = f"{r['start']['first iteration']:.1f}" if "start" in r else "-"
    print(f"| {scene} | {trainer} | {speed} | {quality} | {memory} | {start} |", flush=True)
    details = {name: r[name] for name in ("start", "photos", "md5", "stages_us", "density_ms") if name in r}
    print(f"{scene}, {trainer}: {json.dumps(details)}", file=sys.stderr, flush=True)


def print_steps(scene: str, counts: list[int], trainers: list[str]) -> None:
    """Steps at fixed sizes, then our stages beside their floors."""
    print(
        "\n| Gaussians | ours, ms | gsplat, ms | ratio | ours, MiB | gsplat, MiB |\n|---|---|---|---|---|---|",
        flush=True,
    )
    measured = {}
    for count in counts:
        results = {result["trainer"]: result for result in child("fixed_steps.py", scene, str(count), *trainers)}
        ours, theirs = results.get("ours"), results.get("gsplat")
        if not ours:
            continue
        measured[count] = ours
        other = f"{theirs['ms']:.2f} | {theirs['ms'] / ours['ms']:.1f}x" if theirs else "- | -"
        memory = f"{theirs['peak_mib']:.0f}" if theirs else "-"
        print(f"| {count} | {ours['ms']:.2f} | {other} | {ours['peak_mib']:.0f} | {memory} |", flush=True)
    print("\n| Gaussians | instances | stage: us (floor, share of it reached) | sum | GPU |\n|---|---|---|---|---|")
    for count, ours in measured.items():
        floors = floor_microseconds(count, ours)
        stages = {name: 1e3 * milliseconds for name, milliseconds in ours["stages"].items()}
        cells = [f"{name} {us:.0f} ({floors[name]:.0f}, {floors[name] / us:.0%})" for name, us in stages.items()]
        total, least = sum(stages.values()), sum(floors.values())
        gpu = f"{ours['copy_tb_s']:.2f} TB/s, {ours['fp32_tflop_s']:.0f} TFLOP/s"
        instances = f"{ours['instances'] / 1e6:.2f} M"
        print(
            f"| {count} | {instances} | {', '.join(cells)} | {total:.0f} ({least:.0f}, {least / total:.0%}) | {gpu} |"
        )


def floor_microseconds(count: int, ours: dict[str, Any]) -> dict[str, float]:
    """What each stage takes at least: every input read once, every output written once, every instruction issued."""
    instances, pixels = ours["instances"], STEP_PIXELS
    moved = {
        "project": count * (59 * 4 + 48),
        "bin": count * 48 + instances * (8 + 8 + 4),
        "blend forward": count * 48 + instances * 4 + pixels * 12,
        "loss": pixels * (12 + 3 + 36 + 36 + 12 + 3 + 12),
        "blend backward": count * 96 + instances * 4 + pixels * 24,
        "update": count * (59 * 24 + 96 + 12),
    }
    issued = {name: instances * VISITS * per_visit for name, per_visit in VISIT_INSTRUCTIONS.items()}
    issued["loss"] = pixels * 3 * LOSS_INSTRUCTIONS / 32
    bytes_per_us, instructions_per_us = ours["copy_tb_s"] * 1e6, ours["fp32_tflop_s"] * 1e6 / 64
    return {name: max(size / bytes_per_us, issued.get(name, 0.0) / instructions_per_us) for name, size in moved.items()}


if __name__ == "__main__":
    main()
