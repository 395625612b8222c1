"""The handler with masks, and with the object alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.answers import assert_error
from support.jobs import do, local_job

from splatworker.formats.ply import read_ply

pytestmark = pytest.mark.usefixtures("own_workspaces")


def test_a_job_of_the_object_alone(photos: list[Path], tmp_path: Path) -> None:
    """The splat that arrives, and all that is made of it, is the object; the answer says where it was."""
    target = tmp_path / "out" / "object.ply"
    outputs = {name: str(tmp_path / "out" / name) for name in ("splat", "quality")}
    job = local_job(photos, target, subject="object", outputs=outputs)
    answer = do(job, 'train=tune:stand_in_stages:SPLAT="ball"')
    assert answer["status"] == "success"
    told = answer["subject"]
    assert told["delivered"] == "object"
    splat = read_ply(target)
    assert len(splat) == answer["gaussians"] <= told["gaussians_of_scene"] == 600
    assert abs(splat.means[:, 1].min()) < 0.1  # it stands on 0
    assert len(told["object_from_scene"]) == 4
    assert "cameras" not in told
    assert json.loads((tmp_path / "out" / "quality").read_text())["subject"] == "object"
    assert (tmp_path / "out" / "splat").stat().st_size == 32 * len(splat)
    assert answer["timings"]["object"] > 0


def test_a_job_without_a_single_subject_gets_the_scene(photos: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "out" / "scene.ply"
    answer = do(local_job(photos, target, subject="object", outputs={"quality": str(tmp_path / "out" / "quality")}))
    assert answer["status"] == "success"
    assert answer["subject"] == {
        "delivered": "scene",
        "code": "no_single_subject",
        "reason": answer["subject"]["reason"],
    }
    assert f"{answer['subject']['reason']} The whole scene is delivered." in answer["warnings"]
    assert len(read_ply(target)) == answer["gaussians"] == 40
    assert json.loads((tmp_path / "out" / "quality").read_text())["subject"] == "scene"


def save_masks(
    folder: Path, photos: list[Path], keep: slice = slice(0, 80), size: tuple[int, int] = (160, 120)
) -> None:
    folder.mkdir()
    for photo in photos:
        grey = np.zeros(size[::-1], np.uint8)
        grey[:, keep] = 255
        Image.fromarray(grey).save(folder / f"{photo.stem}.png")


@pytest.mark.parametrize("mode", [{}, {"mask_mode": "cutout"}, {"mask_mode": "ignore", "invert_masks": True}])
def test_a_job_with_masks(photos: list[Path], tmp_path: Path, mode: dict[str, Any]) -> None:
    save_masks(tmp_path / "m", photos)
    urls = [str(tmp_path / "m" / f"{photo.stem}.png") for photo in photos[:-1]]
    answer = do(local_job(photos, tmp_path / "a.ply", mask_urls=[*urls, None], **mode))
    assert answer["status"] == "success", answer
    assert answer["photos"] == {"given": 6, "used": 6, "registered": 6, "rejected": [], "masked": 5}


def test_a_mask_that_cannot_be_used_costs_its_photo_and_is_told(photos: list[Path], tmp_path: Path) -> None:
    save_masks(tmp_path / "m", photos)
    save_masks(tmp_path / "square", photos[:1], size=(120, 120))
    urls = [str(tmp_path / "m" / f"{photo.stem}.png") for photo in photos]
    urls[0] = str(tmp_path / "square" / f"{photos[0].stem}.png")
    answer = do(local_job(photos, tmp_path / "a.ply", mask_urls=urls))
    assert answer["status"] == "success", answer
    ((index, reason),) = [(photo["index"], photo["reason"]) for photo in answer["photos"]["rejected"]]
    assert index == 0
    assert "is 120x120 pixels and the photo 160x120, which is another shape" in reason
    assert any("another shape" in warning for warning in answer["warnings"])


@pytest.mark.parametrize(("keep", "said"), [(slice(0, 0), "None of the 6 masks can be used"), (slice(0, 160), "a.ply")])
def test_masks_that_hide_all_or_nothing(photos: list[Path], tmp_path: Path, keep: slice, said: str) -> None:
    save_masks(tmp_path / "m", photos, keep)
    urls = [str(tmp_path / "m" / f"{photo.stem}.png") for photo in photos]
    answer = do(local_job(photos, tmp_path / "a.ply", mask_urls=urls))
    if keep.stop:
        assert answer["status"] == "success"
        assert "masked" not in answer["photos"]
    else:
        assert_error(answer, "invalid_masks", said, "hides all of it")


def test_masks_that_are_not_there(photos: list[Path], tmp_path: Path) -> None:
    answer = do(local_job(photos, tmp_path / "a.ply", mask_urls=[*[None] * 5, str(tmp_path / "none.png")]))
    assert answer["status"] == "success", answer
    assert [photo["reason"] for photo in answer["photos"]["rejected"]] == [
        "its mask is missing: the file does not exist"
    ]


def test_masks_that_are_all_gone_are_the_error_and_not_the_photos(photos: list[Path], tmp_path: Path) -> None:
    urls = [str(tmp_path / f"{number}.png") for number in range(6)]
    answer = do(local_job(photos, tmp_path / "a.ply", mask_urls=urls))
    assert_error(answer, "invalid_masks", "6 are left out for their masks", "its mask is missing")
