"""Steps at a fixed number of Gaussians, ours and gsplat's in one process, as lines of JSON. Called by bench/train.py.

    python bench/fixed_steps.py SCENE GAUSSIANS ours|gsplat ...

A step is forward, loss, backward and Adam at 1600x1200, degree 3, over every fifth photo of the scene; the Gaussians
are those of bench/resampled_scene.py.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import resampled_scene as resampled
import torch

from splatworker.formats.scene import read_scene
from splatworker.render.cuda import CudaRenderer
from splatworker.render.interface import (
    AdamState,
    DensityStatistics,
    GaussianTensors,
    LearningRates,
    LossTerms,
    Step,
    View,
)

WIDTH, HEIGHT = 1600, 1200
WARM_UP_STEPS, STEPS = 30, 200
LAMBDA_DSSIM = 0.2


def main(folder: str, count: str, trainers: list[str]) -> None:
    scene = read_scene(Path(folder))
    photos = [resampled.view_of(scene, index, WIDTH, HEIGHT) for index in range(0, len(scene.photos), 5)]
    views = [View(view.camera, view.photo.cuda()) for view in photos]
    start = GaussianTensors(*(tensor.cuda() for tensor in resampled.resampled_gaussians(scene, int(count))))
    rates = resampled.rates_for(scene)
    measure = {"ours": measure_ours, "gsplat": measure_gsplat}
    held = torch.cuda.memory_allocated()  # the Gaussians to start from, of which each trainer has a copy
    for trainer in trainers:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        result = measure[trainer](start, views, rates)
        print(json.dumps({"trainer": trainer, **result, "held_mib": held / 2**20}), flush=True)


def measure_ours(start: GaussianTensors, views: list[View], rates: LearningRates) -> dict[str, Any]:
    renderer = CudaRenderer()
    parameters = resampled.clone(start)
    cpu_state, cpu_statistics = resampled.fresh_state(parameters)
    state = AdamState(*(GaussianTensors(*(t.cuda() for t in moment)) for moment in cpu_state))
    statistics = DensityStatistics(*(t.cuda() for t in cpu_statistics))
    background = torch.zeros(3, device="cuda")

    def take(i: int) -> None:
        view = views[i % len(views)]
        step = Step(view, background, resampled.SH_DEGREE, LossTerms(LAMBDA_DSSIM), rates, i + 1)
        renderer.training_step(parameters, state, statistics, step)

    result = timed(take)
    renderer._native.set_timing(True)
    stages: dict[str, float] = {}
    instances = 0
    for i in range(len(views)):
        take(WARM_UP_STEPS + STEPS + i)
        instances += renderer._native.instances
        for name, milliseconds in renderer._native.stage_times():
            stages[name] = stages.get(name, 0) + milliseconds / len(views)
    rates_of_gpu = {"copy_tb_s": copy_bandwidth(), "fp32_tflop_s": fp32_rate()}
    return result | {"stages": stages, "instances": instances / len(views), **rates_of_gpu}


def measure_gsplat(start: GaussianTensors, views: list[View], rates: LearningRates) -> dict[str, Any]:
    import gsplat_cuda

    model = gsplat_cuda.Gsplat(start, rates)
    return timed(lambda i: model.step(views[i % len(views)], resampled.SH_DEGREE, LAMBDA_DSSIM, i))


def timed(step: Callable[[int], None]) -> dict[str, Any]:
    """Milliseconds of a step, and the peak of memory."""
    for i in range(WARM_UP_STEPS):
        step(i)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for i in range(STEPS):
        step(WARM_UP_STEPS + i)
    torch.cuda.synchronize()
    ms = (time.perf_counter() - began) / STEPS * 1e3
    return {"ms": ms, "peak_mib": torch.cuda.max_memory_allocated() / 2**20}


def middle_of_ten(work: Callable[[], Any]) -> float:
    """Seconds that the GPU takes for some work: the median of ten times."""
    times: list[float] = []
    for _ in range(10):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        times.append(float(start.elapsed_time(end)) * 1e-3)
    return sorted(times)[5]


def copy_bandwidth() -> float:
    """TB/s of a copy in the GPU's memory, bytes read and written."""
    source = torch.empty(2**31, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.numel() / middle_of_ten(lambda: target.copy_(source)) / 1e12


def fp32_rate() -> float:
    """TFLOP/s of a matrix product in float32 without tensor cores: twice the multiply-adds."""
    size = 8192
    torch.backends.cuda.matmul.allow_tf32 = False
    a = torch.rand(size, size, device="cuda")
    return 2 * size**3 / middle_of_ten(lambda: a @ a) / 1e12


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
