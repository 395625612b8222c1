"""Who adjusts a problem; and a GPU's adjustments beside processors', byte for byte."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from support.adjustment_cases import LARGE, demand_the_same_on_a_gpu, differences, large_cases, small_cases
from support.adjustments import disturbed, scene
from support.many_threads import many_threads_gpu

from splatworker.sfm import adjuster, adjustment, sift
from splatworker.sfm.accelerator import NONE, Accelerator

pytestmark = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")

needs_gpu = pytest.mark.skipif(not sift.has_gpu_kernel(), reason="there is no GPU, or there are no kernels for it")

MANY = disturbed(scene(adjuster.LEAST_PHOTOS, 60, (2,), noise=0.3, seen=0.2), 0.002)


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> Accelerator:
    """What takes itself for a GPU's."""
    monkeypatch.setattr(sift, "gpu_obstacle", lambda: ("", ""))
    monkeypatch.setattr(adjustment, "gpu_architecture", lambda: 90)
    accelerator = Accelerator(wanted=True)
    for thread in threading.enumerate():
        if thread.name == "gpu":
            thread.join()
    return accelerator


def test_a_gpu_adjusts_many_photos_and_processors_few(ready: Accelerator, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def by_gpu(problem: adjustment.Problem, **how: object) -> adjustment.Adjusted:
        asked.append(len(problem.poses))
        assert how == {"loss": "huber", "scale": 1.0, "most_iterations": 2, "tolerance": 1e-7}
        return adjustment.adjust(problem, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(adjustment, "adjust_on_gpu", by_gpu)
    few = disturbed(scene(6, 40, noise=0.3), 0.002)
    for problem in (few, MANY):
        for accelerator in (ready, NONE):
            found = adjuster.adjust(problem, loss="huber", most_iterations=2, accelerator=accelerator)
            assert not differences(found, adjustment.adjust(problem, loss="huber", most_iterations=2))
    assert asked == [adjuster.LEAST_PHOTOS]
    assert ready.steps == ("adjustment",)


def test_where_a_gpu_fails_processors_adjust(ready: Accelerator, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> adjustment.Adjusted:
        raise RuntimeError("CUDA: out of memory (CUDA_ERROR_OUT_OF_MEMORY)")

    monkeypatch.setattr(adjustment, "adjust_on_gpu", fails)
    found = adjuster.adjust(MANY, most_iterations=1, accelerator=ready)
    assert not differences(found, adjustment.adjust(MANY, most_iterations=1))
    assert "out of memory" in ready.remark
    assert ready.steps == ()


def test_a_gpu_whose_doubles_are_slow_is_not_asked(ready: Accelerator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adjustment, "gpu_architecture", lambda: 89)
    monkeypatch.setattr(adjustment, "adjust_on_gpu", lambda *_, **__: pytest.fail("called"))
    adjuster.adjust(MANY, most_iterations=1, accelerator=ready)


def test_what_has_other_bits_on_a_gpu_is_left_to_processors() -> None:
    assert not adjuster.why_not_on_gpu(MANY)
    assert "arc tangent" in adjuster.why_not_on_gpu(dataclasses.replace(MANY, model=np.array([8], np.int32)))
    assert "logarithm" in adjuster.why_not_on_gpu(MANY, "cauchy")
    still = dataclasses.replace(MANY, free_pose=np.zeros_like(MANY.free_pose), free_lens=np.zeros(1, np.uint8))
    assert "by themselves" in adjuster.why_not_on_gpu(still)
    assert "photos are few" in adjuster.why_not_on_gpu(scene(5, 20))


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("name", [*small_cases(), *LARGE])
def test_a_gpu_gives_the_very_bytes_every_time(name: str) -> None:
    problem, how = (large_cases() if name in LARGE else small_cases())[name]
    for _ in range(2):
        demand_the_same_on_a_gpu(problem, how)


@pytest.mark.gpu
@needs_gpu
def test_several_adjustments_at_once_give_the_very_bytes() -> None:
    problem, how = small_cases()["one panel and a bit"]
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                demand_the_same_on_a_gpu(problem, how)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


ON_A_PROCESSOR = """
import sys
import pytest
from support.adjustment_cases import demand_the_same_on_a_gpu, small_cases
from support.adjustments import scene
from splatworker.sfm import adjustment
for name, (problem, how) in small_cases().items():
    found = demand_the_same_on_a_gpu(problem, how)
    print(name, found.end, found.iterations, found.accepted, sep="|")
for model, loss in ((8, "plain"), (2, "cauchy")):
    with pytest.raises(ValueError, match="left to processors"):
        adjustment.adjust_on_gpu(scene(4, 30, (model,)), loss=loss)
with pytest.raises(ValueError, match="nothing to adjust"):
    adjustment.adjust_on_gpu(scene(4, 30, seen=0.0))
"""


def test_the_gpus_source_gives_the_very_bytes_on_a_processor(tmp_path: Path) -> None:
    """Kernels and host code, beside a driver that runs a block's threads in turn; and each case is what it says."""
    environment = many_threads_gpu(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ON_A_PROCESSOR], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines()]
    found = {name: (end, int(tried), int(taken)) for name, end, tried, taken in rows}
    assert found.keys() == small_cases().keys()
    assert found["no step"] == ("most iterations", 0, 0)
    assert found["unsolvable"][2] == 0
    assert found["far off"][1] > found["far off"][2], "some steps were not taken"
    assert sum(taken for _, _, taken in found.values()) > 50


THAT_FAILS = """
import sys
from support.adjustments import scene
from splatworker.sfm import adjustment
for _ in range(2):
    try:
        adjustment.adjust_on_gpu(scene(4, 30, noise=0.3))
    except RuntimeError as error:
        print(error)
"""


@pytest.mark.parametrize(
    ("fails", "told"), [("cuLaunchKernel=700", "illegal memory access"), ("cuMemAlloc_v2=2", "out of memory")]
)
def test_a_gpu_that_fails_says_so_every_time(tmp_path: Path, fails: str, told: str) -> None:
    environment = {**many_threads_gpu(tmp_path), "FAKE_CUDA_FAILS": fails}
    done = subprocess.run(
        [sys.executable, "-c", THAT_FAILS], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [told in line for line in done.stdout.splitlines()] == [True, True], done.stdout
