"""Scores of photos, and the file that keeps them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from support.gaussian_scenes import look_at_camera, random_gaussians

from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import View
from splatworker.train.evaluate import PhotoScore, score_views, summary

BACKGROUND = torch.zeros(3)


def test_a_photo_that_is_what_is_drawn_scores_best_and_every_picture_is_seen() -> None:
    renderer, splat, camera = CpuRenderer(), random_gaussians(50, 1, seed=2), look_at_camera(seed=2)
    drawn = renderer.render(splat, camera, BACKGROUND, 1).clamp(0, 1)
    true = View(camera, (drawn * 255).round().to(torch.uint8))
    other = View(camera, 255 - true.photo)
    seen: list[str] = []
    scores = score_views(
        renderer, splat, ["true", "other"], [true, other], BACKGROUND, 1, lambda name, view, image: seen.append(name)
    )
    assert seen == ["true", "other"]
    assert scores[0].psnr > 50 > scores[1].psnr
    assert scores[0].ssim > 0.99 > scores[1].ssim


def test_a_summary_is_the_means_and_every_photo(tmp_path: Path) -> None:
    told = summary([PhotoScore("a", 20.0, 0.5), PhotoScore("b", 31.0, 1.0)])
    assert (told["psnr"], told["ssim"]) == (pytest.approx(25.5), pytest.approx(0.75))
    assert json.loads(json.dumps(told))["photos"][1] == {"name": "b", "psnr": 31.0, "ssim": 1.0}
