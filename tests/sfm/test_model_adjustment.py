"""COLMAP's models adjusted by our kernel, held to what COLMAP's own adjustment (Ceres) makes of the same."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from support.adjustments import LENSES, disturbed, reconstruction, scene

from splatworker.sfm import adjustment
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.compare import Poses, compare_poses
from splatworker.sfm.model_adjustment import adjust_model, free_poses, problem_of, why_not

pytestmark = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")

LOSSES = {"plain": "TRIVIAL", "huber": "HUBER", "soft_l1": "SOFT_L1", "cauchy": "CAUCHY"}


def adjust_by_colmap(model: pycolmap.Reconstruction, loss: str = "TRIVIAL", fixed: tuple[int, ...] = ()) -> None:
    options = pycolmap.BundleAdjustmentOptions()
    options.print_summary = False
    options.refine_sensor_from_rig = False
    options.ceres.loss_function_type = pycolmap.LossFunctionType.__members__[loss]
    options.ceres.loss_function_scale = 2.0
    options.ceres.solver_options.num_threads = 1
    options.ceres.solver_options.max_num_iterations = 200
    options.ceres.solver_options.function_tolerance = 1e-14
    options.ceres.solver_options.gradient_tolerance = 1e-12
    config = pycolmap.BundleAdjustmentConfig()
    for image_id in model.reg_image_ids():
        config.add_image(image_id)
    for camera_id in fixed:
        config.set_constant_cam_intrinsics(camera_id)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    pycolmap.create_default_bundle_adjuster(options, config, model).solve()


def poses_of(model: pycolmap.Reconstruction) -> Poses:
    images = [model.image(image_id) for image_id in model.reg_image_ids()]
    return {image.name: image.cam_from_world().matrix() for image in images}


def cost_of(model: pycolmap.Reconstruction, loss: adjustment.Loss) -> float:
    """Half the sum of the loss, by COLMAP's own projection."""
    squares = []
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        for feature in image.get_observation_points2D():
            projected = np.asarray(image.project_point(model.point3D(feature.point3D_id).xyz), float)
            squares.append(float(np.sum((projected - feature.xy) ** 2)))
    s, b = np.array(squares), 4.0
    of = {
        "plain": s,
        "huber": np.where(s <= b, s, 2 * np.sqrt(s * b) - b),
        "soft_l1": 2 * b * (np.sqrt(1 + s / b) - 1),
        "cauchy": b * np.log1p(s / b),
    }
    return float(of[loss].sum() / 2)


def assert_the_same_optimum(
    start: pycolmap.Reconstruction, loss: adjustment.Loss = "plain", fixed: tuple[int, ...] = ()
) -> None:
    ours, theirs = copy.deepcopy(start), copy.deepcopy(start)
    adjust_by_colmap(theirs, LOSSES[loss], fixed)
    adjusted = adjust_model(ours, fixed, loss=loss, scale=2.0, tolerance=1e-14, most_iterations=200)
    assert adjusted.end == "converged"
    assert cost_of(ours, loss) == pytest.approx(adjusted.cost, rel=1e-9)
    assert adjusted.cost <= cost_of(theirs, loss) * (1 + 1e-9)
    difference = compare_poses(poses_of(ours), poses_of(theirs))
    assert difference.rotation_deg.max() < 1e-4
    assert difference.position.max() < 1e-6
    for camera_id, camera in ours.cameras.items():
        assert np.allclose(camera.params, theirs.cameras[camera_id].params, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", LENSES)
def test_the_optimum_is_that_of_ceres(model: int) -> None:
    assert_the_same_optimum(reconstruction(disturbed(scene(12, 100, (model,), noise=0.5), 0.003)))


@pytest.mark.parametrize("loss", ["huber", "soft_l1", "cauchy"])
def test_so_it_is_with_a_robust_loss_and_wrong_observations(loss: adjustment.Loss) -> None:
    problem = scene(10, 100, (2,), noise=0.5)
    seen = problem.seen.copy()
    seen[::13] += 15.0
    assert_the_same_optimum(reconstruction(disturbed(dataclasses.replace(problem, seen=seen), 0.002)), loss)


def test_so_it_is_with_several_lenses_one_of_them_held() -> None:
    start = reconstruction(disturbed(scene(14, 150, (2, 4, 0), noise=0.5), 0.003))
    assert_the_same_optimum(start, fixed=(3,))
    held = start.cameras[3].params.tolist()
    adjust_model(start, (3,))
    assert start.cameras[3].params.tolist() == held


def test_a_model_is_read_as_it_is(tmp_path: Path) -> None:
    problem = scene(5, 40, (4, 2), noise=0.5)
    model = reconstruction(problem)
    found = problem_of(model, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert found.images == [2, 5, 8, 11, 14]
    assert found.cameras == [1, 2]
    assert np.allclose(found.problem.poses, problem.poses, atol=1e-15)
    assert np.array_equal(found.problem.parameters, problem.parameters)
    assert np.array_equal(found.problem.points, problem.points)
    assert np.array_equal(found.problem.free_lens, problem.free_lens)
    assert found.problem.seen.flags["C_CONTIGUOUS"]
    order = np.lexsort((found.problem.point, found.problem.photo))
    assert np.array_equal(found.problem.seen[order], problem.seen[np.lexsort((problem.point, problem.photo))])
    assert np.bincount(found.problem.photo).tolist() == np.bincount(problem.photo).tolist()


def test_the_frame_stays_by_the_longest_baseline() -> None:
    problem = scene(7, 40)
    free = free_poses(problem.poses)
    assert free[0] == 0
    assert sorted(int(bits).bit_count() for bits in free) == [0, 5, 6, 6, 6, 6, 6]
    centers = np.array(
        [pycolmap.Rigid3d(pycolmap.Rotation3d(p[:4]), p[4:]).inverse().translation for p in problem.poses]
    )
    furthest = int(np.linalg.norm(centers - centers[0], axis=1).argmax())
    assert int(free[furthest]).bit_count() == 5
    assert int(free[furthest]) & 0b111 == 0b111  # it may turn
    assert free_poses(problem.poses[:1]).tolist() == [0]
    assert free_poses(problem.poses[:0]).tolist() == []
    one_spot = np.repeat(problem.poses[:1], 3, axis=0)
    assert free_poses(one_spot).tolist() == [0, 63, 63]


def test_why_a_model_is_left_to_colmap(monkeypatch: pytest.MonkeyPatch) -> None:
    model = reconstruction(scene(5, 40, (2,)))
    assert why_not(model) == ""
    other = copy.deepcopy(model)
    other.cameras[1].model = pycolmap.CameraModelId.FULL_OPENCV
    other.cameras[1].params = [500.0, 500.0, 320.0, 240.0, *[0.0] * 8]
    assert why_not(other) == "its lens model is FULL_OPENCV"
    monkeypatch.setattr(adjustment, "MOST_UNKNOWNS", 33)
    assert why_not(model) == "5 photos are many for a dense system"
    monkeypatch.setattr(adjustment, "_adjustment", None)
    assert why_not(model) == "this installation has no compiled kernel"


def test_views_of_a_panorama_are_left_to_colmap() -> None:
    model = reconstruction(scene(5, 40, (2, 2)))
    model.rigs[1].add_sensor(model.cameras[2].sensor_id, pycolmap.Rigid3d())
    assert why_not(model) == "photos are views of one panorama, which move together"


def test_a_model_that_cannot_be_adjusted_is_left_as_it_was() -> None:
    model = reconstruction(scene(5, 40, (2,), noise=0.5))
    model.frame(model.image(5).frame_id).rig_from_world = pycolmap.Rigid3d(
        pycolmap.Rotation3d(), np.array([0, np.nan, 0])
    )
    before = {image_id: model.image(image_id).cam_from_world().matrix() for image_id in model.reg_image_ids()}
    with pytest.raises(ValueError, match="pose is not finite"):
        adjust_model(model)
    for image_id, matrix in before.items():
        assert np.array_equal(model.image(image_id).cam_from_world().matrix(), matrix, equal_nan=True)
    with pytest.raises(ValueError, match="nothing to adjust"):
        adjust_model(pycolmap.Reconstruction())


def test_the_same_model_gives_the_same_cameras_whatever_the_threads() -> None:
    start = reconstruction(disturbed(scene(12, 300, (2, 4), noise=0.5), 0.003))
    found = []
    for threads in (1, 2, 5):
        model = copy.deepcopy(start)
        adjust_model(model, threads=threads)
        found.append(np.array(list(poses_of(model).values())))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
