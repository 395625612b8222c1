"""CPU training speed beside gsplat's plain-torch path, same Gaussians, same photo, one process, steps interleaved.

    python bench/train_cpu.py SCENE [--gaussians 20000 100000] [--threads 2] [--rounds 5] [--patience 600]

SCENE is a COLMAP folder (images/ and sparse/0). Needs the dependency group `bench` (gsplat 1.5.3). An iteration is
projection, harmonics, blending, loss (L1 and D-SSIM), backward and Adam over all parameters. gsplat's path runs as
bench/gsplat_torch.py says, on torch's own fastest choices (fused Adam, separable SSIM) and with glibc told to keep
memory rather than fetch it from the kernel anew for every tensor, which by itself makes it a third faster. Its step is
given with and without the time spent in our stand-ins for its CUDA-only index finding.

`--patience` seconds are spent waiting for other programs to leave the machine alone; see bench/quiet.py.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import platform
import resource
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import gsplat_torch
import resampled_scene as resampled
import torch
from quiet import Sample, median, quiet, sample, undisturbed, wait_for_quiet

from splatworker.formats.scene import Scene, read_scene
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import GaussianTensors, LossTerms, Step, View

BACKGROUND = torch.zeros(3)
LOSS = LossTerms(0.2)
OURS_PER_ROUND = 8


def keep_memory() -> None:
    """Tell glibc to reuse large blocks: without it every tensor of 10 MB costs thousands of page faults."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        m_trim_threshold, m_mmap_max = -1, -4  # malloc.h
        libc.mallopt(m_mmap_max, 0)
        libc.mallopt(m_trim_threshold, 2**31 - 1)


class Agreement(NamedTuple):
    """How far the two renderers are apart on the same Gaussians."""

    image_max: float
    image_mean: float
    loss: float
    gradients: float
    """The largest over the six parameters of |ours - theirs| / |theirs| (Euclidean norms)."""


def agreement(gaussians: GaussianTensors, view: View, peer: gsplat_torch.GsplatTorch, threads: int) -> Agreement:
    """Compare image, loss and gradients of one step; leaves the peer's parameters as they are."""
    renderer = CpuRenderer(threads)
    image = renderer.render(gaussians, view.camera, BACKGROUND, resampled.SH_DEGREE)
    loss, grad_image = renderer.loss(image, view.photo, LOSS)
    gradients, _ = renderer.backward(grad_image)
    peer_image = peer.render(view.camera, BACKGROUND, resampled.SH_DEGREE)
    peer_loss = gsplat_torch.training_loss(peer_image, view.photo, LOSS.lambda_dssim)
    peer_gradients = torch.autograd.grad(peer_loss, list(peer.parameters))
    peer.stopwatch.take()
    difference = (image - peer_image.detach()).abs()
    apart = [
        float((ours - theirs).norm() / theirs.norm()) for ours, theirs in zip(gradients, peer_gradients, strict=True)
    ]
    return Agreement(
        float(difference.max()), float(difference.mean()), abs(float(loss.total) - peer_loss.item()), max(apart)
    )


def trained(gaussians: GaussianTensors, scene: Scene, width: int, height: int, steps: int) -> GaussianTensors:
    """The Gaussians after `steps` of our training over all photos, their number unchanged."""
    gaussians, renderer = resampled.clone(gaussians), CpuRenderer()
    state, statistics_ = resampled.fresh_state(gaussians)
    rates = resampled.rates_for(scene)
    views = [resampled.view_of(scene, index, width, height) for index in range(len(scene.photos))]
    for step in range(1, steps + 1):
        view = views[step * 7919 % len(views)]
        taken = Step(view, BACKGROUND, resampled.SH_DEGREE, LOSS, rates, step)
        renderer.training_step(gaussians, state, statistics_, taken)
    return gaussians


class Comparison(NamedTuple):
    """Samples of both, of the same Gaussians."""

    ours: list[Sample]
    peer: list[Sample]
    peer_seconds: list[dict[str, float]]
    contributions: int
    agreement: Agreement


def compare(
    gaussians: GaussianTensors, scene: Scene, view: View, threads: int, rounds: int, patience_s: float
) -> Comparison:
    """Train both from the same Gaussians on one photo, in turns: one step of gsplat's, then some of ours."""
    rates = resampled.rates_for(scene)
    peer = gsplat_torch.GsplatTorch(gaussians, rates)
    apart = agreement(gaussians, view, peer, threads)
    blended = peer.stopwatch.blended
    renderer, ours = CpuRenderer(threads), resampled.clone(gaussians)
    state, statistics_ = resampled.fresh_state(ours)
    samples_ours: list[Sample] = []
    samples_peer: list[Sample] = []
    seconds = []

    steps = itertools.count(1)

    def our_step() -> None:
        taken = Step(view, BACKGROUND, resampled.SH_DEGREE, LOSS, rates, next(steps))
        renderer.training_step(ours, state, statistics_, taken)

    def peer_step() -> None:
        peer.step(view, BACKGROUND, resampled.SH_DEGREE, LOSS.lambda_dssim)

    peer_step()  # the first step of each touches its memory for the first time
    our_step()
    deadline = time.monotonic() + patience_s
    while True:
        wait_for_quiet(deadline)
        samples_peer.append(sample(peer_step))
        seconds.append(peer.seconds)
        samples_ours.append(sample(our_step, OURS_PER_ROUND))
        if len(samples_peer) >= rounds and (quiet(samples_peer) >= rounds or time.monotonic() > deadline):
            break
    return Comparison(samples_ours, samples_peer, seconds, blended, apart)


def print_comparison(name: str, count: int, c: Comparison) -> None:
    """One line of the table, and how sure it is."""
    shares = [1 - seconds["indices"] / seconds["total"] for seconds in c.peer_seconds]
    without = statistics.median(shares)
    ours, peer = median(c.ours), median(c.peer)
    ours_cpu, peer_cpu = median(c.ours, "cpu"), median(c.peer, "cpu")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"| {name} | {count} | {c.contributions / 1e6:.1f} M | {1e3 * ours:.1f} | {1 / ours:.1f} | {1e3 * peer:.0f} "
        f"| {1e3 * peer * without:.0f} | {peer / ours:.0f}x | {peer * without / ours:.0f}x "
        f"| {1e3 * ours_cpu:.0f} / {1e3 * peer_cpu:.0f} ({peer_cpu / ours_cpu:.0f}x) |"
    )
    stages = ["render", "indices", "loss", "backward", "adam"]
    medians = {stage: statistics.median(seconds[stage] for seconds in c.peer_seconds) for stage in stages}
    print(
        f"    samples: ours {len(undisturbed(c.ours))} of {len(c.ours)}, gsplat {len(undisturbed(c.peer))} of "
        f"{len(c.peer)}; others took {median(c.ours, 'others'):.0%} and {median(c.peer, 'others'):.0%} meanwhile; "
        f"peak memory of the process {memory:.1f} GiB\n"
        f"    gsplat's stages (ms): {', '.join(f'{stage} {1e3 * s:.0f}' for stage, s in medians.items())} "
        "(indices are part of render)\n"
        f"    apart: image {c.agreement.image_max:.1e} at most, {c.agreement.image_mean:.1e} on average; "
        f"loss {c.agreement.loss:.1e}; gradients {c.agreement.gradients:.1e} relative",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scene", type=Path)
    parser.add_argument("--gaussians", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--width", type=int, default=450)
    parser.add_argument("--height", type=int, default=800)
    parser.add_argument("--photo", type=int, default=5, help="number of the photo, by name")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="undisturbed steps of gsplat's to wait for")
    parser.add_argument("--trained", type=int, default=500, help="also compare after so many steps; 0: do not")
    parser.add_argument("--patience", type=float, default=600, help="seconds to wait for a quiet machine, a row")
    arguments = parser.parse_args()

    keep_memory()
    torch.set_num_threads(arguments.threads)
    scene = read_scene(arguments.scene)
    width, height = arguments.width, arguments.height
    view = resampled.view_of(scene, arguments.photo, width, height)
    print(
        f"{resampled.scene_name(arguments.scene)} at {width}x{height}, {arguments.threads} threads, "
        f"{CpuRenderer().instruction_set}, torch {torch.__version__}, gsplat {gsplat_torch.VERSION}\n\n"
        "| Gaussians | number | splats blended | ours, ms | ours, it/s | gsplat torch, ms | without index finding "
        "| ratio | ratio without | processor ms, ours / gsplat |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for count in arguments.gaussians:
        start = resampled.resampled_gaussians(scene, count)
        states = [("at the start", start)]
        if arguments.trained:
            states.append((f"after {arguments.trained} steps", trained(start, scene, width, height, arguments.trained)))
        for name, gaussians in states:
            result = compare(gaussians, scene, view, arguments.threads, arguments.rounds, arguments.patience)
            print_comparison(name, count, result)


if __name__ == "__main__":
    main()
