"""Several processes train one splat: as one process with the same batches would, and they fail together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from support.gaussian_scenes import look_at_camera, random_gaussians
from support.passed import one_thing, paint_squares
from support.scene_folders import write_scene

import splatworker
from splatworker.formats.camera import Camera
from splatworker.formats.folder_record import RECORD
from splatworker.formats.ply import read_ply
from splatworker.formats.scene import read_scene, split
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import DensityStatistics, GaussianTensors, LearningRates, LossTerms, Step, View
from splatworker.render.reference import project
from splatworker.render.tensors import to_tensors
from splatworker.train import parallel
from splatworker.train.checkpoint import load_checkpoint
from splatworker.train.density import GradientDensity
from splatworker.train.initial import gaussians_from_points, scene_extent
from splatworker.train.model import Model
from splatworker.train.options import Options, parse
from splatworker.train.parallel import BatchStep, Ranks
from splatworker.train.photos import load_views
from splatworker.train.randomness import Randomness
from splatworker.train.schedule import active_sh_degree, learning_rates

RANK = Path(__file__).parents[1] / "support" / "rank.py"
RANKS = 2

TOLERANCE = 5e-4
"""Of parameters, absolute and relative, after 45 iterations: less than one step moves a center by. Gradients are
rounded once more than in one process, and those of a round Gaussian's rotation are nothing but rounding, which Adam
makes large: hence the small rotation_lr."""

ARGUMENTS = ["--device", "cpu", "--eval", "--sh_degree", "1", "--sh_degree_interval", "15", "--random_background",
             "--densify_from_iter", "20", "--densification_interval", "20", "--densify_until_iter", "41",
             "--rotation_lr", "1e-5", "--seed", "3", "--json"]  # fmt: skip


def _torchrun(folder: Path, faults: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(RANKS),
               str(RANK), str(folder), faults, *arguments]  # fmt: skip
    package = Path(splatworker.__file__).parents[1]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(package), "TMPDIR": str(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _one_process(options: Options) -> tuple[Model, list[float]]:
    """The same training with batches of two photos, from the renderer's single steps; the losses of all iterations."""
    renderer = CpuRenderer(device=torch.device("cpu"))
    scene = read_scene(options.source_path)
    photos, _ = split(scene.photos, options.eval)
    views = load_views(photos, options, renderer.device)
    extent = scene_extent(photos)
    random = Randomness(options.seed, len(photos), renderer.device)
    model = Model(to_tensors(gaussians_from_points(scene.points, options.sh_degree), renderer.device))
    density = GradientDensity(options, extent, random.density)
    losses = []
    for iteration in range(1, options.iterations + 1):
        degree = active_sh_degree(options, iteration)
        batch = [views[random.next_photo()] for _ in range(RANKS)]
        background = random.background()
        mean = GaussianTensors(*(torch.zeros_like(tensor) for tensor in model.parameters))
        losses.append(0.0)
        for view in batch:
            image = renderer.render(model.parameters, view.camera, background, degree)
            loss, grad_image = renderer.loss(image, view.photo, LossTerms(options.lambda_dssim))
            gradients, grad_means = renderer.backward(grad_image)
            for total, gradient in zip(mean, gradients, strict=True):
                total += gradient / RANKS
            losses[-1] += float(loss.total) / RANKS
            _count(model, view.camera, grad_means, degree)
        renderer.adam_step(
            model.parameters, mean, model.adam, learning_rates(options, extent, iteration), iteration, degree
        )
        density.after_step(iteration, model)
    return model, losses


def _count(model: Model, camera: Camera, grad_means: torch.Tensor, degree: int) -> None:
    """Density statistics of one photo, by the specification."""
    seen = project(GaussianTensors(*(tensor.double() for tensor in model.parameters)), camera, degree)
    norms = (grad_means * torch.tensor([camera.width / 2, camera.height / 2])).norm(dim=1)
    statistics = model.statistics
    statistics.gradient_norm_sum.add_(norms)
    statistics.view_count.add_(seen.visible)


@pytest.mark.slow
def test_processes_leave_out_the_same_passers_by(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene", 16, one_thing(), width=64, height=48)
    paint_squares(scene / "images")
    arguments = ["-s", str(scene), "-m", str(tmp_path / "model"), "--iterations", "130", "--sh_degree", "1",
                 "--device", "cpu", "--densify_from_iter", "20", "--densification_interval", "20",
                 "--densify_until_iter", "90", "--max_gaussians", "700", "--passers_by", "auto", "--json"]  # fmt: skip
    done = _torchrun(tmp_path, "", arguments)
    assert done.returncode == 0, done.stderr
    assert "passed through photo002.png, photo007.png, photo011.png" in done.stdout
    ranks = [np.load(tmp_path / f"rank{number}.npz") for number in range(RANKS)]
    for name in ranks[0].files:
        assert (ranks[0][name] == ranks[1][name]).all(), name


def test_two_processes_train_as_one_with_batches_of_two(tiny_scene: Path, tmp_path: Path) -> None:
    model_path = tmp_path / "model"
    arguments = ["-s", str(tiny_scene), "-m", str(model_path), "--iterations", "45",
                 "--checkpoint_iterations", "45", *ARGUMENTS]  # fmt: skip
    done = _torchrun(tmp_path, "", arguments)
    assert done.returncode == 0, done.stderr
    expected, losses = _one_process(parse(arguments)[0])
    start = len(read_scene(tiny_scene).points.xyz)
    assert len(expected) > start + 5

    ranks = [np.load(tmp_path / f"rank{number}.npz") for number in range(RANKS)]
    for name, tensor in expected.parameters._asdict().items():
        np.testing.assert_array_equal(ranks[0][name], ranks[1][name])
        np.testing.assert_allclose(ranks[0][name], tensor.numpy(), rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
    _, kept, _, _ = load_checkpoint(model_path / "chkpnt45.npz", torch.device("cpu"))
    # Adam's steps are the same for a sum as for a mean, so the moments tell whether gradients were averaged.
    torch.testing.assert_close(kept.adam.first.sh_dc, expected.adam.first.sh_dc, rtol=0.02, atol=1e-6)
    for name in DensityStatistics._fields:
        torch.testing.assert_close(
            getattr(kept.statistics, name), getattr(expected.statistics, name), rtol=0.01, atol=1e-6
        )

    # One model folder, by rank 0, which alone speaks.
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (result,) = [event["result"] for event in events if event["event"] == "result"]
    assert (result["processes"], result["gaussians"]) == (RANKS, len(expected))
    assert len(read_ply(Path(result["ply"]))) == len(expected)
    assert {path.name for path in model_path.iterdir()} == {
        "cfg_args", "cameras.json", "input.ply", "results.json", "train_log.jsonl", "chkpnt45.npz", "point_cloud",
        RECORD,
    }  # fmt: skip
    (entry,) = [json.loads(line) for line in (model_path / "train_log.jsonl").read_text().splitlines()]
    assert entry["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions)


def test_when_one_runs_out_of_memory_all_stop_adding_and_when_one_dies_the_command_fails(
    tiny_scene: Path, tmp_path: Path
) -> None:
    arguments = ["-s", str(tiny_scene), "-m", str(tmp_path / "model"), "--iterations", "100000", *ARGUMENTS]
    done = _torchrun(tmp_path, "memory:30 dies:60", arguments)
    assert done.returncode != 0
    events = [json.loads(line) for line in done.stdout.splitlines()]
    # Rank 1 got to its 60th step, past a round of density control in which the ranks must agree.
    warnings = [event["message"] for event in events if event["event"] == "warning"]
    assert warnings == ["Memory ran out: training goes on without adding Gaussians."]
    assert "Error: The GPU of one rank is gone." in done.stderr
    assert events[-1]["event"] == "error"
    assert events[-1]["code"] in ("stage_crashed", "cancelled")  # whichever reaches rank 0 first
    assert not (tmp_path / "model" / "point_cloud").exists()
    assert not list(tmp_path.glob("rank*.npz"))


@pytest.mark.parametrize("failing", [30, 45])
def test_a_step_in_which_one_has_no_memory_is_left_out_by_all(tiny_scene: Path, tmp_path: Path, failing: int) -> None:
    model_path = tmp_path / "model"
    arguments = ["-s", str(tiny_scene), "-m", str(model_path), "--iterations", "45", *ARGUMENTS]
    done = _torchrun(tmp_path, f"memory:{failing}", arguments)
    assert done.returncode == 0, done.stderr
    ranks = [np.load(tmp_path / f"rank{number}.npz") for number in range(RANKS)]
    for name in GaussianTensors._fields:
        np.testing.assert_array_equal(ranks[0][name], ranks[1][name])
    # Told a step later, so in the last one it is never told: then it made no difference.
    messages = [event["message"] for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "warning"]
    assert messages == (["Memory ran out: training goes on without adding Gaussians."] if failing < 45 else [])
    (entry,) = [json.loads(line) for line in (model_path / "train_log.jsonl").read_text().splitlines()]
    assert 0 < entry["loss"] < 1


def test_where_memory_runs_out_again_all_give_up(tiny_scene: Path, tmp_path: Path) -> None:
    arguments = ["-s", str(tiny_scene), "-m", str(tmp_path / "model"), "--iterations", "100000", *ARGUMENTS]
    done = _torchrun(tmp_path, "memory:30 memory:40", arguments)
    assert done.returncode != 0
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["event"], last["code"]) == ("error", "out_of_memory")
    assert done.stderr.count("The training does not fit into memory.") == 1  # by the other rank; rank 0 says it above


@pytest.fixture
def two_gpus() -> None:
    if torch.cuda.device_count() < RANKS:
        pytest.skip(f"there are no {RANKS} NVIDIA GPUs here")


def _trained_on(device: str, tiny_scene: Path, folder: Path, faults: str = "", *more: str) -> tuple[Any, ...]:
    """The Gaussians of every rank, the one entry of the log, and what was warned of."""
    folder.mkdir()
    # Without random backgrounds, which differ from device to device.
    arguments = [word for word in ARGUMENTS if word != "--random_background"]
    arguments[arguments.index("cpu")] = device
    model_path = folder / "model"
    done = _torchrun(
        folder, faults, ["-s", str(tiny_scene), "-m", str(model_path), "--iterations", "45", *arguments, *more]
    )
    assert done.returncode == 0, done.stderr
    ranks = [dict(np.load(folder / f"rank{number}.npz")) for number in range(RANKS)]
    (entry,) = [json.loads(line) for line in (model_path / "train_log.jsonl").read_text().splitlines()]
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return ranks, entry, [event["message"] for event in events if event["event"] == "warning"]


@pytest.mark.gpu
def test_two_gpus_train_as_two_processes_on_the_cpu(two_gpus: None, tiny_scene: Path, tmp_path: Path) -> None:
    _, expected, _ = _trained_on("cpu", tiny_scene, tmp_path / "cpu")
    ranks, entry, warnings = _trained_on("cuda", tiny_scene, tmp_path / "gpu")
    assert warnings == []
    assert entry["loss"] == pytest.approx(expected["loss"], rel=0.02)
    assert entry["gaussians"] == pytest.approx(expected["gaussians"], rel=0.2)
    for name in GaussianTensors._fields:
        np.testing.assert_array_equal(ranks[0][name], ranks[1][name])


@pytest.mark.gpu
def test_deterministic_trainings_on_two_gpus_repeat_to_the_bit(
    two_gpus: None, tiny_scene: Path, tmp_path: Path
) -> None:
    once, again = (
        _trained_on("cuda", tiny_scene, tmp_path / name, "", "--deterministic")[0][0] for name in ("once", "again")
    )
    for name in GaussianTensors._fields:
        np.testing.assert_array_equal(once[name], again[name])


@pytest.mark.gpu
def test_two_gpus_of_which_one_lacks_memory_leave_the_step_out(
    two_gpus: None, tiny_scene: Path, tmp_path: Path
) -> None:
    ranks, _, warnings = _trained_on("cuda", tiny_scene, tmp_path / "lacking", "memory:30")
    assert warnings == ["Memory ran out: training goes on without adding Gaussians."]
    for name in GaussianTensors._fields:
        np.testing.assert_array_equal(ranks[0][name], ranks[1][name])


class Alone:
    """`Ranks` of one, which never waits for anybody."""

    number, count, device = 0, 1, torch.device("cpu")
    has_room = True

    def gather(self, rows: torch.Tensor) -> None:
        assert rows.shape[0] == 1

    def all_succeeded(self, here: bool) -> bool:
        return here and self.has_room


class Unlucky(CpuRenderer):
    """Has no memory when told so."""

    lacks_memory = False

    def training_step(self, *args: Any) -> Any:
        if self.lacks_memory:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().training_step(*args)


def test_a_step_without_memory_changes_nothing_and_the_next_says_so() -> None:
    renderer, ranks = Unlucky(), Alone()
    steps = BatchStep(renderer, cast(Ranks, ranks))
    model, camera = Model(random_gaussians(40, 1, seed=1)), look_at_camera(seed=1)
    view = View(camera, torch.full((3, camera.height, camera.width), 90, dtype=torch.uint8))
    rates = LearningRates(*[1e-3] * 6)

    def step(number: int) -> Any:
        taken = Step(view, torch.zeros(3), 1, LossTerms(0.2), rates, number)
        return steps.training_step(model.parameters, model.adam, model.statistics, taken)

    def everything() -> list[torch.Tensor]:
        return [t.clone() for t in (*model.parameters, *model.adam.first, *model.adam.second, *model.statistics)]

    ranks.has_room = False
    before = everything()
    with pytest.raises(torch.OutOfMemoryError, match="one of the GPUs"):
        step(1)
    assert all(torch.equal(*pair) for pair in zip(everything(), before, strict=True))
    ranks.has_room = True
    first_loss = step(1)
    moved = everything()
    assert not torch.equal(moved[0], before[0])

    renderer.lacks_memory = True
    assert [float(value) for value in step(2)] == [0.0, 0.0, 0.0]  # of no photo
    renderer.lacks_memory = False
    with pytest.raises(torch.OutOfMemoryError, match="one of the GPUs"):
        step(3)
    assert all(torch.equal(*pair) for pair in zip(everything(), moved, strict=True))
    assert 0 < float(step(3).total) < float(first_loss.total)
    assert not torch.equal(everything()[0], moved[0])

    # Fewer Gaussians fit into the memory that is there; more need more, for which all must have room.
    ranks.has_room = False
    model = Model(random_gaussians(30, 1, seed=2))
    step(4)
    model = Model(random_gaussians(80, 1, seed=3))
    with pytest.raises(torch.OutOfMemoryError):
        step(5)
    ranks.has_room = True
    step(5)
    assert float(model.statistics.view_count.max()) == 1


@pytest.mark.parametrize("changes", [{}, {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}, {"WORLD_SIZE": "8"}])
def test_alone_there_is_nobody_to_meet(monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    with parallel.process_group(torch.device("cpu")) as ranks:
        assert ranks is None
