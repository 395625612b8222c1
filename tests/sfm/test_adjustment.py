"""Our bundle adjustment beside finite differences, dense algebra and known truth; and what it makes of bad problems."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from support.adjustments import LENSES, disturbed, matrices, projected, scene

from splatworker.sfm import adjustment
from splatworker.sfm.adjustment import Loss, Problem, adjust, derivatives

pytestmark = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")

STEP = 1e-6


def changed(problem: Problem, **arrays: Any) -> Problem:
    return dataclasses.replace(problem, **arrays)


def difference(residuals_at: Any) -> np.ndarray:
    """Central difference: its error is of the order of STEP^2 times third derivatives, and of rounding over STEP."""
    return np.asarray((residuals_at(STEP) - residuals_at(-STEP)) / (2 * STEP))


def turned(poses: np.ndarray, axis: int, angle: float) -> np.ndarray:
    """Poses turned about an axis of their cameras, exactly."""
    half = np.zeros(3)
    half[axis] = np.sin(angle / 2)
    vector, scalar = poses[:, :3], poses[:, 3:4]
    made = poses.copy()
    made[:, :3] = np.cos(angle / 2) * vector + scalar * half + np.cross(half, vector)
    made[:, 3] = np.cos(angle / 2) * poses[:, 3] - vector @ half
    return made


@pytest.mark.parametrize("model", LENSES)
def test_derivatives_are_those_of_differences_and_residuals_those_of_colmaps_lenses(model: int) -> None:
    problem = disturbed(scene(4, 20, (model,)), 0.02)
    residuals, jacobians = derivatives(problem)
    assert np.abs(residuals - (projected(problem) - problem.seen)).max() < 1e-10

    def after(**arrays: Any) -> np.ndarray:
        return derivatives(changed(problem, **arrays))[0]

    for axis in range(3):
        unit = np.eye(3)[axis]
        by_turn = difference(lambda h, axis=axis: after(poses=turned(problem.poses, axis, h)))
        by_shift = difference(lambda h, unit=unit: after(poses=problem.poses + h * np.array([0, 0, 0, 0, *unit])))
        by_point = difference(lambda h, unit=unit: after(points=problem.points + h * unit))
        # Derivatives are some 200 pixels a unit; rounding of 1e-13 over a STEP leaves 1e-7.
        assert np.abs(jacobians[:, :, axis] - by_turn).max() < 1e-5
        assert np.abs(jacobians[:, :, 3 + axis] - by_shift).max() < 1e-5
        assert np.abs(jacobians[:, :, 14 + axis] - by_point).max() < 1e-5
    free = [column for column in range(8) if int(problem.free_lens[0]) >> column & 1]
    for place, column in enumerate(free):
        unit = np.eye(8)[column]
        by_lens = difference(lambda h, unit=unit: after(parameters=problem.parameters + h * unit))
        assert np.abs(jacobians[:, :, 6 + place] - by_lens).max() < 1e-5
    assert not jacobians[:, :, 6 + len(free) : 14].any()


@pytest.mark.parametrize("model", [5, 8, 9])
def test_a_fisheye_has_derivatives_on_its_axis(model: int) -> None:
    """There the formula divides nothing by nothing."""
    near = scene(1, 3, (model,), seen=1.1)
    ahead = matrices(near.poses)[0].T @ (np.array([0, 0, 2.0]) - near.poses[0, 4:])
    for offset in (0.0, 1e-12, 1e-7):
        problem = changed(near, points=np.array([ahead, ahead, ahead]) + offset)
        residuals, jacobians = derivatives(problem)
        assert np.isfinite(residuals).all()
        by_point = difference(lambda h, p=problem: derivatives(changed(p, points=p.points + h * np.eye(3)[0]))[0])
        assert np.abs(jacobians[:, :, 14] - by_point).max() < 1e-4


def dense_step(problem: Problem, damping: float) -> np.ndarray:
    """One step of Levenberg and Marquardt's method for all unknowns at once: (6 P + free parameters + 3 N)."""
    residuals, jacobians = derivatives(problem)
    photos, points = len(problem.poses), len(problem.points)
    starts = 6 * photos + np.cumsum([0, *(int(bits).bit_count() for bits in problem.free_lens)])
    full = np.zeros((len(problem.photo), 2, starts[-1] + 3 * points))
    for row, (photo, point) in enumerate(zip(problem.photo, problem.point, strict=True)):
        lens = problem.lens_of[photo]
        free = np.array([int(problem.free_pose[photo]) >> bit & 1 for bit in range(6)])
        full[row, :, 6 * photo : 6 * photo + 6] = jacobians[row, :, :6] * free
        count = starts[lens + 1] - starts[lens]
        full[row, :, starts[lens] : starts[lens + 1]] = jacobians[row, :, 6 : 6 + count]
        full[row, :, starts[-1] + 3 * point : starts[-1] + 3 * point + 3] = jacobians[row, :, 14:]
    flat = full.reshape(-1, full.shape[2])
    normal = flat.T @ flat
    diagonal = np.diag(normal)
    return np.asarray(
        np.linalg.solve(
            normal + np.diag(np.where(diagonal > 0, damping * diagonal, 1.0)), -flat.T @ residuals.reshape(-1)
        )
    )


@pytest.mark.parametrize(("photos", "models"), [(3, (1,)), (6, (2, 4, 5)), (33, (3, 8)), (25, tuple(LENSES) * 3)])
def test_a_step_with_points_eliminated_is_the_step_of_all_unknowns(photos: int, models: tuple[int, ...]) -> None:
    """Also where a photo sees a point twice, and with more unknowns than one panel of the factorization has."""
    problem = disturbed(scene(photos, 40, models, noise=0.3, seen=1.1 if photos < 6 else 0.8), 0.002)
    twice = np.arange(0, len(problem.photo), 7)
    problem = changed(
        problem,
        photo=np.concatenate([problem.photo, problem.photo[twice]]),
        point=np.concatenate([problem.point, problem.point[twice]]),
        seen=np.concatenate([problem.seen, problem.seen[twice] + 0.5]),
    )
    step = dense_step(problem, 1e-4)
    adjusted = adjust(problem, most_iterations=1)
    assert adjusted.accepted == 1
    moved = (adjusted.poses - problem.poses)[:, 4:]
    assert np.abs(moved - step[: 6 * photos].reshape(-1, 6)[:, 3:]).max() < 1e-7 * np.abs(moved).max()
    lenses = len(problem.parameters)
    free = (problem.free_lens[:, None] >> np.arange(8)) & 1 > 0
    by_lens = (adjusted.parameters - problem.parameters)[free]
    assert np.abs(by_lens - step[6 * photos : 6 * photos + len(by_lens)]).max() < 1e-6 * np.abs(by_lens).max()
    assert len(by_lens) == sum(int(bits).bit_count() for bits in problem.free_lens)
    assert lenses == len(models)
    shift = (adjusted.points - problem.points).reshape(-1)
    assert np.abs(shift - step[6 * photos + len(by_lens) :]).max() < 1e-7 * np.abs(shift).max()


@pytest.mark.parametrize("models", [(model,) for model in LENSES] + [tuple(LENSES)])
def test_the_truth_is_found_again(models: tuple[int, ...]) -> None:
    truth = scene(16, 150, models)
    adjusted = adjust(disturbed(truth, 0.01), tolerance=1e-12)
    assert adjusted.end == "converged"
    assert adjusted.cost < 1e-10 * adjusted.initial_cost
    assert np.abs(adjusted.points - truth.points).max() < 1e-5
    assert np.abs(matrices(adjusted.poses) - matrices(truth.poses)).max() < 1e-5
    assert np.abs(adjusted.parameters / np.maximum(np.abs(truth.parameters), 1) - truth.parameters / np.maximum(
        np.abs(truth.parameters), 1)).max() < 1e-4  # fmt: skip


@pytest.mark.parametrize("loss", get_args(Loss))
def test_it_ends_at_a_minimum_of_its_loss(loss: Loss) -> None:
    """No unknown, moved either way, lowers the cost by more than the tolerance."""
    noisy = scene(6, 60, (3,), noise=0.5)
    seen = noisy.seen.copy()
    seen[::11] += 25.0
    problem = disturbed(changed(noisy, seen=seen), 0.003)
    adjusted = adjust(problem, loss=loss, scale=2.0, tolerance=1e-13)
    assert adjusted.end == "converged"
    there = changed(problem, poses=adjusted.poses, parameters=adjusted.parameters, points=adjusted.points)

    def cost(**arrays: Any) -> float:
        return adjust(changed(there, **arrays), loss=loss, scale=2.0, most_iterations=0).cost

    least = cost()
    assert least == pytest.approx(adjusted.cost, rel=1e-12)
    for sign in (-1e-4, 1e-4):
        for column in (0, 3, 4):
            shift = sign * np.eye(8)[column] * (100 if column == 0 else 1)
            assert cost(parameters=there.parameters + shift) > least * (1 - 1e-9)
        for axis in range(3):
            shift = sign * np.eye(3)[axis]
            assert cost(points=there.points + np.eye(60)[7][:, None] * shift) > least * (1 - 1e-9)
            poses = there.poses.copy()
            poses[4, 4:] += shift
            assert cost(poses=poses) > least * (1 - 1e-9)
            poses = there.poses.copy()
            poses[4] = turned(poses[4:5], axis, sign)[0]
            assert cost(poses=poses) > least * (1 - 1e-9)


def test_a_robust_loss_withstands_wrong_observations() -> None:
    truth = scene(10, 100, (2,))
    seen = truth.seen.copy()
    seen[::15] += 40.0
    wrong = changed(disturbed(truth, 0.003), seen=seen)
    off = {loss: np.abs(adjust(wrong, loss=loss).points - truth.points).max() for loss in get_args(Loss)}
    assert off["huber"] < 0.2 * off["plain"]
    assert off["cauchy"] < 0.01 * off["plain"]
    assert off["geman_mcclure"] < 0.01 * off["plain"]


def same(first: adjustment.Adjusted, second: adjustment.Adjusted) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("poses", "parameters", "points", "cost", "iterations")
    )


def test_threads_and_the_order_of_observations_change_no_bit() -> None:
    problem = disturbed(scene(24, 900, (4, 2, 3), noise=0.5), 0.005)
    one = adjust(problem, loss="huber")
    for threads in (2, 3, 7, 30):  # more than there are photos: each has rows of its own to add them up in
        assert same(one, adjust(problem, loss="huber", threads=threads))
    order = np.random.default_rng(1).permutation(len(problem.photo))
    shuffled = changed(problem, photo=problem.photo[order], point=problem.point[order], seen=problem.seen[order])
    assert same(one, adjust(shuffled, loss="huber", threads=2))


@pytest.mark.parametrize("loss", get_args(Loss))
def test_eight_observations_side_by_side_have_the_bits_that_each_has_alone(loss: Loss) -> None:
    """A point's go side by side where they share a lens; where each photo has one, of the same numbers, one by one."""
    photos = 9
    shared = disturbed(scene(photos, 150, (4,), noise=1.0), 0.005)
    shared = changed(shared, free_lens=np.zeros(1, np.uint8))
    own = changed(
        shared,
        parameters=np.repeat(shared.parameters, photos, axis=0),
        model=np.repeat(shared.model, photos),
        free_lens=np.zeros(photos, np.uint8),
        lens_of=np.arange(photos, dtype=np.int32),
    )
    together, alone = (adjust(problem, loss=loss, most_iterations=5) for problem in (shared, own))
    assert together.cost < together.initial_cost
    for name in ("poses", "points", "cost"):
        assert np.array_equal(getattr(together, name), getattr(alone, name)), name


@pytest.mark.parametrize("models", [(2,), (4, 3)])
def test_every_instruction_set_gives_the_same_bits(tmp_path: Path, models: tuple[int, ...]) -> None:
    problem = disturbed(scene(20, 200, models, noise=0.5), 0.005)
    np.savez(tmp_path / "problem.npz", **dataclasses.asdict(problem))
    code = (
        "import sys, numpy as np; from splatworker import _adjustment; from splatworker.sfm import adjustment as a\n"
        "found = a.adjust(a.Problem(**np.load(sys.argv[1])), loss='soft_l1')\n"
        "np.savez(sys.argv[2], poses=found.poses, points=found.points, parameters=found.parameters, cost=found.cost)\n"
        "print(_adjustment.instruction_set())"
    )
    here = adjust(problem, loss="soft_l1")
    for isa in ("baseline", "avx2"):
        done = subprocess.run(
            [sys.executable, "-c", code, tmp_path / "problem.npz", tmp_path / "found.npz"],
            env=dict(os.environ, SPLATWORKER_ISA=isa),
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() in ("baseline", isa)
        found = np.load(tmp_path / "found.npz")
        for name in ("poses", "points", "parameters", "cost"):
            assert np.array_equal(found[name], getattr(here, name)), (isa, name)


def test_what_is_held_stays_to_the_bit() -> None:
    problem = disturbed(scene(8, 60, (4, 2), noise=0.5), 0.005)
    held_point = np.zeros(60, np.uint8)
    held_point[::3] = 1
    free_lens = problem.free_lens.copy()
    free_lens[1] = 0
    held = changed(problem, held_point=held_point, free_lens=free_lens)
    adjusted = adjust(held)
    assert adjusted.cost < adjusted.initial_cost
    assert np.array_equal(adjusted.points[::3], problem.points[::3])
    assert np.array_equal(adjusted.parameters[1], problem.parameters[1])
    assert np.array_equal(adjusted.poses[0], problem.poses[0])
    assert adjusted.poses[4, 6] == problem.poses[4, 6]
    assert np.array_equal(adjusted.parameters[0, 2:4], problem.parameters[0, 2:4])  # the principal point
    assert not np.array_equal(adjusted.points[1::3], problem.points[1::3])
    nothing = adjust(
        changed(
            held, held_point=np.ones(60, np.uint8), free_pose=np.zeros(8, np.uint8), free_lens=np.zeros(2, np.uint8)
        )
    )
    assert nothing.end == "converged"
    assert np.array_equal(nothing.points, problem.points)
    assert np.array_equal(nothing.poses, problem.poses)


def test_points_by_themselves_move_as_beside_cameras_that_could() -> None:
    """Where no camera moves there is no system of them: the same bits as with one that sees nothing, and would."""
    problem = scene(14, 240, noise=0.4)
    moved = problem.points + np.random.default_rng(0).normal(0, 0.05, problem.points.shape)
    held = np.zeros_like(problem.free_pose)
    alone = changed(problem, points=moved, free_pose=held, free_lens=np.zeros_like(problem.free_lens))
    beside = changed(
        alone,
        poses=np.vstack([alone.poses, alone.poses[-1:]]),
        lens_of=np.append(alone.lens_of, alone.lens_of[-1:]),
        free_pose=np.append(held, np.uint8(adjustment.TURN_AND_PLACE)),
    )
    one, other = (adjustment.adjust(given, loss="huber", most_iterations=3) for given in (alone, beside))
    assert one.cost < 0.1 * one.initial_cost
    assert one.cost == other.cost
    assert np.array_equal(one.points, other.points)
    assert np.array_equal(one.poses, alone.poses)


def test_a_point_behind_a_camera_and_one_seen_once_are_left_out() -> None:
    truth = scene(8, 60, (2,), seen=1.1)
    points = disturbed(truth, 0.003)
    clean = adjust(points)
    once = points.point != 5
    once[np.flatnonzero(points.point == 5)[0]] = True
    lonely = changed(points, photo=points.photo[once], point=points.point[once], seen=points.seen[once])
    adjusted = adjust(lonely)
    assert (adjusted.lonely, adjusted.behind, adjusted.used) == (1, 0, len(lonely.photo) - 1)
    assert np.array_equal(adjusted.points[5], points.points[5])

    away = points.points.copy()
    away[9] = 100 * (-matrices(points.poses)[0].T @ points.poses[0, 4:])  # far behind the first camera
    behind = adjust(changed(points, points=away))
    assert behind.behind > 0
    assert behind.used + behind.behind + behind.lonely == len(points.photo)
    assert behind.cost < 1.5 * clean.cost + 1e9  # it ends, whatever becomes of that point
    assert np.isfinite(behind.poses).all()
    assert np.isfinite(behind.points).all()


def test_what_no_observation_tells_of_stays() -> None:
    """A photo, a lens, a point that nothing is known of; and a lens whose distortion shows nowhere."""
    problem = disturbed(scene(6, 40, (2, 4), noise=0.2, seen=1.1), 0.003)
    kept = (problem.lens_of[problem.photo] == 0) & (problem.photo != 2) & (problem.point != 3)
    few = changed(problem, photo=problem.photo[kept], point=problem.point[kept], seen=problem.seen[kept])
    adjusted = adjust(few)
    assert adjusted.end == "converged"
    assert np.array_equal(adjusted.parameters[1], problem.parameters[1])
    assert np.allclose(adjusted.poses[[1, 2, 3, 5]], problem.poses[[1, 2, 3, 5]], atol=1e-15)
    assert np.array_equal(adjusted.points[3], problem.points[3])


def test_photos_from_one_spot_end_somewhere_finite() -> None:
    """No depth can be told: the points rest on the damping alone."""
    rng = np.random.default_rng(2)
    poses = np.column_stack([rng.normal(0, 0.05, (5, 3)), np.ones(5), np.zeros((5, 3))])
    poses[:, :4] /= np.linalg.norm(poses[:, :4], axis=1, keepdims=True)
    flat = changed(scene(5, 40, (2,), seen=1.1), poses=poses, points=rng.uniform([-1, -1, 3], [1, 1, 6], (40, 3)))
    adjusted = adjust(changed(flat, seen=projected(flat) + rng.normal(0, 0.3, flat.seen.shape)))
    assert np.isfinite(adjusted.points).all()
    assert adjusted.cost <= adjusted.initial_cost


@pytest.mark.parametrize(
    ("array", "value", "message"),
    [
        ("poses", np.nan, "pose is not finite"),
        ("points", np.inf, "point is not finite"),
        ("parameters", np.nan, "parameter is not finite"),
        ("seen", np.nan, "observation is not finite"),
        ("poses", 2.0, "unit length"),
        ("parameters", -1.0, "focal length"),
        ("photo", 99, "is not there"),
        ("photo", -1, "is not there"),
        ("point", 60, "is not there"),
        ("lens_of", 1, "lens is not there"),
        ("model", 6, "number 6"),
        ("model", 7, "number 7"),
        ("free_lens", 16, "fewer parameters"),
        ("free_pose", 64, "six unknowns"),
    ],
)
def test_a_problem_that_is_none_is_refused(array: str, value: float, message: str) -> None:
    problem = scene(4, 60, (2,))
    broken = getattr(problem, array).copy()
    broken.flat[0] = value
    with pytest.raises(ValueError, match=message):
        adjust(changed(problem, **{array: broken}))


def test_nothing_and_too_much_are_refused() -> None:
    problem = scene(4, 60, (2,))
    empty = changed(problem, photo=problem.photo[:0], point=problem.point[:0], seen=problem.seen[:0])
    with pytest.raises(ValueError, match="nothing to adjust"):
        adjust(empty)
    no_photos = changed(empty, poses=problem.poses[:0], lens_of=problem.lens_of[:0], free_pose=problem.free_pose[:0])
    with pytest.raises(ValueError, match="nothing to adjust"):
        adjust(no_photos)
    alone = problem.photo == 1
    with pytest.raises(ValueError, match="two photos"):
        adjust(changed(problem, photo=problem.photo[alone], point=problem.point[alone], seen=problem.seen[alone]))
    with pytest.raises(ValueError, match="differ in length"):
        adjust(changed(problem, photo=problem.photo[:-1]))
    for wrong in ({"scale": 0.0}, {"scale": np.nan}, {"tolerance": np.nan}, {"threads": 0}, {"most_iterations": -1}):
        with pytest.raises(ValueError, match="must"):
            adjust(problem, **wrong)
    from splatworker import _adjustment

    photos = adjustment.MOST_UNKNOWNS // 6 + 1
    many = changed(
        problem,
        poses=np.repeat(problem.poses[:1], photos, axis=0),
        lens_of=np.zeros(photos, np.int32),
        free_pose=np.full(photos, 63, np.uint8),
    )
    with pytest.raises(ValueError, match="more than 3072"):
        adjust(many)
    assert _adjustment.most_unknowns == adjustment.MOST_UNKNOWNS
