"""The kernel of two-view geometry beside known photos, its twin in numpy, and COLMAP."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support import two_views
from support.two_views import FOCAL, SIZE, TwoPhotos, apart, degrees_between, photograph

from splatworker.sfm import database, features, matching, two_view
from splatworker.sfm.cameras import group_photos
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.layout import lay_out
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.pairs import all_pairs
from splatworker.sfm.photo import read_photos
from splatworker.sfm.two_view import STRICT, TwoView, View
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

if two_view.has_kernel():
    from splatworker import _two_view as kernel

pytestmark = pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")

PIXEL = 1 / FOCAL


def camera(model: str = "SIMPLE_RADIAL", *, known: bool = True, params: list[float] | None = None) -> pycolmap.Camera:
    made = pycolmap.Camera.create_from_model_name(1, model, FOCAL, SIZE, SIZE)
    if params:
        made.params = params
    made.has_prior_focal_length = known
    return made


def views(photos: TwoPhotos, of: pycolmap.Camera | None = None) -> tuple[View, View]:
    """As a photo with these points as its features gives them."""
    of = of or camera()
    first, second = (two_view.view_of(of, np.asarray(of.img_from_cam(p))) for p in with_depth(photos))
    return first, second


def with_depth(photos: TwoPhotos) -> tuple[np.ndarray, np.ndarray]:
    one, two = (np.c_[p, np.ones(len(p))] for p in (photos.first, photos.second))
    return one, two


def every(count: int) -> np.ndarray:
    return np.repeat(np.arange(count, dtype=np.uint32)[:, None], 2, axis=1)


def verify(photos: TwoPhotos, rules: two_view.Rules = two_view.USUAL, *, known: bool = True, seed: int = 0) -> TwoView:
    first, second = views(photos, camera(known=known))
    return two_view.verify(first, second, every(len(photos.first)), (1, 2), rules=rules, seed=seed)


def score(kind: str, model: np.ndarray, photos: TwoPhotos) -> tuple[float, int]:
    scale, (one, two) = np.full(len(photos.first), PIXEL), map(np.ascontiguousarray, (photos.first, photos.second))
    return kernel.score(kind, model, one, scale, two, scale, every(len(scale)), 4.0)


def refine(kind: str, model: np.ndarray, photos: TwoPhotos, most_steps: int = 50) -> tuple[np.ndarray, float, int]:
    scale, (one, two) = np.full(len(photos.first), PIXEL), map(np.ascontiguousarray, (photos.first, photos.second))
    return kernel.refine(kind, model, one, scale, two, scale, every(len(scale)), 4.0, most_steps)


# --- numbers by their number


def test_random_numbers_are_those_of_the_paper() -> None:
    """Known answers of Random123, the authors' own code."""
    most = 0xFFFFFFFF
    assert kernel.philox(0, 0, 0, 0, 0, 0).tolist() == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert kernel.philox(most, most, most, most, most, most).tolist() == [
        0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD,
    ]  # fmt: skip
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)
    assert kernel.philox(*pi).tolist() == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


# --- minimal solvers


def test_five_matches_give_the_essential_matrix() -> None:
    rng = np.random.default_rng(1)
    raw, polished = [], []
    for _ in range(200):
        photos = photograph(rng, 5)
        found = kernel.essentials(np.c_[photos.first, photos.second])
        best = min(found, key=lambda model: apart(model, photos.essential))
        raw.append(apart(best, photos.essential))
        polished.append(apart(refine("E", best, photos)[0], photos.essential))
    assert np.quantile(raw, 0.9) < 1e-9
    assert max(raw) < 1e-3  # where two solutions lie close to each other, each is known less well
    assert np.quantile(polished, 0.97) < 1e-9


def test_all_solutions_are_found_as_by_an_action_matrix() -> None:
    rng = np.random.default_rng(2)
    same = 0
    for _ in range(100):
        photos = photograph(rng, 5)
        found = kernel.essentials(np.c_[photos.first, photos.second])
        twins = two_views.essentials(photos.first, photos.second)
        same += len(found) == len(twins) and all(min(apart(twin, model) for model in found) < 1e-5 for twin in twins)
    assert same >= 95  # the rest have double roots, which either may miss


@pytest.mark.parametrize(("solver", "count", "flat"), [("fundamentals", 7, False), ("homographies", 4, True)])
def test_linear_solvers_are_exact(solver: str, count: int, flat: bool) -> None:
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(200):
        photos = photograph(rng, count, flat=flat)
        truth = photos.rotation + np.outer(photos.translation, two_views.PLANE) if flat else photos.essential
        found = getattr(kernel, solver)(np.c_[photos.first, photos.second])
        errors.append(min(apart(model, truth) for model in found))
    assert np.quantile(errors, 0.99) < 1e-9
    assert max(errors) < 1e-6


def test_solutions_are_what_they_are_called() -> None:
    photos = photograph(np.random.default_rng(4), 7)
    for model in kernel.fundamentals(np.c_[photos.first, photos.second]):
        assert abs(np.linalg.det(model)) < 1e-12
    five = TwoPhotos(photos.rotation, photos.translation, photos.first[:5], photos.second[:5])
    for model in kernel.essentials(np.c_[five.first, five.second]):
        values = np.linalg.svd(model, compute_uv=False)
        assert values[0] == pytest.approx(values[1], rel=1e-6)
        assert values[2] < 1e-6
        assert two_views.squared_errors("E", model, five.first, five.second, PIXEL).max() < 1e-12


@pytest.mark.parametrize("solver", ["essentials", "fundamentals", "homographies"])
def test_solvers_survive_what_has_no_solution(solver: str) -> None:
    count = {"essentials": 5, "fundamentals": 7, "homographies": 4}[solver]
    line = np.linspace(0, 1, count)
    for matches in (
        np.zeros((count, 4)),
        np.full((count, 4), 0.3),
        np.full((count, 4), np.nan),
        np.full((count, 4), 1e300),
        np.stack([line, line, 2 * line, line], axis=1),
    ):
        for model in getattr(kernel, solver)(matches):
            assert np.isfinite(model).all()
    with pytest.raises(ValueError, match="minimal"):
        getattr(kernel, solver)(np.zeros((count + 1, 4)))


# --- scores and refinement


@pytest.mark.parametrize("kind", ["E", "F", "H", "R"])
@pytest.mark.parametrize("count", [1, 7, 8, 129, 1000])
def test_the_score_is_that_of_its_twin(kind: str, count: int) -> None:
    rng = np.random.default_rng(count)
    photos = photograph(rng, count, flat=kind == "H", turn=kind == "R", noise_px=2.0, outliers=0.4)
    flat = photos.rotation + np.outer(photos.translation, two_views.PLANE)
    model = {"E": photos.essential, "F": photos.essential, "H": flat, "R": photos.rotation}[kind]
    found, inliers = score(kind, model, photos)
    errors = two_views.squared_errors(kind, model, photos.first, photos.second, PIXEL)
    expected = two_views.msac(errors, 4.0)
    assert found == pytest.approx(expected[0], rel=1e-3, abs=1e-3)  # in single precision
    assert abs(inliers - expected[1]) <= (np.abs(errors / 16 - 1) < 1e-3).sum()


@pytest.mark.parametrize("kind", ["E", "F", "H", "R"])
def test_refinement_ends_where_no_small_step_is_better(kind: str) -> None:
    rng = np.random.default_rng(6)
    photos = photograph(rng, 150, flat=kind == "H", turn=kind == "R", noise_px=1.0)
    flat = photos.rotation + np.outer(photos.translation, two_views.PLANE)
    truth = {"E": photos.essential, "F": photos.essential, "H": flat, "R": photos.rotation}[kind]

    def cost(model: np.ndarray) -> float:
        errors = two_views.squared_errors(kind, model, photos.first, photos.second, PIXEL)
        return 16 * two_views.msac(errors, 4.0)[0]

    model, found, _ = refine(kind, truth, photos)
    assert found == pytest.approx(cost(model), rel=1e-9)
    assert found < cost(truth)
    for _ in range(40):  # through the same parameters, by way of a few matches' worth of noise
        nudge = two_views.turned_by(rng.normal(size=3) * 1e-4)
        assert cost(model @ nudge) >= found * (1 - 1e-7)
    again, same, _ = refine(kind, model, photos)
    assert apart(again, model) < 1e-6
    assert same == pytest.approx(found, rel=1e-9)


# --- whole pairs


@pytest.mark.parametrize(
    ("outliers", "known"),
    [(0.0, True), (0.2, True), (0.5, True), (0.7, True), (0.8, True), (0.0, False), (0.2, False), (0.5, False)],
)
def test_the_true_matches_are_found_among_wrong_ones(outliers: float, known: bool) -> None:
    """Of 70 % wrong ones seven right ones are met in 4600 trials, beyond the most that are made."""
    photos = photograph(np.random.default_rng(11), 400, noise_px=0.7, outliers=outliers)
    found = verify(photos, known=known)
    right = set(range(int(400 * outliers), 400))
    assert found.configuration == ("CALIBRATED" if known else "UNCALIBRATED")
    assert len(right & set(found.inliers.tolist())) >= 0.97 * len(right)
    assert len(set(found.inliers.tolist()) - right) <= 0.05 * 400
    if known:
        assert found.rotation is not None
        assert found.translation is not None
        assert degrees_between(found.rotation, photos.rotation) < 0.3
        assert degrees_between(found.translation, photos.translation) < 1.5
        assert found.angle > 0.05


@pytest.mark.parametrize("outliers", [0.0, 0.5])
def test_a_flat_subject_is_called_flat(outliers: float) -> None:
    photos = photograph(np.random.default_rng(12), 300, flat=True, noise_px=0.5, outliers=outliers)
    found = verify(photos)
    assert found.configuration == "PLANAR"
    assert found.rotation is not None
    assert found.translation is not None
    assert len(found.inliers) >= 0.95 * 300 * (1 - outliers)
    truth = photos.rotation + np.outer(photos.translation, two_views.PLANE)
    assert found.H is not None
    assert apart(found.H, truth) < 0.01
    assert verify(photos, known=False).configuration == "PLANAR_OR_PANORAMIC"


def test_a_turn_is_called_a_turn() -> None:
    photos = photograph(np.random.default_rng(13), 300, turn=True, noise_px=0.5, outliers=0.3)
    found = verify(photos)
    assert found.configuration == "PANORAMIC"
    assert found.rotation is not None
    assert found.translation is not None
    assert degrees_between(found.rotation, photos.rotation) < 0.1
    assert found.translation.tolist() == [0, 0, 0]


def test_wrong_focal_lengths_are_not_believed() -> None:
    photos = photograph(np.random.default_rng(14), 400, noise_px=0.3)
    stretched = dataclasses.replace(photos, first=photos.first * 3, second=photos.second / 2)
    assert verify(photos).configuration == "CALIBRATED"
    assert verify(stretched).configuration == "UNCALIBRATED"


@pytest.mark.parametrize(
    "lens", [("SIMPLE_RADIAL", [FOCAL, 600, 600, -0.15]), ("OPENCV_FISHEYE", [500, 500, 600, 600, 0.02, 0, 0, 0])]
)
def test_a_lens_is_taken_out_first(lens: tuple[str, list[float]]) -> None:
    photos = photograph(np.random.default_rng(15), 300, outliers=0.3)
    first, second = views(photos, camera(lens[0], params=lens[1]))
    found = two_view.verify(first, second, every(300), (1, 2), rules=dataclasses.replace(two_view.USUAL, max_error=1.0))
    assert found.configuration == "CALIBRATED"
    assert set(range(90, 300)) <= set(found.inliers.tolist())
    assert found.translation is not None
    assert degrees_between(found.translation, photos.translation) < 0.2  # a wrong match may fit


def test_a_scale_is_how_much_a_pixel_is() -> None:
    of = camera("OPENCV_FISHEYE", params=[500, 500, 600, 600, 0, 0, 0, 0])
    view = two_view.view_of(of, np.array([[600.0, 600.0], [1000.0, 600.0]]))
    assert view.scales[0] == pytest.approx(1 / 500, rel=1e-3)
    angle = 400 / 500
    radial, across = 1 / np.cos(angle) ** 2 / 500, np.tan(angle) / 400
    assert view.scales[1] == pytest.approx(np.sqrt(radial * across), rel=1e-2)
    assert two_view.view_of(of, np.zeros((0, 6), np.float32)).points.shape == (0, 2)


# --- what proves nothing


def degenerate() -> dict[str, TwoPhotos]:
    rng = np.random.default_rng(16)
    photos = photograph(rng, 60)
    line = np.linspace(-0.5, 0.5, 60)
    three = rng.integers(0, 3, 60)
    holes = photos.first.copy()
    holes[:50] = np.nan

    def of(first: np.ndarray, second: np.ndarray) -> TwoPhotos:
        return TwoPhotos(photos.rotation, photos.translation, first, second)

    return {
        "all the same": of(np.full((60, 2), 0.1), np.full((60, 2), 0.2)),
        "one in the second": of(photos.first, np.full((60, 2), 0.2)),
        "on a line": of(np.c_[line, line / 3], np.c_[line / 2, line]),
        "on a line in one": of(photos.first, np.c_[photos.second[:, 0], photos.second[:, 0] / 2]),
        "three places": of(photos.first[three], photos.second[three]),
        "not numbers": of(np.full((60, 2), np.nan), photos.second),
        "mostly not numbers": of(holes, photos.second),
        "infinite": of(np.full((60, 2), np.inf), photos.second),
        "far beyond": of(np.full((60, 2), 1e200), np.full((60, 2), -1e200)),
        "none": of(np.zeros((0, 2)), np.zeros((0, 2))),
        "one": of(photos.first[:1], photos.second[:1]),
        "fewer than minimal": of(photos.first[:4], photos.second[:4]),
        "fewer than demanded": of(photos.first[:14], photos.second[:14]),
        "at random": of(rng.uniform(-0.5, 0.5, (300, 2)), rng.uniform(-0.5, 0.5, (300, 2))),
        "in the wrong order": of(photos.first, photos.second[rng.permutation(60)]),
    }


@pytest.mark.parametrize("name", degenerate())
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("rules", [two_view.USUAL, STRICT], ids=["usual", "strict"])
def test_matches_that_prove_nothing_verify_nothing(name: str, known: bool, rules: two_view.Rules) -> None:
    photos = degenerate()[name]
    count = len(photos.first)
    lens = camera(known=known)
    one, two = (View(lens, np.ascontiguousarray(p), np.full(count, PIXEL), p) for p in (photos.first, photos.second))
    found = two_view.verify(one, two, every(count), (1, 2), rules=rules)
    assert found.configuration == "DEGENERATE"
    assert len(found.inliers) == 0
    assert found.rotation is None
    geometry = two_view.to_colmap(found, one, two, every(count))
    assert geometry.inlier_matches.shape == (0, 2)


def test_unrelated_photos_are_not_verified_by_chance() -> None:
    """COLMAP's fifteen matches are met by chance among 200 in most of such pairs."""
    rng = np.random.default_rng(17)
    verified = 0
    for seed in range(20):
        photos = photograph(rng, 200)
        shuffled = dataclasses.replace(photos, second=photos.second[rng.permutation(200)])
        verified += verify(shuffled, known=bool(seed % 2), seed=seed).configuration != "DEGENERATE"
    assert verified == 0


def test_a_match_of_what_is_not_there_is_refused() -> None:
    first, second = views(photograph(np.random.default_rng(18), 20))
    with pytest.raises(IndexError):
        two_view.verify(first, second, np.array([[0, 20]], np.uint32), (1, 2))
    with pytest.raises(ValueError, match="scales"):
        two_view.verify(dataclasses.replace(first, scales=first.scales[:3]), second, every(20), (1, 2))


# --- the same bytes


def bytes_of(found: TwoView) -> bytes:
    arrays = (found.inliers, found.E, found.F, found.H, found.rotation, found.translation)
    return b"".join(b"-" if array is None else array.tobytes() for array in arrays) + str(found.trials).encode()


def crowd(count: int) -> list[TwoPhotos]:
    rng = np.random.default_rng(19)
    return [photograph(rng, 60 + 10 * k, flat=k % 3 == 1, noise_px=1.0, outliers=0.1 * (k % 8)) for k in range(count)]


def test_threads_and_order_change_nothing() -> None:
    pairs = [(views(photos, camera(known=k % 2 == 0)), (k, k + 1)) for k, photos in enumerate(crowd(16))]

    def work(k: int) -> bytes:
        (first, second), ids = pairs[k]
        return bytes_of(two_view.verify(first, second, every(len(first.points)), ids, seed=5))

    alone = [work(k) for k in range(16)]
    with ThreadPoolExecutor(4) as pool:
        backwards = list(pool.map(work, reversed(range(16))))
    assert alone == backwards[::-1]


def test_a_seed_and_a_pair_draw_their_own_samples() -> None:
    photos = photograph(np.random.default_rng(20), 300, noise_px=1.5, outliers=0.6)
    first, second = views(photos)
    few = dataclasses.replace(two_view.USUAL, max_trials=2)
    found = {
        (seed, pair): tuple(two_view.verify(first, second, every(300), pair, rules=few, seed=seed).explained.values())
        for seed in (0, 1, 2**40)
        for pair in ((1, 2), (1, 3), (2, 3))
    }
    assert len(set(found.values())) == 9


def test_every_instruction_set_gives_the_same(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import importlib.util as u\n"
        "spec = u.spec_from_file_location('t', sys.argv[2]); t = u.module_from_spec(spec)\n"
        "sys.modules['t'] = t; spec.loader.exec_module(t)\n"
        "print(t.kernel.instruction_set()); print(*(t.bytes_of(t.verify(p)).hex() for p in t.crowd(12)))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code, Path(__file__).parents[1], __file__],
            env=dict(os.environ, SPLATWORKER_ISA=isa),
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        for isa in ("baseline", "")
    ]
    assert said[0][0] == "plain"
    assert said[0][1] == said[1][1]


# --- the stricter tests


def test_strictly_only_what_lies_before_both_cameras_counts() -> None:
    photos = photograph(np.random.default_rng(21), 200)
    behind = np.arange(40)
    depths = np.linspace(3, 6, 40)
    rays = np.c_[photos.first[behind], np.ones(40)] * -depths[:, None]  # the same lines of sight, the other way
    seen = rays @ photos.rotation.T + photos.translation
    second = photos.second.copy()
    second[behind] = seen[:, :2] / seen[:, 2:]
    mixed = dataclasses.replace(photos, second=second)
    assert set(behind) <= set(verify(mixed).inliers.tolist())
    strict = verify(mixed, STRICT)
    assert strict.configuration == "CALIBRATED"
    assert not set(behind) & set(strict.inliers.tolist())
    assert len(strict.inliers) > 140


def test_strictly_nothing_near_an_epipole_counts() -> None:
    rng = np.random.default_rng(22)
    points = np.c_[rng.uniform(-1, 1, (400, 2)), rng.uniform(3, 6, 400)]
    points[:60, :2] *= 0.03  # ahead, where the camera goes
    forward = np.array([0.0, 0.0, -1.0])
    seen = points + forward
    photos = TwoPhotos(np.eye(3), forward, points[:, :2] / points[:, 2:], seen[:, :2] / seen[:, 2:])
    kept = set(verify(photos, STRICT).inliers.tolist())
    assert set(range(60)) <= set(verify(photos).inliers.tolist())
    assert not kept & set(range(60))
    angle = np.degrees(np.arctan(np.linalg.norm(photos.first, axis=1)))
    assert kept == set(np.flatnonzero(angle > 3).tolist()) or len(kept) > 0.95 * (angle > 3).sum()
    assert not kept & set(np.flatnonzero(angle < 2.9).tolist())


def test_strictly_a_quarter_of_the_matches_must_hold() -> None:
    rng = np.random.default_rng(23)
    assert verify(photograph(rng, 400, outliers=0.7), STRICT).configuration == "CALIBRATED"
    assert verify(photograph(rng, 400, outliers=0.8), STRICT).configuration == "DEGENERATE"
    assert verify(photograph(rng, 29), STRICT).configuration == "DEGENERATE"
    assert verify(photograph(rng, 400, noise_px=2.5), STRICT).configuration in ("DEGENERATE", "CALIBRATED")


# --- in COLMAP's terms


def test_models_are_those_of_pixels_in_colmaps_database(tmp_path: Path) -> None:
    photos = photograph(np.random.default_rng(24), 200)
    lens = camera()
    first, second = views(photos, lens)
    found = two_view.verify(first, second, every(200), (1, 2))
    path = tmp_path / "database.db"
    with pycolmap.Database.open(path) as opened:
        opened.write_camera(lens, use_camera_id=True)
        for image_id in (1, 2):
            image = pycolmap.Image(name=str(image_id), camera_id=1, image_id=image_id)
            opened.write_image(image, use_image_id=True)
        opened.write_two_view_geometry(1, 2, two_view.to_colmap(found, first, second, every(200)))
        read = opened.read_two_view_geometry(1, 2)
    assert pycolmap.TwoViewGeometryConfiguration(read.config) == pycolmap.TwoViewGeometryConfiguration.CALIBRATED
    one, two = (np.c_[view.pixels, np.ones(200)] for view in (first, second))
    lines = one @ np.asarray(read.F).T
    distance = np.abs((two * lines).sum(axis=1)) / np.linalg.norm(lines[:, :2], axis=1)
    assert distance.max() < 1e-3
    assert read.cam2_from_cam1 is not None
    pose = read.cam2_from_cam1.matrix()
    np.testing.assert_allclose(pose[:, :3], photos.rotation, atol=1e-6)
    np.testing.assert_allclose(pose[:, 3], photos.translation, atol=1e-5)
    assert apart(np.asarray(read.E), photos.essential) < 1e-6
    np.testing.assert_array_equal(read.inlier_matches, every(200))


def test_a_homography_is_one_of_pixels() -> None:
    photos = photograph(np.random.default_rng(25), 200, flat=True)
    first, second = views(photos)
    found = two_view.verify(first, second, every(200), (1, 2))
    geometry = two_view.to_colmap(found, first, second, every(200))
    mapped = np.c_[first.pixels, np.ones(200)] @ np.asarray(geometry.H).T
    assert np.abs(mapped[:, :2] / mapped[:, 2:] - second.pixels).max() < 1e-3


def test_what_is_written_at_the_edge_is_a_watermark() -> None:
    rng = np.random.default_rng(26)
    lens = camera()
    words = np.c_[rng.uniform(20, 1150, 80), rng.uniform(1080, 1160, 80)]
    first, second = two_view.view_of(lens, words), two_view.view_of(lens, words + np.array([2.0, 1.0]))
    assert two_view.is_watermark(first, second, every(80))
    other = two_view.view_of(lens, words + rng.uniform(-40, 40, (80, 2)))
    assert not two_view.is_watermark(first, other, every(80))
    above = two_view.view_of(lens, words - np.array([0.0, 1060.0]))  # ground that a drone has passed over
    assert not two_view.is_watermark(first, above, every(80))
    inside = two_view.view_of(lens, rng.uniform(400, 800, (80, 2)))
    assert not two_view.is_watermark(inside, inside, every(80))
    found = two_view.verify(first, second, every(80), (1, 2))
    config = pycolmap.TwoViewGeometryConfiguration(two_view.to_colmap(found, first, second, every(80)).config)
    assert config == pycolmap.TwoViewGeometryConfiguration.WATERMARK


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("flat", [True, False])
def test_colmap_finds_the_same(known: bool, flat: bool) -> None:
    """An independent reference: as many inliers within a few, and the same pose."""
    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.random_seed = 0
    options.compute_relative_pose = True
    rng = np.random.default_rng(27)
    for outliers in (0.1, 0.4):
        photos = photograph(rng, 300, flat=flat, noise_px=0.7, outliers=outliers)
        lens = camera(known=known)
        first, second = views(photos, lens)
        reference = pycolmap.estimate_two_view_geometry(
            lens, first.pixels, lens, second.pixels, every(300), options
        )  # fmt: skip
        found = two_view.verify(first, second, every(300), (1, 2))
        assert len(found.inliers) == pytest.approx(len(reference.inlier_matches), rel=0.04)
        if known and not flat:
            assert reference.cam2_from_cam1 is not None
            pose = reference.cam2_from_cam1.matrix()
            assert found.rotation is not None
            assert found.translation is not None
            assert degrees_between(found.rotation, pose[:, :3]) < 0.5
            assert degrees_between(found.translation, pose[:, 3]) < 3


@pytest.mark.real
@pytest.mark.parametrize("name", ["sceaux", "banana"])
def test_real_pairs_are_as_colmap_has_them(real_set: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    """The same matches of real photos: as many hold, within a few per cent, and shuffled none do."""
    images = real_set(name)
    photos, _ = read_photos(images)
    bench = Workbench(tmp_path, tmp_path / "photos", SfmOptions(device="cpu"), 2)
    span = Span(Silent(), "", 0.0, 1.0)
    photos = lay_out(photos, images, bench, span)
    database.create(bench.database, photos, group_photos(photos, [images / photo.name for photo in photos]), "auto")
    features.extract(bench, features.FAST, span)
    matching.match(bench, all_pairs(len(photos)), span)
    options = matching.verification(SfmOptions())
    ours, theirs, wrong = [], [], 0
    with pycolmap.Database.open(bench.database) as opened:
        cameras = {image.image_id: opened.read_camera(image.camera_id) for image in opened.read_all_images()}
        seen = {i: two_view.view_of(cameras[i], database.keypoints_of(opened, i)) for i in cameras}
        for pair_id, matches in zip(*opened.read_all_matches(), strict=True):
            pair = pycolmap.pair_id_to_image_pair(pair_id)
            one, two = (seen[image_id] for image_id in pair)
            found = two_view.verify(one, two, np.asarray(matches), pair)
            reference = pycolmap.estimate_two_view_geometry(
                one.camera, one.pixels, two.camera, two.pixels, matches, options
            )
            ours.append(len(found.inliers))
            theirs.append(len(reference.inlier_matches))
            shuffled = np.c_[matches[:, 0], np.random.default_rng(0).permutation(matches[:, 1])]
            wrong += two_view.verify(one, two, shuffled, pair).configuration != "DEGENERATE"
    assert sum(ours) == pytest.approx(sum(theirs), rel=0.03)
    strong = [(a, b) for a, b in zip(ours, theirs, strict=True) if b >= 60]
    assert len(strong) > 20
    assert all(a > 0.85 * b for a, b in strong)
    assert wrong == 0
