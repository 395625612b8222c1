"""A GPU for our own kernels: used once it is open, never waited for, and left for good where it fails."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.grey_photos import picture
from support.sfm_runs import Run

from splatworker.sfm import nearest, sift
from splatworker.sfm.accelerator import NONE, Accelerator


def opened(wait_s: float = 60.0) -> Accelerator:
    accelerator = Accelerator(wanted=True)
    end = time.monotonic() + wait_s
    while not (accelerator.is_ready or accelerator.remark) and time.monotonic() < end:
        time.sleep(0.01)
    return accelerator


def test_where_none_is_wanted_none_is_used() -> None:
    for accelerator in (NONE, Accelerator()):
        assert accelerator.work("matching", lambda: pytest.fail("called")) is None
        assert accelerator.steps == ()
        assert accelerator.remark == ""


def test_what_fails_once_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sift, "gpu_obstacle", lambda: ("", ""))
    accelerator = opened()
    assert accelerator.work("features", lambda: 3) == 3

    def fails() -> int:
        raise RuntimeError("CUDA: out of memory (CUDA_ERROR_OUT_OF_MEMORY)")

    assert accelerator.work("matching", fails) is None
    assert not accelerator.is_ready
    assert accelerator.work("features", lambda: pytest.fail("called")) is None
    assert accelerator.steps == ("features",)
    assert "out of memory" in accelerator.remark


@pytest.mark.parametrize(("code", "is_said"), [("no_gpu", False), ("no_driver", False), ("out_of_memory", True)])
def test_a_gpu_that_cannot_be_opened_is_told_of_and_none_at_all_is_not(
    monkeypatch: pytest.MonkeyPatch, code: str, is_said: bool
) -> None:
    monkeypatch.setattr(sift, "gpu_obstacle", lambda: (code, "it is what it is"))
    accelerator = Accelerator(wanted=True)
    while any(thread.name == "gpu" for thread in threading.enumerate()):
        time.sleep(0.01)
    assert not accelerator.is_ready
    assert ("it is what it is" in accelerator.remark) == is_said


@pytest.mark.gpu
@pytest.mark.skipif(not sift.has_gpu_kernel(), reason="there is no GPU, or there are no kernels for it")
def test_a_gpu_does_the_work() -> None:
    accelerator = opened()
    grey = picture(1, 120, 160)
    found = accelerator.work("features", lambda: sift.sift_on_gpu(grey, 0, 500))
    assert found is not None
    matches = accelerator.work("matching", lambda: nearest.matcher_on_gpu([found.descriptors] * 2)([(0, 1)]))
    assert matches is not None
    assert len(matches[0]) > 0.9 * len(found.descriptors)
    assert accelerator.steps == ("features", "matching")


@pytest.mark.parametrize(
    ("fails", "told"), [("cuLaunchKernel=700", "illegal memory access"), ("cuMemAlloc_v2=2", "out of memory")]
)
def test_cameras_are_found_all_the_same_where_a_gpu_fails(
    sfm: Callable[..., Run],
    room_photos: tuple[Path, dict[str, np.ndarray]],
    room: tuple[Run, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: str,
    told: str,
) -> None:
    _cuda = pytest.importorskip("splatworker._cuda", reason="built without CUDA kernels")
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    source = Path(__file__).parents[1] / "support" / "fake_libcuda.cpp"
    subprocess.run([compiler, "-std=c++17", "-shared", "-fPIC", source, "-o", tmp_path / "libcuda.so.1"], check=True)
    architecture = min(architecture for architecture, _ in _cuda.architectures)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    monkeypatch.setenv("FAKE_CUDA_DEVICES", f"{architecture // 10}.{architecture % 10} broken")
    monkeypatch.setenv("FAKE_CUDA_FAILS", fails)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    run = sfm(room_photos[0], tmp_path / "scene", "--undistort-max-size", "400")
    assert told in " ".join(run.result["warnings"])
    assert run.result["on_gpu"] == []
    for name in ("images.bin", "points3D.bin", "cameras.bin"):
        file = Path("sparse") / "0" / name
        assert (tmp_path / "scene" / file).read_bytes() == (room[1] / file).read_bytes()
