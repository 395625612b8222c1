"""The object alone of real photos: a shell on a stool, bananas on a carpet; a desk full of things has none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splatworker.export.pictures import SplatRenderer
from splatworker.export.subject import PLAIN
from splatworker.formats.camera import Camera
from splatworker.render.cpu import CpuRenderer
from splatworker.splat_files.registry import read_any

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

MOST_PHOTOS = 30

EXAMPLES = Path(__file__).parents[2] / "examples" / "photos"


def run(photos: Path, out: Path) -> dict[str, object]:
    every = sorted(photos.glob("*.jpg"))
    some = out.with_name("photos")
    some.mkdir()
    for path in every[:: -(-len(every) // MOST_PHOTOS)]:
        shutil.copy(path, some)
    command = [sys.executable, "-m", "splatworker", "run", str(some), "-o", str(out), "--subject", "object"]
    command += ["-p", "iterations=700", "-p", "preview=true", "--formats", "poster"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads((out / "result.json").read_text())["subject"]
    return told


@pytest.mark.parametrize(("name", "blue_or_grey"), [("conch", "blue"), ("banana", "grey")])
def test_a_real_object_and_nothing_of_what_is_around(name: str, blue_or_grey: str, tmp_path: Path) -> None:
    """The conch lies before blue paper, the bananas on a grey carpet: next to nothing that is shown is of that colour.

    Measured: 0.003 % and 0.14 %.
    """
    scenes = os.environ.get("SPLATWORKER_SCENES")
    if not scenes or not (Path(scenes) / name).is_dir():
        pytest.skip("needs the real photo sets: set SPLATWORKER_SCENES to their folder")
    told = run(Path(scenes) / name, tmp_path / "out")
    assert told["delivered"] == "object", told
    splat = read_any(tmp_path / "out" / "splat.ply")
    renderer = SplatRenderer(splat, CpuRenderer(), PLAIN)
    entries = json.loads((tmp_path / "out" / "object.json").read_text())["cameras"]
    wrong = shown = 0
    for entry in entries[:: max(1, len(entries) // 8)]:
        lens = {key: entry[key] for key in ("width", "height", "fx", "fy", "cx", "cy")}
        camera = Camera(**lens, camera_from_world=np.array(entry["camera_from_object"]))
        camera = camera.resized(camera.width // 4, camera.height // 4)
        covered = renderer.covered(camera) > 0.7
        red, _, blue = renderer.image(camera)
        grey = (np.abs(red - blue) < 0.04) & (red > 0.3)
        around = blue > red + 0.15 if blue_or_grey == "blue" else grey
        wrong, shown = wrong + int((around & covered).sum()), shown + int(covered.sum())
        assert covered.mean() > 0.01
    assert wrong < 0.005 * shown
    with Image.open(tmp_path / "out" / "poster.webp") as image:
        assert np.abs(np.asarray(image.convert("RGB"), float)[0] / 255 - PLAIN[0]).max() < 0.03


def test_a_desk_full_of_things_is_delivered_whole(tmp_path: Path) -> None:
    told = run(EXAMPLES, tmp_path / "out")
    assert told["delivered"] == "scene"
    assert told["code"] == "no_single_subject"
