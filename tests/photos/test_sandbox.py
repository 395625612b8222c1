"""A decoder that crashes, hangs or swells up costs one photo, whatever it was given."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from support.jobs import write_photos

from splatworker.photos import decode, sandbox
from splatworker.photos.decode import Decoded
from splatworker.photos.picture import Picture
from splatworker.stages.progress import Silent


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


def run(source: Path) -> Decoded:
    sandbox.load_decoders()
    return decode.decode_folder(source, source.parent / "out", Silent())


def test_a_decoder_that_crashes_costs_one_photo(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(source, 3)
    real = sandbox._open

    def crash(path: Path, max_size: int) -> Picture:
        if path.name == "IMG_0002.jpg":
            faulthandler.disable()  # pytest's; its report would only confuse
            os.kill(os.getpid(), signal.SIGSEGV)
        return real(path, max_size)

    monkeypatch.setattr(sandbox, "_open", crash)
    decoded = run(source)
    assert [photo["name"] for photo in decoded.photos] == ["IMG_0001.jpg", "IMG_0003.jpg"]
    assert decoded.rejected == [{"index": 1, "name": "IMG_0002.jpg", "reason": "it crashes the decoder"}]


@pytest.mark.parametrize("block_alarm", [False, True])
def test_a_decoder_that_hangs_costs_one_photo(source: Path, monkeypatch: pytest.MonkeyPatch, block_alarm: bool) -> None:
    write_photos(source, 2)
    real = sandbox._open

    def hang(path: Path, max_size: int) -> Picture:
        if path.name == "IMG_0001.jpg":
            if block_alarm:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
            time.sleep(3600)
        return real(path, max_size)

    begin = sandbox.start

    def start(path: Path, *more: Any) -> tuple[int, int]:
        monkeypatch.setattr(sandbox, "MOST_SECONDS", 1 if path.name == "IMG_0001.jpg" else 600)
        return begin(path, *more)

    monkeypatch.setattr(sandbox, "_open", hang)
    monkeypatch.setattr(sandbox, "start", start)
    monkeypatch.setattr(decode, "GRACE_S", 1)
    decoded = run(source)
    assert [photo["name"] for photo in decoded.photos] == ["IMG_0002.jpg"]
    assert "too long" in decoded.rejected[0]["reason"]


def test_a_decoder_that_swells_costs_one_photo(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(source, 2)
    real = sandbox._open

    def swell(path: Path, max_size: int) -> Picture:
        if path.name == "IMG_0001.jpg":
            bytearray(sandbox.MOST_MEMORY + (1 << 28))  # more than Python itself may give back meanwhile
        return real(path, max_size)

    monkeypatch.setattr(sandbox, "_open", swell)
    decoded = run(source)
    assert "memory" in decoded.rejected[0]["reason"]
