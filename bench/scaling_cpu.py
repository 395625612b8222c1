"""How our CPU training step grows with Gaussians, pixels, threads and instruction set, and how far it is from a floor.

    python bench/scaling_cpu.py SCENE [--tables gaussians pixels machine floor] [--patience 60]

SCENE is a COLMAP folder. Every row runs in a process of its own (the instruction set is chosen when one starts). Stages
are timed by calling them one by one; the training step itself fuses the last of backward with Adam, so that gradients
never leave the cache, and is therefore faster than their sum. The floor is what the arithmetic and the memory traffic
that cannot be avoided would take on this machine at the rates measured by a matrix product and by a copy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import resampled_scene as resampled
import torch
from quiet import Sample, median, sample, wait_for_quiet

from splatworker.formats.scene import read_scene
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import LearningRates, LossTerms, Step

BACKGROUND = torch.zeros(3)
LOSS = LossTerms(0.2)
SIZE = (450, 800)
REST = LearningRates(0, 0, 0, 0, 0, 0)
"""Nothing is learned: every sample of a row does the same work."""

BLEND_FLOPS = 36 + 62
"""A splat on a pixel, forward and backward: exponent 4, exp 20, alpha and transmittance 5, colour 7; and again, with
the colour's gradient 13, the opacity's 8, and the moments for mean and conic 12 (kernels/cpu/blend.inl)."""

LOSS_FLOPS = 3 * (16 * 16 + 60)
"""A pixel: 16 blurs of 11 taps, 16 operations each, and the similarity and its derivatives, for three channels."""

GAUSSIAN_FLOPS = 2300
"""About: projection 300, harmonics 200, their backward twice that, Adam 12 for each of 59 parameters."""

GAUSSIAN_BYTES = 59 * 4 * 7 + 2 * 64
"""Parameters read to project, then parameters and two moments read and written; the splat written and read."""

PIXEL_BYTES = 12 * 6 + 3 * 2 + 2 * 36 + 2 * 4
"""Image written and read thrice, its gradient written and read, the photo read twice, the loss's three derivative maps
and the number of the last splat written and read."""


def timed_row(scene_path: Path, count: int, width: int, height: int, threads: int, patience_s: float) -> dict[str, Any]:
    """Milliseconds of a step and of its stages, in this process."""
    torch.set_num_threads(threads)
    scene = read_scene(scene_path)
    view = resampled.view_of(scene, 5, width, height)
    gaussians = resampled.resampled_gaussians(scene, count)
    state, statistics = resampled.fresh_state(gaussians)
    renderer = CpuRenderer(threads)

    def step() -> None:
        taken = Step(view, BACKGROUND, resampled.SH_DEGREE, LOSS, REST, 1)
        renderer.training_step(gaussians, state, statistics, taken)

    def render() -> Any:
        return renderer.render(gaussians, view.camera, BACKGROUND, resampled.SH_DEGREE)

    step()
    image = render()
    _, grad_image = renderer.loss(image, view.photo, LOSS)
    gradients, _ = renderer.backward(grad_image)
    stages: dict[str, Callable[[], object]] = {
        "step": step,
        "render": render,
        "loss": lambda: renderer.loss(image, view.photo, LOSS),
        "backward": lambda: (render(), renderer.backward(grad_image)),
        "adam": lambda: renderer.adam_step(gaussians, gradients, state, REST, 1, resampled.SH_DEGREE),
    }
    samples: dict[str, list[Sample]] = {name: [] for name in stages}
    deadline = time.monotonic() + patience_s
    for _ in range(5):
        wait_for_quiet(deadline)
        for name, stage in stages.items():
            samples[name].append(sample(stage, 4))
    row: dict[str, Any] = {name: 1e3 * median(of_stage) for name, of_stage in samples.items()}
    row["backward"] -= row["render"]  # which it needs before it
    row["cpu"] = 1e3 * median(samples["step"], "cpu")
    row["others"] = median(samples["step"], "others")
    row["isa"] = renderer.instruction_set
    return row


def row_of(arguments: argparse.Namespace, count: int, size: tuple[int, int], threads: int, isa: str) -> dict[str, Any]:
    """`timed_row` in a process of its own."""
    command = [sys.executable, __file__, str(arguments.scene), "--patience", str(arguments.patience)]
    command += ["--row", str(count), str(size[0]), str(size[1]), str(threads)]
    environment = {**os.environ, **({"SPLATWORKER_ISA": isa} if isa else {})}
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def print_row(name: str, row: dict[str, Any]) -> None:
    stages = " | ".join(f"{row[stage]:.1f}" for stage in ("render", "loss", "backward", "adam"))
    print(
        f"| {name} | {row['step']:.1f} | {1e3 / row['step']:.1f} | {row['cpu']:.1f} | {stages} | {row['others']:.0%} |",
        flush=True,
    )


def print_head(first: str) -> None:
    print(f"\n| {first} | step, ms | it/s | processor ms | render | loss | backward | Adam | taken by others |")
    print("|---|---|---|---|---|---|---|---|---|")


def fastest(step: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of some calls: a machine's rate is its best."""
    return min(sample(step).wall for _ in range(repeats))


def print_floor(arguments: argparse.Namespace, count: int) -> None:
    """What 100 000 Gaussians cost at least, against what they cost."""
    import gsplat_torch

    threads = arguments.threads
    torch.set_num_threads(threads)
    scene = read_scene(arguments.scene)
    view = resampled.view_of(scene, 5, *SIZE)
    peer = gsplat_torch.GsplatTorch(resampled.resampled_gaussians(scene, count), resampled.rates_for(scene))
    with torch.no_grad():
        peer.render(view.camera, BACKGROUND, resampled.SH_DEGREE)
    blended, pixels = peer.stopwatch.blended, SIZE[0] * SIZE[1]
    source = torch.ones(1 << 28)
    target = torch.empty_like(source)
    bandwidth = 2 * 4 * len(source) / fastest(lambda: target.copy_(source))
    square = torch.rand(3072, 3072)
    peak = 2 * 3072**3 / fastest(lambda: square @ square)
    flops = {
        "blend": BLEND_FLOPS * blended,
        "loss": LOSS_FLOPS * pixels,
        "projection, harmonics, Adam": GAUSSIAN_FLOPS * count,
    }
    traffic = GAUSSIAN_BYTES * count + PIXEL_BYTES * pixels
    arithmetic_s, memory_s = sum(flops.values()) / peak, traffic / bandwidth
    parts = ", ".join(f"{name} {1e3 * value / peak:.1f}" for name, value in flops.items())
    row = row_of(arguments, count, SIZE, threads, "")
    print(
        f"\nFloor of {count} Gaussians at {SIZE[0]}x{SIZE[1]}, {threads} threads ({blended / 1e6:.1f} M blended). "
        f"Arithmetic {1e3 * arithmetic_s:.1f} ms ({parts}) at {peak / 1e9:.0f} GFLOP/s of a matrix product; memory "
        f"{1e3 * memory_s:.1f} ms for {traffic / 1e6:.0f} MB at {bandwidth / 1e9:.1f} GB/s of a copy; the larger of "
        f"both {1e3 * max(arithmetic_s, memory_s):.1f} ms, measured {row['step']:.1f} ms (processor "
        f"{row['cpu'] / threads:.1f} ms a thread)."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scene", type=Path)
    parser.add_argument("--tables", nargs="+", default=["gaussians", "pixels", "machine", "floor"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait for a quiet machine, a row")
    parser.add_argument("--row", type=int, nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row:
        count, width, height, threads = arguments.row
        json.dump(timed_row(arguments.scene, count, width, height, threads, arguments.patience), sys.stdout)
        return
    if "gaussians" in arguments.tables:
        print_head(f"Gaussians at {SIZE[0]}x{SIZE[1]}")
        for count in (10_000, 20_000, 50_000, 100_000, 200_000):
            print_row(str(count), row_of(arguments, count, SIZE, arguments.threads, ""))
    if "pixels" in arguments.tables:
        print_head("pixels, 50 000 Gaussians")
        for size in ((225, 400), SIZE, (900, 1600)):
            print_row(f"{size[0]}x{size[1]}", row_of(arguments, 50_000, size, arguments.threads, ""))
    if "machine" in arguments.tables:
        print_head(f"100 000 Gaussians at {SIZE[0]}x{SIZE[1]}")
        for isa in ("baseline", "avx2", "avx512"):
            for threads in (1, 2):
                row = row_of(arguments, 100_000, SIZE, threads, isa)
                print_row(f"{row['isa']}, {threads} thread{'s' * (threads > 1)}", row)
    if "floor" in arguments.tables:
        print_floor(arguments, 100_000)


if __name__ == "__main__":
    main()
