"""Training on several GPUs of one machine beside training on one: how much faster, and what it does to the quality.

    python bench/train_parallel.py SCENE [--processes 1 2] [--iterations 7000] [--device cuda]

SCENE is a COLMAP folder (images/ and sparse/0). For every number of processes there are two rows: as many iterations as
one process takes (so many times as many photos), and as many photos (so many times fewer iterations). Options are those
that the worker would choose for the iterations; every 8th photo is held out. Seconds are of the training loop; the last
speed is photos a second beside the first row's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from splatworker.contract.params import Params, arguments
from splatworker.contract.schedule import resolve
from splatworker.machine.limits import available_cpus


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scene")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--iterations", type=int, default=7000)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    given = parser.parse_args()
    print("| processes | iterations | s | ms/iteration | photos/s | beside the first row | PSNR | SSIM | Gaussians |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    first = None
    for count in given.processes:
        for iterations in dict.fromkeys([given.iterations, given.iterations // count]):
            result = train(given.scene, count, iterations, given.device)
            speed = count * iterations / result["seconds"]
            first = first or speed
            scores = result["quality"]["test"]
            print(
                f"| {count} | {iterations} | {result['seconds']:.1f} | {1000 * result['seconds'] / iterations:.2f} "
                f"| {speed:.0f} | {speed / first:.2f}x "
                f"| {scores['psnr']:.2f} | {scores['ssim']:.4f} | {result['gaussians']} |",
                flush=True,
            )


def train(scene: str, processes: int, iterations: int, device: str) -> dict[str, Any]:
    """What `splatworker train` tells of one training."""
    words = arguments(resolve(Params(iterations=iterations, eval=True), preview=False))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {"OMP_NUM_THREADS": str(max(1, available_cpus() // processes))} | os.environ  # or torchrun says 1
    with tempfile.TemporaryDirectory() as model:
        command = [sys.executable, *launch, "-m", "splatworker", "train", "-s", scene, "-m", model, *words]
        done = subprocess.run(
            [*command, "--device", device, "--json"], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    result: dict[str, Any] = events[-1]["result"]
    return result


if __name__ == "__main__":
    main()
