"""Training end to end on a small scene: it learns, it repeats, it resumes, and it fails in words."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from argparse import Namespace  # noqa: F401 - what cfg_args evaluates to
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plyfile import PlyData
from support.heard import Heard
from support.scene_folders import write_scene

from splatworker.errors import Cancelled, DiskFull, InvalidScene, OutOfMemory, TrainingDiverged
from splatworker.formats.folder_record import RECORD
from splatworker.formats.ply import read_ply
from splatworker.formats.scene import read_scene
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import GaussianTensors
from splatworker.render.reference import ReferenceRenderer
from splatworker.render.tensors import for_renderer, to_tensors
from splatworker.stages.interrupts import interrupting, stoppable
from splatworker.stages.progress import Silent
from splatworker.train.folder import splat_path
from splatworker.train.options import Options
from splatworker.train.trainer import train


class ShortOfMemory(CpuRenderer):
    """The real renderer on a machine whose memory runs out at chosen steps."""

    def __init__(self, fails_at: set[int]) -> None:
        super().__init__()
        self.calls = 0
        self.fails_at = fails_at

    def training_step(self, *args: Any) -> Any:
        self.calls += 1
        if self.calls in self.fails_at:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().training_step(*args)


def test_learns_to_show_photos_it_has_not_seen(tiny_options: Callable[..., Options], tmp_path: Path) -> None:
    report = Heard()
    entries: list[dict[str, Any]] = []
    scene = write_scene(tmp_path / "scene", count=24)
    options = tiny_options(source_path=scene, iterations=1000, position_lr_max_steps=1000, test_iterations=[1])
    result = train(options, CpuRenderer(), report, entries.append)
    results = json.loads((options.model_path / "results.json").read_text())
    history = {row["iteration"]: row["psnr"] for row in results["history"]}
    assert history[1000] > 22
    assert history[1000] > history[1] + 4
    assert result["quality"]["test"]["psnr"] == results["psnr"]
    assert [photo["name"] for photo in results["test"]["photos"]] == ["photo000.png", "photo008.png", "photo016.png"]
    assert result["photos"] == {"train": 21, "test": 3}
    assert entries[-1]["loss"] < entries[0]["loss"] / 2
    assert report.fractions == sorted(report.fractions)
    assert report.fractions[-1] == 1.0
    assert report.warnings == []


def test_model_folder_is_laid_out_as_the_originals(tiny_options: Callable[..., Options], tiny_scene: Path) -> None:
    options = tiny_options(save_iterations=[50], checkpoint_iterations=[60])
    result = train(options, CpuRenderer(), Silent())
    files = {str(path.relative_to(options.model_path)) for path in options.model_path.rglob("*") if path.is_file()}
    assert files == {
        RECORD,
        "cfg_args",
        "cameras.json",
        "input.ply",
        "results.json",
        "train_log.jsonl",
        "chkpnt60.npz",
        "point_cloud/iteration_50/point_cloud.ply",
        "point_cloud/iteration_120/point_cloud.ply",
    }
    config = eval((options.model_path / "cfg_args").read_text())  # as the original's own tools read it
    assert (config.sh_degree, config.source_path, config.eval) == (1, str(tiny_scene), True)
    entries = json.loads((options.model_path / "cameras.json").read_text())
    assert set(entries[0]) == {"id", "img_name", "width", "height", "position", "rotation", "fx", "fy"}
    cameras = {photo.name: photo.camera for photo in read_scene(tiny_scene).photos}
    assert len(entries) == 12
    for entry in entries:
        world_from_camera = np.column_stack([entry["rotation"], entry["position"]])
        camera_from_world = np.vstack([cameras[entry["img_name"]].camera_from_world, [0, 0, 0, 1]])
        np.testing.assert_allclose(world_from_camera, np.linalg.inv(camera_from_world)[:3], atol=1e-9)
    assert len(PlyData.read(options.model_path / "input.ply")["vertex"]) == 60
    log = [json.loads(line) for line in (options.model_path / "train_log.jsonl").read_text().splitlines()]
    assert [entry["iteration"] for entry in log] == [50, 60, 100, 120]
    assert log[-1]["gaussians"] == result["gaussians"] == len(read_ply(Path(result["ply"])))


def test_seed_decides_everything(tiny_options: Callable[..., Options], tmp_path: Path) -> None:
    def splat(name: str, seed: int) -> bytes:
        options = tiny_options(model_path=tmp_path / name, seed=seed, random_background=True)
        train(options, CpuRenderer(), Silent())
        return splat_path(options.model_path, options.iterations).read_bytes()

    first = splat("a", 1)
    assert splat("b", 1) == first
    assert splat("c", 2) != first


def test_the_written_splat_shows_what_memory_shows(tiny_options: Callable[..., Options], tiny_scene: Path) -> None:
    """Evaluated from memory and from the file, a photo scores the same."""
    options = tiny_options()
    result = train(options, CpuRenderer(), Silent())
    gaussians = read_ply(Path(result["ply"]))
    renderer = CpuRenderer()
    camera = read_scene(tiny_scene).photos[0].camera
    background = np.zeros(3, np.float32)
    drawn = renderer.render(to_tensors(gaussians, renderer.device), camera, background, gaussians.sh_degree)
    photo = _pixels(tiny_scene / "images" / "photo000.png")
    psnr = -10 * np.log10(((drawn.clip(0, 1) - photo) ** 2).mean())
    assert psnr == pytest.approx(result["quality"]["test"]["photos"][0]["psnr"], abs=1e-4)


def test_with_antialiasing_it_is_trained_scored_and_written_so(
    tiny_options: Callable[..., Options], tiny_scene: Path, tmp_path: Path
) -> None:
    plain = train(tiny_options(model_path=tmp_path / "plain"), CpuRenderer(), Silent())
    result = train(tiny_options(antialiasing=True), CpuRenderer(), Silent())
    gaussians, camera = read_ply(Path(result["ply"])), read_scene(tiny_scene).photos[0].camera
    assert gaussians.antialiased
    assert not read_ply(Path(plain["ply"])).antialiased
    assert not np.array_equal(gaussians.means, read_ply(Path(plain["ply"])).means)
    renderer = CpuRenderer()
    tensors, photo = for_renderer(gaussians, renderer), _pixels(tiny_scene / "images" / "photo000.png")
    scored = []
    for renderer.antialiasing in (True, False):
        drawn = renderer.render(tensors, camera, np.zeros(3, np.float32), gaussians.sh_degree)
        scored.append(-10 * np.log10(((drawn.clip(0, 1) - photo) ** 2).mean()))
    assert scored[0] == pytest.approx(result["quality"]["test"]["photos"][0]["psnr"], abs=1e-4)
    assert abs(scored[0] - scored[1]) > 0.01


def _pixels(path: Path) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(path)).transpose(2, 0, 1) / 255


def test_trains_like_the_specification(tiny_options: Callable[..., Options], tmp_path: Path) -> None:
    """The CPU's kernels and the float64 reference come to the same splat, as far as densification allows."""
    scores = []
    for name, renderer in (("cpu", CpuRenderer(device=torch.device("cpu"))), ("reference", ReferenceRenderer())):
        options = tiny_options(model_path=tmp_path / name, iterations=60, densify_until_iter=1)
        scores.append(train(options, renderer, Silent())["quality"]["test"]["psnr"])
    assert scores[0] == pytest.approx(scores[1], abs=0.02)


def test_resolution_and_white_background_reach_the_loop(tiny_options: Callable[..., Options]) -> None:
    options = tiny_options(iterations=2, resolution=2, white_background=True)
    result = train(options, CpuRenderer(), Silent())
    assert (result["width"], result["height"]) == (24, 18)


def test_what_the_default_on_a_gpu_asks_for_reaches_the_loop(
    tiny_options: Callable[..., Options], tmp_path: Path
) -> None:
    """The revised density control, rates that fall: each changes the splat, which learns."""
    changes: dict[str, dict[str, Any]] = {
        "plain": {},
        "revised": {"density": "revised"},
        "rates": {"final_rate": 0.01},
    }
    splats, quality = {}, {}
    for name, values in changes.items():
        result = train(
            tiny_options(model_path=tmp_path / name, sh_degree_interval=10, **values),
            CpuRenderer(device=torch.device("cpu")),
            Silent(),
        )
        splats[name], quality[name] = read_ply(Path(result["ply"])), result["quality"]["test"]["psnr"]
    assert len(splats["revised"]) != len(splats["plain"])
    assert not np.array_equal(splats["rates"].sh_dc, splats["plain"].sh_dc)
    assert all(score > quality["plain"] - 1 for score in quality.values())


def test_photo_without_training_photos_is_refused(tiny_options: Callable[..., Options], tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "one", count=1)
    with pytest.raises(InvalidScene, match="no photo to train on"):
        train(tiny_options(source_path=scene), CpuRenderer(), Silent())


def test_divergence_is_an_error_and_leaves_no_splat(tiny_options: Callable[..., Options]) -> None:
    options = tiny_options(feature_lr=1e38)
    with pytest.raises(TrainingDiverged, match="NaN"):
        train(options, CpuRenderer(), Silent())
    assert not splat_path(options.model_path, options.iterations).exists()


def test_nothing_left_is_an_error(tiny_options: Callable[..., Options]) -> None:
    options = tiny_options(opacity_reset_interval=19, opacity_lr=0.0, iterations=60)
    # Every opacity falls to 0.01 at iteration 19 and stays there; a negative rate does not exist, so prune by hand:
    with pytest.raises(TrainingDiverged, match="No Gaussian"):
        train(options, _Vanishing(), Silent())


class _Vanishing(CpuRenderer):
    """The real renderer, after whose steps all Gaussians are transparent."""

    def training_step(self, parameters: GaussianTensors, *args: Any) -> Any:
        loss = super().training_step(parameters, *args)
        parameters.opacity_logits[...] = -10.0
        return loss


def test_when_memory_runs_out_training_goes_on_without_densifying(tiny_options: Callable[..., Options]) -> None:
    report = Heard()
    result = train(tiny_options(), ShortOfMemory({30}), report)
    assert result["gaussians"] <= 60 + 60  # one densification, at iteration 40, would follow at 60
    assert report.warnings == ["Memory ran out: training goes on without adding Gaussians."]
    assert result["quality"]["test"]["psnr"] > 18


def test_when_memory_is_gone_it_is_an_error(tiny_options: Callable[..., Options]) -> None:
    with pytest.raises(OutOfMemory, match="does not fit"):
        train(tiny_options(), ShortOfMemory({30, 31}), Heard())
    with pytest.raises(OutOfMemory, match="does not fit"):
        train(tiny_options(), ShortOfMemory({30, 40}), Heard())


def test_other_faults_are_not_taken_for_memory(tiny_options: Callable[..., Options]) -> None:
    class Broken(CpuRenderer):
        def training_step(self, *args: Any) -> Any:
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        train(tiny_options(), Broken(), Heard())


class _Swallowing(CpuRenderer):
    """The real renderer, told to end within a step, by a signal whose exception somebody takes for an answer.

    As happens to one that arrives while a kernel's binding asks a tensor for its memory.
    """

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.number = number
        self.calls = 0

    def training_step(self, *args: Any) -> Any:
        self.calls += 1
        if self.calls == 3:
            with contextlib.suppress(Cancelled, KeyboardInterrupt):
                os.kill(os.getpid(), self.number)
        return super().training_step(*args)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_end_that_was_asked_for_within_a_step_is_not_lost(
    tiny_options: Callable[..., Options], number: signal.Signals
) -> None:
    renderer = _Swallowing(number)
    heeding = stoppable if number == signal.SIGTERM else interrupting
    with pytest.raises(Cancelled, match="The training was stopped"), heeding("train", as_json=False):
        train(tiny_options(), renderer, Silent())
    assert renderer.calls == 3
    train(tiny_options(iterations=2, densify_until_iter=1), CpuRenderer(), Silent())  # and the next is not ended by it


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("name", ["point_cloud/iteration_120/point_cloud.ply", "chkpnt60.npz", "results.json"])
def test_full_disk_is_one_clear_error_and_leaves_nothing_half_written(
    tiny_options: Callable[..., Options], name: str
) -> None:
    options = tiny_options(checkpoint_iterations=[60], densify_until_iter=1)
    target = options.model_path / name
    target.parent.mkdir(parents=True)
    part = target.with_name(target.name + ".part")
    part.symlink_to("/dev/full")
    with pytest.raises(DiskFull) as caught:
        train(options, CpuRenderer(), Silent())
    assert caught.value.stage == "train"
    assert not target.exists()
    assert not part.is_symlink()
    shutil.rmtree(options.model_path)
