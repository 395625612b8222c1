"""Whole small trainings on our own arrays, on a GPU of one thread a block, drawn by the processor: they come to the
very bytes that a CPU's training comes to. Not collected by itself: `render/test_gpu_array.py` runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.cpu_on_own_arrays import CpuOnOwnArrays
from support.passed import one_thing, paint_squares
from support.scene_folders import write_scene
from train.test_dense_on_gpu import MORE, on_gpu, scene, start_points_are_processors, sweeps_are_processors

from splatworker.render.cpu import CpuRenderer
from splatworker.render.gpu_array import OwnGpu
from splatworker.stages.progress import Silent
from splatworker.train import photos
from splatworker.train.dense_points import dense_points
from splatworker.train.options import Options
from splatworker.train.trainer import train

Make = Callable[..., Options]

EVERYTHING = {"coarse_iterations": 60, "density": "revised", "opacity_resets": True, "opacity_reset_interval": 50}


def both(make: Make, folder: Path, **changes: Any) -> list[dict[str, Any]]:
    """What a training tells on a CPU, and on our own arrays."""
    renderers: dict[str, Any] = {"cpu": CpuRenderer(deterministic=True), "own": CpuOnOwnArrays(deterministic=True)}
    return [
        train(make(model_path=folder / name, deterministic=True, **changes), renderer, Silent())
        for name, renderer in renderers.items()
    ]


def ply(result: dict[str, Any]) -> bytes:
    return Path(result["ply"]).read_bytes()


@pytest.mark.parametrize(
    "changes", [EVERYTHING, {"density": "original", "opacity_reset_interval": 60}], ids=["revised", "original"]
)
def test_a_training_is_that_of_a_cpu(tiny_options: Make, tmp_path: Path, changes: dict[str, Any]) -> None:
    cpu, own = both(tiny_options, tmp_path, **changes)
    assert own["gaussians"] == cpu["gaussians"] > 60
    assert ply(own) == ply(cpu)
    assert own["quality"]["test"]["psnr"] == pytest.approx(cpu["quality"]["test"]["psnr"], abs=1e-3)
    assert own["loss"] == cpu["loss"]
    assert own["device"] == "cuda:0"
    assert own["peak_memory_bytes"] > 0


def test_photos_in_main_memory_make_no_difference(
    tiny_options: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "PHOTOS_SHARE", 0)
    cpu, own = both(tiny_options, tmp_path, coarse_iterations=40)
    assert ply(own) == ply(cpu)


def cut_out(scene: Path, folder: Path) -> Path:
    """The scene with photos that are transparent around the subject."""
    (folder / "images").mkdir(parents=True)
    (folder / "sparse").symlink_to(scene / "sparse")
    for path in (scene / "images").iterdir():
        with Image.open(path) as photo:
            picture = np.array(photo.convert("RGBA"))
        picture[..., 3] = np.where(picture[..., :3].max(axis=2) > 40, 255, 0)
        Image.fromarray(picture).save(folder / "images" / path.name)
    return folder


def masked(scene: Path, folder: Path) -> Path:
    """Masks that ignore a corner of every photo."""
    folder.mkdir()
    for path in (scene / "images").iterdir():
        with Image.open(path) as photo:
            width, height = photo.size
        mask = np.full((height, width), 255, np.uint8)
        mask[: height // 3, : width // 4] = 0
        Image.fromarray(mask).save(folder / path.name)
    return folder


def test_cut_out_photos(tiny_options: Make, tiny_scene: Path, tmp_path: Path) -> None:
    scene = cut_out(tiny_scene, tmp_path / "scene")
    cpu, own = both(tiny_options, tmp_path, source_path=scene, coarse_iterations=40)
    assert cpu["photos"]["masked"]
    assert ply(own) == ply(cpu)


def test_ignored_pixels(tiny_options: Make, tiny_scene: Path, tmp_path: Path) -> None:
    masks = masked(tiny_scene, tmp_path / "masks")
    cpu, own = both(tiny_options, tmp_path, masks=masks, mask_mode="ignore", coarse_iterations=40)
    assert cpu["photos"]["ignored_in"]
    assert ply(own) == ply(cpu)


def test_points_of_a_sweep(tiny_options: Make, tmp_path: Path) -> None:
    cpu, own = both(tiny_options, tmp_path, start_points="dense", coarse_iterations=40)
    assert cpu["start_points"]["dense"] > 0
    assert ply(own) == ply(cpu)


def test_what_is_behind_everything(tiny_options: Make, tmp_path: Path) -> None:
    cpu, own = both(tiny_options, tmp_path, backdrop="on", passers_by="auto", coarse_iterations=40)
    assert cpu["backdrop"] == own["backdrop"]
    assert ply(own) == ply(cpu)


def test_exposures(tiny_options: Make, tmp_path: Path) -> None:
    changes = {"train_test_exp": True, "coarse_iterations": 40, "checkpoint_iterations": [63]}
    cpu, own = both(tiny_options, tmp_path, **changes)
    assert cpu["exposure"] == own["exposure"]
    assert cpu["exposure"]["least"] < 1 < cpu["exposure"]["most"]
    assert own["quality"]["test"]["psnr"] == pytest.approx(cpu["quality"]["test"]["psnr"], abs=1e-3)
    assert ply(own) == ply(cpu)
    start = tmp_path / "own" / "chkpnt63.npz"
    resumed = both(tiny_options, tmp_path / "resumed", start_checkpoint=start, train_test_exp=True)
    assert ply(resumed[0]) == ply(resumed[1]) == ply(own)


def test_who_passes(tiny_options: Make, tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene", 16, one_thing(), width=64, height=48)
    paint_squares(scene / "images")
    cpu, own = both(tiny_options, tmp_path, source_path=scene, passers_by="auto", eval=False, coarse_iterations=40)
    assert cpu["passers_by"] == own["passers_by"]
    assert cpu["passers_by"]["photos"] == 3
    assert ply(own) == ply(cpu)


def test_a_checkpoint_goes_on_from_either(tiny_options: Make, tmp_path: Path) -> None:
    cpu, own = both(tiny_options, tmp_path, checkpoint_iterations=[60])
    start = tmp_path / "own" / "chkpnt60.npz"
    resumed = both(tiny_options, tmp_path / "resumed", start_checkpoint=start)
    assert ply(resumed[0]) == ply(resumed[1]) == ply(own) == ply(cpu)


def test_memory_is_given_back(tiny_options: Make, tmp_path: Path) -> None:
    memory = OwnGpu(0).memory
    used = []
    for number in range(2):
        both(tiny_options, tmp_path / str(number), iterations=40)
        used.append(memory.used)
    assert used[0] == used[1]


def test_dense_start_points_are_those_of_processors() -> None:
    sweeps_are_processors(MORE[:-1], [0, 1])
    for seed, size in enumerate([(80, 60), (97, 71), (471, 90)]):
        start_points_are_processors(size, seed)


def test_without_memory_for_dense_start_points_processors_find_them() -> None:
    views, points = scene((80, 60), 0)
    ours, memory, blocks, told = on_gpu(views), OwnGpu(0).memory, [], list[str]()
    memory.give_back()
    size = 1 << 34
    while size >= 512:
        try:
            blocks.append(memory.allocate(size))
        except MemoryError:
            size //= 2
    found = dense_points(ours, points, warn=told.append)
    assert len(told) == 1 and "processors" in told[0].lower()
    del blocks
    memory.give_back()
    expected = dense_points(views, points, warn=told.append)
    assert len(told) == 1
    np.testing.assert_array_equal(found.points.xyz, expected.points.xyz)


def test_what_the_kernels_of_dense_points_cannot_take_is_refused() -> None:
    from splatworker import _cuda

    picture, move, depths = (9, 9, 0, 0, 0, 0, 0), (0, [0.0] * 12), [1.0, 2.0, 3.0]
    small, tiny = (6, 9, 0, 0, 0, 0, 0), (2, 1, 0, 0, 0, 0, 0)
    for pictures, sweep, word in (
        ([small], (0, [move], depths, 1.0, -0.1), r"\(7, 7\)"),
        ([picture, tiny], (0, [(1, [0.0] * 12)], depths, 1.0, -0.1), r"\(2, 2\)"),
        ([picture], (0, [], depths, 1.0, -0.1), "another photo"),
        ([picture], (0, [move], depths[:2], 1.0, -0.1), "three at least"),
        ([picture], (1, [move], depths, 1.0, -0.1), "not there"),
        ([picture], (0, [(-1, [0.0] * 12)], depths, 1.0, -0.1), "not there"),
        ([(1 << 16, 1 << 15, 0, 0, 0, 0, 0)], (0, [move], depths, 1.0, -0.1), "too many"),
    ):
        with pytest.raises(ValueError, match=word):
            _cuda.plane_sweep(0, pictures, [sweep])
    lens, pose = [1.0] * 6, [0.0] * 12
    for photo, word in (
        ((9, 9, 0, 0, lens, pose, pose, [1]), "not there"),
        ((0, 9, 0, 0, lens, pose, pose, []), "pixel"),
    ):
        with pytest.raises(ValueError, match=word):
            _cuda.confirm(0, [photo], [0.5] * 5, 2, 0, 0)
    _cuda.plane_sweep(0, [picture], [])
    _cuda.confirm(0, [], [0.5] * 5, 2, 0, 0)
