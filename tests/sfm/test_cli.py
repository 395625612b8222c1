"""The command line of the stage: what is wrong with it, and how it ends."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.sfm_runs import Run, gone
from support.waiting import PATIENCE_S


def test_a_terminated_stage_ends_soon_and_leaves_nothing(
    room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    arguments = ["sfm", str(room_photos[0]), "-o", str(tmp_path / "scene"), "--json"]
    for _ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-m", "splatworker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for line in child.stdout:
            if "matching" in line:
                break
        child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=PATIENCE_S)
        if child.returncode != 0:
            break
        shutil.rmtree(tmp_path / "scene")  # it had come to its end before this process came to the signal
    assert child.returncode == 1
    assert '"code": "cancelled"' in out.splitlines()[-1]
    assert gone(tmp_path / "scene")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [["--max-image-size", "0"], ["--camera-model", "FISHEYE"], ["--threads", "-1"]])
def test_a_wrong_command_line_is_status_2(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, option: list[str]
) -> None:
    run = sfm(room_photos[0], tmp_path / "scene", *option)
    assert run.status == 2
    assert run.events == []
