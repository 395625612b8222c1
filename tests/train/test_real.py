"""Training on real photos, from COLMAP's cameras: the held-out photos must look right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from splatworker.render.cpu import CpuRenderer
from splatworker.stages.progress import Silent
from splatworker.train.options import Options
from splatworker.train.trainer import train

PHOTOS = 17
SIDE = 640


@pytest.mark.real
def test_fox_held_out(tmp_path: Path) -> None:
    """17 neighbouring photos of the fox, 3 of them held out, 800 iterations at 180x320.

    Measured: 25.1 dB, 2 200 Gaussians.
    """
    scenes = os.environ.get("SPLATWORKER_SCENES")
    if not scenes or not (Path(scenes) / "fox").is_dir():
        pytest.skip("needs the real photo sets: set SPLATWORKER_SCENES to their folder")
    (tmp_path / "images").mkdir()
    for path in sorted((Path(scenes) / "fox").glob("*.jpg"))[:PHOTOS]:
        photo = Image.open(path)
        photo.thumbnail((SIDE, SIDE))
        photo.save(tmp_path / "images" / path.name, quality=95)
    command = [sys.executable, "-m", "splatworker", "sfm", str(tmp_path / "images"), "-o", str(tmp_path / "scene")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    options = Options(
        source_path=tmp_path / "scene",
        model_path=tmp_path / "model",
        eval=True,
        resolution=2,
        iterations=800,
        position_lr_max_steps=800,
        densify_from_iter=200,
        densify_until_iter=400,
        opacity_lr=0.05,
    )
    result = train(options, CpuRenderer(), Silent())
    assert result["photos"] == {"train": PHOTOS - 3, "test": 3}
    assert result["quality"]["test"]["psnr"] > 23.5
