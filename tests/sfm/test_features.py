"""Which device a look at the photos uses, and how hard it looks there."""

from __future__ import annotations

import dataclasses

import pytest

from splatworker.sfm import features, sift
from splatworker.sfm.options import Device, SfmOptions


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "has_cuda", lambda: True)


@pytest.mark.parametrize(
    ("device", "threads", "quick_on_gpu", "fine_on_gpu"),
    [("auto", 4, True, True), ("auto", 11, True, True), ("auto", 12, False, True), ("auto", 64, False, True),
     ("cuda", 64, True, True), ("cpu", 4, False, False)],
)  # fmt: skip
def test_a_gpu_takes_the_quick_look_where_threads_are_few_and_the_fine_one_always(
    gpu: None, device: Device, threads: int, quick_on_gpu: bool, fine_on_gpu: bool
) -> None:
    fast, fine, thorough = features.presets(SfmOptions(device=device), threads)
    assert (fast.gpu, fine.gpu, thorough.gpu) == (quick_on_gpu, fine_on_gpu, fine_on_gpu)
    assert fast.longest == (0 if quick_on_gpu else 1000)
    assert thorough.affine_shape
    assert thorough.guided


def test_without_a_gpu_all_looks_are_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "has_cuda", lambda: False)
    assert not any(preset.gpu for preset in features.presets(SfmOptions(), 64))


def test_our_kernel_finds_what_a_cpu_finds_but_ellipses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sift, "has_kernel", lambda: True)
    ours = [features.is_ours(SfmOptions(), preset) for preset in (features.FAST, features.FINE, features.THOROUGH)]
    assert ours == [True, True, False]
    assert not features.is_ours(SfmOptions(engine="colmap"), features.FAST)
    assert not features.is_ours(SfmOptions(), dataclasses.replace(features.FAST, gpu=True))
    assert not features.is_ours(SfmOptions(max_image_size=sift.LONGEST + 1), features.FAST)
    monkeypatch.setattr(sift, "has_kernel", lambda: False)
    assert not features.is_ours(SfmOptions(), features.FAST)
