"""A film of pictures: H.264 in MP4, as every browser, phone and messenger plays it.

The encoder is the program `ffmpeg`, the system's or the one that the package imageio-ffmpeg carries, run as a process
of its own and fed with raw pictures: nothing of it (x264 is GPL) is linked into this one.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from splatworker.errors import SplatError, from_os_error
from splatworker.formats.atomic import part_of

_COLORS = "bt709"

PIPE = 2**20
"""Bytes on their way to the encoder: what Linux lets anybody have."""


def encoder() -> str:
    """Path of an ffmpeg."""
    return shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold more than the 64 KiB it comes with: each time it is full both sides are put to sleep."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # more than this system lets anybody have
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


def write_film(path: Path, pictures: Iterable[npt.NDArray[np.uint8]], width: int, height: int, rate: int) -> None:
    """Write (height, width, 3) pictures as a film of `rate` pictures a second, whole or not at all.

    Args:
        width, height: even numbers, as 4:2:0 colours need.

    Raises:
        SplatError: the encoder failed.
        DiskFull: no space is left.
    """
    part = part_of(path)
    command = [encoder(), "-loglevel", "error", "-y"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "-"]
    # Say which colours these are, and convert by the same rule: players guess differently.
    command += ["-vf", f"scale=out_color_matrix={_COLORS}:out_range=tv", "-pix_fmt", "yuv420p"]
    command += ["-colorspace", _COLORS, "-color_primaries", _COLORS, "-color_trc", _COLORS, "-color_range", "tv"]
    # faststart: a page can begin to play it before all of it is there.
    command += [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        "21",
        "-movflags",
        "+faststart",
        "-f",
        "mp4",
        str(part),
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile() as words:
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=words, stderr=words) as process:
                assert process.stdin is not None
                try:
                    _widen(process.stdin)
                    for picture in pictures:
                        process.stdin.write(np.ascontiguousarray(picture).data)
                    process.stdin.close()
                except BrokenPipeError:
                    pass  # its own words say it better
                except BaseException:
                    process.kill()
                    raise
            if process.returncode != 0:
                words.seek(0)
                said = words.read().decode(errors="replace").strip().splitlines()
                raise SplatError(
                    f"The film could not be encoded: {said[-1] if said else 'no reason given'}.", stage="export"
                )
        part.replace(path)
    except OSError as error:
        raise from_os_error(error, "export") from error
    finally:
        part.unlink(missing_ok=True)
