"""The one way to call the decoder: the program that imageio-ffmpeg carries, as a process that may do little.

Strangers' videos are read by it, so it is told everything that it need not guess: which of two demuxers and of a few
decoders, the only protocol, how many streams, pixels, bytes and seconds. It runs without a network and without sight of
other processes (`stages.restrict`), under limits of the kernel, with an empty environment and nothing on its standard
input. It is never the system's, which may be years old, and never given a URL.
"""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING

from splatworker.errors import SplatError
from splatworker.machine import operator_limits
from splatworker.machine.limits import available_cpus
from splatworker.stages import restrict

if TYPE_CHECKING:
    from typing_extensions import Buffer

CODECS = ("h264", "hevc", "vp9", "av1", "libdav1d", "prores")
"""Decoders that may be opened."""

MOST_PIXELS = int(operator_limits.value("SPLATWORKER_VIDEO_MEGAPIXELS") * 1_000_000)
MOST_MEMORY = operator_limits.mebibytes("SPLATWORKER_VIDEO_READER_MIB")
"""Bytes of address space of one decoder."""
MOST_SECONDS = operator_limits.value("SPLATWORKER_VIDEO_S")
"""Seconds by the clock that one call may take."""
MOST_SILENT_S = 120.0
"""Seconds that a decoder may be waited for without a byte of a frame, where every frame is wanted: of a table of
millions of broken frames there is none."""

ON_GPU = ("-hwaccel", "cuda")
"""Options of an input whose frames an NVIDIA GPU decodes. They come to main memory as they are, 12 MB each of 4K: to
make them small where they are would want kernels that the driver compiles in every call, for 9 to 24 s."""

MOST_STREAMS = 64
"""A phone's file has up to ten: sound, text, depth, where it was turned to."""

_MOST_ALLOCATED = 2**29
"""Bytes of a single block."""

_MOST_THREADS = 16

_PIXELS_AT_ONCE = 120_000_000
"""Of the frames that the threads of one decoder work on: each thread keeps one, beside those that others refer to."""

_LINES = 40
"""Last lines of what it says that are kept."""


_SAID = re.compile(r"((?:\[[^]]*\] *)*)(?!Input #|Output #|Stream mapping|Press )(\S.*)")
"""A line of its own making, and who says it: what it tells of files and tracks is further in."""
_ABOUT_GPU = re.compile(r"cuda|cuvid|nvdec|nvcuvid|hwaccel|hardware|\bdevice\b", re.IGNORECASE)
_FAILED = re.compile(r"error|fail|cannot|could not|invalid|impossible|unsupported|not supported", re.IGNORECASE)
_LONGEST_WHY = 160


@dataclass(frozen=True)
class Ended:
    """How a call ended.

    Attributes:
        status: its exit status; below 0 the signal that ended it.
        said: its last lines.
        timed_out: it was ended for taking too long by the clock, or by its own processor time.
    """

    status: int
    said: tuple[str, ...]
    timed_out: bool

    def has_said(self, *words: str) -> bool:
        """Whether any of these stands in its last lines."""
        return any(word in line for line in self.said for word in words)


@cache
def program() -> Path:
    """The decoder that was installed with this package.

    Raises:
        SplatError: it is not there.
    """
    folder = Path(str(files("imageio_ffmpeg"))) / "binaries"
    found = sorted(path for path in folder.glob("ffmpeg*") if os.access(path, os.X_OK) and path.is_file())
    if not found:
        raise SplatError(
            "The package imageio-ffmpeg carries no ffmpeg for this machine: videos cannot be read.",
            hint="Install it from a wheel for this system, or give photos.",
            stage="frames",
        )
    return found[-1]


def decoded_by(options: Sequence[str], ended: Ended) -> str:
    """Who has decoded what a call gave, by the options of its input and how it ended: "cuda" or, after all, "cpu"."""
    could_not = ended.has_said(
        "Device creation failed",
        "No device available",
        "hwaccel initialisation returned error",
        "Failed setup for format",
    )
    return "cuda" if options and not could_not else "cpu"


def why_not_on_gpu(ended: Ended) -> str:
    """Why a call that was to decode on a GPU did not, in the decoder's own words: a clause, one line."""
    if ended.status < 0 and not ended.timed_out:
        return f"the decoder was ended by the signal {_name_of(-ended.status)}"
    said = [found[2] for line in ended.said if (found := _SAID.match(line))]
    telling = [line for line in said if _ABOUT_GPU.search(line)] or [line for line in said if _FAILED.search(line)][-1:]
    if telling:
        return telling[0][:_LONGEST_WHY].rstrip(" .")
    if ended.timed_out:
        return "it took too long"
    return f"the decoder ended with status {ended.status}" if ended.status else "not all frames came out of it"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def threads_for(pixels: int, most: int = _MOST_THREADS) -> int:
    """Threads of a decoder of frames of so many pixels: as many as there are processors, and as fit into its memory."""
    return max(1, min(most, _MOST_THREADS, available_cpus(), _PIXELS_AT_ONCE // max(1, pixels)))


def reading(clip: Path, demuxer: str, *, before: Sequence[str] = (), threads: int = 1) -> list[str]:
    """The words that open a clip as input. Its frames come as they are stored, not turned.

    Args:
        demuxer: "mov" or "matroska"; nothing else is looked for in the file.
        before: further options of the input, such as where to begin.
        threads: of the decoder.
    """
    return [
        *("-hide_banner", "-nostdin", "-nostats", "-loglevel", "info"),
        *("-max_alloc", str(_MOST_ALLOCATED), "-timelimit", str(int(MOST_SECONDS) * max(1, available_cpus()))),
        *("-protocol_whitelist", "file", "-format_whitelist", demuxer, "-codec_whitelist", ",".join(CODECS)),
        *("-max_streams", str(MOST_STREAMS), "-max_pixels", str(MOST_PIXELS)),
        *("-threads", str(threads)),
        *("-an", "-sn", "-dn", "-noautorotate", "-f", demuxer, *before, "-i", f"file:{clip}"),
    ]


def call(
    arguments: Sequence[str],
    folder: Path,
    *,
    take: Callable[[IO[bytes]], None] | None = None,
    hear: Callable[[str], None] | None = None,
    seconds: float = MOST_SECONDS,
    silent: float = MOST_SECONDS,
    gpu: bool = False,
    unwanted: Callable[[], bool] | None = None,
) -> Ended:
    """Run the decoder to its end.

    Args:
        arguments: all of its own; the word `OUT` becomes the pipe that `take` reads.
        folder: where it runs.
        take: reads what it writes, to the end or less.
        hear: is told every line that it says, from another thread.
        seconds: by the clock.
        silent: seconds by the clock in which `take` gets nothing that it waits for.
        gpu: a GPU may decode. Its driver reserves far more addresses than it uses, opens many files, and does not begin
            without a socket of the machine's own (AF_UNIX), so that these are allowed.
        unwanted: whether nobody wants what it gives any more, so that it is ended; asked once a second.
    """
    reader, writer = os.pipe()
    process = _start([f"pipe:{writer}" if word == "OUT" else word for word in arguments], folder, writer, gpu=gpu)
    os.close(writer)
    said: deque[str] = deque(maxlen=_LINES)
    late, over = threading.Event(), threading.Event()
    pictures = _Awaited(reader)

    def watch() -> None:
        end = time.monotonic() + seconds
        while not over.wait(min(1.0, seconds, silent)):
            if time.monotonic() > end or pictures.waited() > silent:
                late.set()
            if late.is_set() or (unwanted is not None and unwanted()):
                process.kill()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    listener = threading.Thread(target=_listen, args=(process.stderr, said, hear), daemon=True)
    with io.BufferedReader(pictures, 2**20) as output:
        try:
            watcher.start()
            listener.start()
            if take is not None:
                take(output)
        finally:
            output.close()  # whoever writes on ends by that
            if sys.exc_info()[0] is not None:
                process.kill()
            process.wait()
            over.set()
            for thread in (watcher, listener):
                if thread.ident is not None:
                    thread.join()
            assert process.stderr is not None
            process.stderr.close()
    ended = Ended(process.returncode, tuple(said), late.is_set())
    by_own_clock = ended.status == -24 or ended.has_said("Exiting due to exceeded time")  # SIGXCPU
    return Ended(ended.status, ended.said, ended.timed_out or by_own_clock)


def _start(command: Sequence[str], folder: Path, writer: int, *, gpu: bool) -> subprocess.Popen[bytes]:
    """Start the decoder in its bounds; what it says comes on its standard error, what it writes on `writer`."""
    return subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-S",
            restrict.__file__,
            f"{restrict.WITH_PARENT}{os.getpid()}",
            *_limits(gpu=gpu),
            str(int(socket.AF_UNIX)) if gpu else "none",
            str(program()),
            *command,
        ],
        cwd=folder,
        env={"PATH": "/nowhere", "LC_ALL": "C", "TMPDIR": str(folder)} | _of_libraries(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(writer,),
    )


class _Awaited(io.FileIO):
    """The end of a pipe that is read, which knows for how long its reader has been waiting."""

    _since: float | None = None

    def readinto(self, buffer: Buffer, /) -> int:
        """Read, and be waited for meanwhile."""
        self._since = time.monotonic()
        try:
            return super().readinto(buffer)
        finally:
            self._since = None

    def waited(self) -> float:
        """Seconds since what is being read was asked for; 0 where nothing is."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since


def _of_libraries() -> dict[str, str]:
    """What Python's library, and a GPU's driver, are found by."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES") if name in os.environ}


def _limits(*, gpu: bool) -> list[str]:
    """Words for `restrict`: what the kernel keeps the decoder to, from its first instruction on."""
    if sys.platform != "linux":
        return []
    limits = {"FSIZE": 0} | ({} if gpu else {"AS": MOST_MEMORY, "NOFILE": 64})
    return [f"{restrict.LIMIT}{name}:{most}" for name, most in limits.items()]


def _listen(stream: IO[bytes] | None, said: deque[str], hear: Callable[[str], None] | None) -> None:
    assert stream is not None
    while line := stream.readline(8192):
        text = line.decode("utf-8", "replace").rstrip()
        if "] User Data=" in text or not text:
            continue
        if "Parsed_showinfo" not in text:
            said.append(text[:500])
        if hear is not None:
            hear(text)
