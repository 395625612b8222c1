"""Photos of one size that several lenses took: by what their own cameras draw they are put to one each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import photo_sets
from support.reconstructions import camera, group
from support.sfm_runs import Run

from splatworker.formats.scene import read_scene
from splatworker.sfm import (
    database,
    features,
    lens_groups,
    matching,
    remarks,
)
from splatworker.sfm.cameras import CameraGroup, group_photos
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.compare import compare_poses
from splatworker.sfm.fisheye_photos import fisheyes_among
from splatworker.sfm.graph import read_graph
from splatworker.sfm.layout import lay_out
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.pairs import all_pairs
from splatworker.sfm.photo import PhotoHeader, read_photos
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

SPAN = Span(Silent(), "", 0.0, 1.0)
FISHEYE, PHONE = 190.0, 360.0
"""480 pixels are 145 and 67 degrees wide."""


def take(folder: Path, count: int, bent: Callable[[int], bool]) -> dict[str, np.ndarray]:
    """Photos of the hall, some by a fisheye and the others by a phone; the pose of each."""
    folder.mkdir()
    taken = {}
    for number, angle in enumerate(np.radians(np.linspace(-50, 50, count))):
        center = np.array([1.2 * np.sin(angle), 1.2 + 0.3 * (number % 2), 0.9 + 0.6 * np.cos(angle)])
        pose = photo_sets.look_at(center, np.array([0.3 * np.sin(3 * number), 0.9, -1.2]), 0.05 * np.sin(number))
        rays = (
            photo_sets.fisheye_rays(480, 360, FISHEYE, -0.02)
            if bent(number)
            else photo_sets.pinhole_rays(480, 360, PHONE)
        )
        taken[f"{number}.jpg"] = pose
        photo_sets.save(photo_sets.photograph(photo_sets.hall(), pose, rays), folder / f"{number}.jpg")
    return taken


def test_which_photos_a_fisheye_took_is_seen_by_their_pairs(tmp_path: Path) -> None:
    take(tmp_path / "photos", 8, lambda number: number % 2 == 1)
    bench = Workbench(tmp_path, tmp_path / "laid", SfmOptions(device="cpu"), 2)
    photos, _ = read_photos(tmp_path / "photos")
    photos = lay_out(photos, tmp_path / "photos", bench, SPAN)
    (both,) = group_photos(photos, [tmp_path / "photos" / photo.name for photo in photos])
    database.create(bench.database, photos, [both], "auto")
    features.extract(bench, features.FAST, SPAN)
    matching.match(bench, all_pairs(8), SPAN)
    inliers = read_graph(bench.database).inliers
    found = fisheyes_among(bench, both, range(1, 9), inliers)
    assert found.images == {2, 4, 6, 8}
    assert found.focal == pytest.approx(FISHEYE, rel=0.2)
    alone = {pair: count for pair, count in inliers.items() if not set(pair) & found.images}
    assert not fisheyes_among(bench, both, {1, 3, 5, 7}, alone).images
    for one in (2, 4, 6):  # a single fisheye, of which no partner is one
        some = {pair: count for pair, count in inliers.items() if not set(pair) & found.images - {one}}
        assert fisheyes_among(bench, both, {1, 3, 5, 7, one}, some).images == {one}


def test_lenses_that_draw_alike_are_one() -> None:
    lenses = {
        1: camera(560),
        2: camera(563),
        3: camera(700),
        4: camera(556, 0.004),
        5: camera(705),
        6: camera(560, 0.5),
    }
    assert lens_groups._alike(lenses) == [[1, 2, 4], [3, 5], [6]]
    bent = pycolmap.Camera.create_from_model_name(1, "SIMPLE_RADIAL_FISHEYE", 560, 640, 480)
    assert lens_groups._alike({1: camera(560), 2: bent}) == [[1], [2]], "of one focal length"
    assert lens_groups._alike({}) == []


def test_what_is_said_of_them() -> None:
    def part(names: str, focal: float, told: str = "ordinary") -> CameraGroup:
        photos = tuple(PhotoHeader(f"{name}.jpg", 640, 480) for name in names)
        return CameraGroup(photos, focal, False, told=told)  # type: ignore[arg-type]

    def said(*groups: CameraGroup, doubtful: bool = False) -> list[str]:
        return list(remarks.of_lenses(groups, {1: 530.0} if len(groups) == 6 else {}, doubtful=doubtful))

    (sentence,) = said(part("abc", 520.4), part("d", 190.2, "fisheye"), group(3))
    assert (
        "several lenses, or zoomed: 3 photos (a.jpg, b.jpg, c.jpg) with a focal length of 520 pixels, d.jpg" in sentence
    )
    assert "d.jpg with a fisheye's of 190 pixels. Each lens got a camera of its own." in sentence
    (sentence,) = said(part("a", 520), part("b", 610), part("c", 480))
    assert sentence.startswith("3 photos were taken with as many focal lengths, from 480 to 610 pixels")
    assert said(group(3), part("abc", 500)) == []
    (sentence,) = said(group(3), doubtful=True)
    assert "could not be told apart" in sentence
    (sentence,) = said(*(part("ab", 500 + 50 * number) for number in range(6)))
    assert "and 2 more" in sentence
    assert "2 photos (a.jpg, b.jpg) with a focal length of 530 pixels, " in sentence, "as it came out"


@pytest.mark.slow
@pytest.mark.parametrize("zoom", [1.12, 1.7])
def test_a_zoom_that_no_header_tells(sfm: Callable[..., Run], tmp_path: Path, zoom: float) -> None:
    poses = photo_sets.arc(12)
    truth = photo_sets.take(tmp_path / "photos", photo_sets.room(), poses)
    for number in range(2, 13, 2):
        picture = photo_sets.photograph(
            photo_sets.room(), poses[number - 1], photo_sets.pinhole_rays(focal=zoom * photo_sets.FOCAL)
        )
        photo_sets.save(picture, tmp_path / "photos" / f"photo {number}.jpg")
    run = sfm(tmp_path / "photos", tmp_path / "scene", "--undistort-max-size", "64")
    assert run.result["registered"] == 12
    cameras = json.loads((tmp_path / "scene" / "report.json").read_text())["cameras"]
    assert [len(one["photos"]) for one in cameras] == [6, 6]
    focals = [photo_sets.FOCAL, zoom * photo_sets.FOCAL]
    assert [one["params"]["f"] for one in cameras] == pytest.approx(focals, rel=0.01)
    demand_true(tmp_path / "scene", truth)


@pytest.mark.slow
def test_an_ordinary_lens_and_a_fisheye_of_one_size(sfm: Callable[..., Run], tmp_path: Path) -> None:
    truth = take(tmp_path / "photos", 14, lambda number: number % 2 == 1)
    run = sfm(tmp_path / "photos", tmp_path / "scene", "--undistort-max-size", "64")
    assert run.result["registered"] == 14
    cameras = json.loads((tmp_path / "scene" / "report.json").read_text())["cameras"]
    assert sorted((one["model"], len(one["photos"])) for one in cameras) == [
        ("SIMPLE_RADIAL", 7),
        ("SIMPLE_RADIAL_FISHEYE", 7),
    ]
    demand_true(tmp_path / "scene", truth)


def demand_true(scene: Path, truth: dict[str, np.ndarray]) -> None:
    found = {photo.name: photo.camera.camera_from_world for photo in read_scene(scene).photos}
    difference = compare_poses(found, truth)
    assert difference.rotation_deg.max() < 0.3
    assert difference.position.max() < 0.005
