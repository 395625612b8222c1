"""The decoder that belongs to this installation, and what it may not do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import clips, container_bombs
from support.clips import made_by, refusal
from support.waiting import wait_until

from splatworker.video import ffmpeg


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a pan."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(range(0, 180, 3)))


def test_more_memory_than_it_may_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (
        "-f",
        "lavfi",
        "-i",
        "color=size=4000x3000:rate=10:duration=0.6",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
    )
    large = made_by(tmp_path, "large.mp4", *words)
    monkeypatch.setattr(ffmpeg, "MOST_MEMORY", 290 * 2**20)
    monkeypatch.setattr(ffmpeg, "available_cpus", lambda: 2)  # each of which keeps a frame
    error = refusal(large, tmp_path)
    assert error.code == "video_too_large"
    assert "memory" in error.message


def test_too_long_by_the_clock(clip: Path) -> None:
    endless = ffmpeg.reading(clip, "mov", before=["-stream_loop", "-1"])
    ended = ffmpeg.call([*endless, "-f", "null", "-"], clip.parent, seconds=0.001)
    assert ended.timed_out


def test_the_decoder_is_the_pinned_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    ffmpeg.program.cache_clear()
    assert "imageio_ffmpeg" in str(ffmpeg.program())


def test_the_decoder_has_no_network_and_no_other_demuxer(clip: Path, tmp_path: Path) -> None:
    for words in (
        ["-i", "http://127.0.0.1:9/clip.mp4"],
        ["-f", "hls", "-i", str(clip)],
        ["-f", "avi", "-i", str(clip)],
    ):
        ended = ffmpeg.call([*ffmpeg.reading(clip, "mov")[:-5], *words, "-f", "null", "-"], tmp_path)
        assert ended.status != 0
        assert ended.has_said("not on whitelist", "not in the whitelist", "whitelist"), ended.said


SOCKETS = f"""#!{sys.executable}
import socket, sys
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
    try:
        socket.socket(family, socket.SOCK_RAW if family == socket.AF_NETLINK else socket.SOCK_STREAM).close()
        print(family.name, file=sys.stderr)
    except PermissionError:
        pass
"""
"""Tells what it may open, in place of a decoder."""


def test_sockets_of_the_machine_are_for_a_gpus_driver_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without one the driver of a GPU does not begin; a network there is in no case."""
    program = tmp_path / "decoder"
    program.write_text(SOCKETS)
    program.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "program", lambda: program)
    monkeypatch.setattr(ffmpeg, "MOST_MEMORY", 2**32)
    assert ffmpeg.call([], tmp_path).said == ()
    assert ffmpeg.call([], tmp_path, gpu=True).said == ("AF_UNIX",)


BEGINNING = (
    "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'a cuda device.mp4':",
    "  Stream #0:0[0x1](und): Video: h264 (Main), yuv420p(progressive), 160x120, 30 fps (default)",
    "Stream mapping:",
    "  Stream #0:0 -> #0:0 (h264 (native) -> rawvideo (native))",
)


@pytest.mark.parametrize(
    ("status", "said", "why"),
    [
        (
            255,
            (
                "[CUDA @ 0x5615c41b6ac0] Cannot load libcuda.so.1",
                "[CUDA @ 0x5615c41b6ac0] Could not dynamically load CUDA",
                "Device creation failed: -1.",
            ),
            "Cannot load libcuda.so.1",
        ),
        (
            0,
            ("[in#0:0/av1 @ 0x1] [dec:av1 @ 0x2] Hardware is lacking required capabilities.", "Conversion failed!"),
            "Hardware is lacking required capabilities",
        ),
        (
            234,
            ("[swscaler @ 0x1] deprecated pixel format", "Error opening output files: Invalid argument"),
            "Error open",
        ),
        (-25, ("[CUDA @ 0x1] something",), "the decoder was ended by the signal SIGXFSZ"),
        (-9, (), "it took too long"),
        (1, (), "the decoder ended with status 1"),
        (0, (), "not all frames came out of it"),
    ],
)
def test_why_a_gpu_did_not_decode(status: int, said: tuple[str, ...], why: str) -> None:
    found = ffmpeg.why_not_on_gpu(ffmpeg.Ended(status, (*BEGINNING, *said), timed_out=status == -9))
    assert found.startswith(why)
    assert "\n" not in found


def test_whoever_waits_for_the_decoder_takes_it_along(clip: Path, tmp_path: Path) -> None:
    """A clip that keeps it busy without a frame: killed with its caller, not when its own time is over."""
    container_bombs.SILENT["20 million frames of a byte"](tmp_path / "busy.mp4", clip.read_bytes())
    code = (
        "import sys; from pathlib import Path; from splatworker.stages.progress import Silent; "
        "from splatworker.video import ffmpeg, measure, options, probe; clip = probe.probe(Path(sys.argv[1])); "
        "print('busy', flush=True); measure.measure(clip, options.VideoOptions(), Silent())"
    )
    caller = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "busy.mp4")], stdout=subprocess.PIPE)
    assert caller.stdout is not None
    assert caller.stdout.readline() == b"busy\n"
    wait_until(lambda: readers_of(tmp_path / "busy.mp4"))
    caller.kill()
    caller.wait()
    caller.stdout.close()
    wait_until(lambda: not readers_of(tmp_path / "busy.mp4"))


def readers_of(path: Path) -> list[str]:
    """Decoders at work on a file."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if f"file:{path}".encode() in words:
            found.append(entry.parent.name)
    return found
