"""The film: H.264 that players play, of the length it should have, and no half-written file."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.exports import Exported

from splatworker.errors import SplatError
from splatworker.export.film import encoder, write_film
from splatworker.export.render_budget import ON_CPU, ON_GPU


def described(path: Path) -> str:
    return subprocess.run([encoder(), "-i", path], capture_output=True, text=True, check=False).stderr


def frames(path: Path, width: int, height: int) -> np.ndarray:
    command: list[str | Path] = [
        encoder(),
        "-loglevel",
        "error",
        "-i",
        path,
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    ]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def boxes(path: Path) -> list[bytes]:
    """The types of an MP4's outermost boxes, in order."""
    data, found, place = path.read_bytes(), [], 0
    while place < len(data):
        found.append(data[place + 4 : place + 8])
        place += int.from_bytes(data[place : place + 4], "big")
    return found


def test_the_turntable_is_what_every_player_plays(exported: Exported) -> None:
    path = exported.folder / "turntable.mp4"
    told = described(path)
    assert re.search(r"Video: h264 .*yuv420p\(tv, bt709.* 640x360", told)
    assert "Audio" not in told
    assert f" {ON_CPU.film_rate} fps" in told
    seconds = re.search(r"Duration: 00:00:(\d+\.\d+)", told)
    assert seconds is not None
    assert 6 <= float(seconds[1]) <= 10
    assert boxes(path).index(b"moov") < boxes(path).index(b"mdat")  # it can be played before all of it is there


def test_the_turntable_moves_all_the_time_and_ends_where_it_began(exported: Exported) -> None:
    film = frames(exported.folder / "turntable.mp4", 640, 360).astype(float)
    assert len(film) == ON_CPU.film_rate * ON_CPU.film_seconds
    steps = np.abs(np.diff(film, axis=0)).mean(axis=(1, 2, 3))
    assert steps.min() > 0.3
    assert np.abs(film[-1] - film[0]).mean() < 3 * np.median(steps)
    upper, lower = film[:, :180, 200:440].mean(axis=(1, 2)), film[:, 180:, 200:440].mean(axis=(1, 2))
    assert (upper[:, 2] > upper[:, 1]).all()  # blue is above, from all around
    assert (lower[:, 1] > lower[:, 2]).all()


def test_films_last_six_to_ten_seconds() -> None:
    for effort in (ON_CPU, ON_GPU):
        assert 6 <= effort.film_seconds <= 10


def test_colours_survive(tmp_path: Path) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, :48], picture[:, 48:] = (200, 40, 60), (30, 90, 220)
    write_film(tmp_path / "a.mp4", [picture] * 10, 96, 64, 10)
    back = frames(tmp_path / "a.mp4", 96, 64)
    assert len(back) == 10
    assert np.abs(back[5, 8:-8, 8:40].astype(int) - (200, 40, 60)).max() < 8
    assert np.abs(back[5, 8:-8, 56:-8].astype(int) - (30, 90, 220)).max() < 8


def test_an_encoder_that_refuses_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SplatError, match="could not be encoded"):
        write_film(tmp_path / "a.mp4", [np.zeros((63, 95, 3), np.uint8)] * 3, 95, 63, 10)
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_fail_leave_nothing(tmp_path: Path) -> None:
    def pictures() -> Iterator[np.ndarray]:
        yield np.zeros((64, 96, 3), np.uint8)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_film(tmp_path / "a.mp4", pictures(), 96, 64, 10)
    assert list(tmp_path.iterdir()) == []
