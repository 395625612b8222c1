"""Bring a job's videos onto the disk, one after the other: large files, so what has come is not fetched twice.

A transfer that breaks off is taken up where it ended (RFC 9110, 14: a range, under the condition that the file is still
the same), as often as each time brings something new. What arrives is judged by nobody here, but for where an MP4 has
its index: if that is the end, it is asked for beside the rest, for those who work on what is here already.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from splatworker.errors import NoVideo, VideoError, VideoTooLarge, from_os_error
from splatworker.formats.arriving_file import arriving_folder, progress_folder
from splatworker.machine import operator_limits
from splatworker.network import faults, guard, header_values, url_rules
from splatworker.photos.arriving_video import ArrivingVideo
from splatworker.photos.fetch import recognisable_name
from splatworker.photos.refused_photos import refusal
from splatworker.stages.progress import Reporter

MOST_BYTES = operator_limits.mebibytes("SPLATWORKER_VIDEO_MIB")
"""Bytes of all videos of a job."""
MOST_SECONDS = operator_limits.value("SPLATWORKER_PHOTOS_S")
"""Seconds for all of them together."""
TRIES = 4
"""In a row that bring nothing new."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0

_CHUNK = 1 << 18
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_PLAIN = {"Accept-Encoding": "identity", "Accept": "video/*,*/*;q=0.5"}
_TIMEOUT = (guard.CONNECT_TIMEOUT_S, guard.READ_TIMEOUT_S)
_NOTHING_LEFT = 416
"""The answer to a range that begins where the file ends."""


@dataclass
class FetchedVideos:
    """What arrived: `files` by the video's number in the job, and why the others did not."""

    files: dict[int, str] = field(default_factory=dict)
    errors: dict[int, VideoError] = field(default_factory=dict)


class _BrokenOff(Exception):
    """A fault that may be gone in a moment: the reason in words."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _Lost(Exception):
    """A video that will not come: the reason in words."""


@dataclass
class _Coming:
    """A video on its way.

    Attributes:
        file: what of it is here.
        most: bytes that it may have.
        etag: tells its versions apart, "" where the server does not say.
        has_asked: for its end, or need not: it is asked for once, as a server may end the one answer for the other.
    """

    url: str
    file: ArrivingVideo
    most: int
    end: float
    etag: str = ""
    has_asked: bool = False


def fetch_videos(urls: list[str], folder: Path, report: Reporter, *, local: bool = False) -> FetchedVideos:
    """Fetch every video into `folder`, as `01/name`; only whole ones ever stand there.

    Each has a folder of its own, so that whatever is said of it later calls it by the name that its sender knows. Until
    it is there it is in the `arriving_folder`, as `01`, and how far it has come is told in the `progress_folder`
    (`formats.arriving_file`).

    Args:
        urls: http or https; with `local` also `file:` URLs and paths.

    Raises:
        DiskFull: and nothing else; what is wrong with a single video stands in the result.
    """
    arriving, progress = arriving_folder(folder), progress_folder(folder)
    for place in (folder, arriving, progress):
        place.mkdir(parents=True, exist_ok=True)
    fetched = FetchedVideos()
    end = time.monotonic() + MOST_SECONDS
    left = MOST_BYTES

    def tell(share: float) -> None:
        report.progress("fetching the video", (len(fetched.files) + len(fetched.errors) + share) / len(urls))

    for index, url in enumerate(urls):
        number = f"{index + 1:02d}"
        name = f"{number}/{recognisable_name(url)}"
        target, told = arriving / number, progress / number
        try:
            if not (local and _link(url, target)):
                with ArrivingVideo(target, told) as file:
                    _arrive(_Coming(url, file, left, end), tell)
                    file.finish()
                    left -= file.there
            (folder / name).parent.mkdir(exist_ok=True)
            target.replace(folder / name)
            fetched.files[index] = name
        except (_Lost, _BrokenOff) as reason:
            fetched.errors[index] = NoVideo(
                f"The video '{recognisable_name(url)}' did not arrive: {reason}.",
                hint="Check its URL, and send it again.",
            )
        except VideoError as error:
            fetched.errors[index] = error
        except OSError as error:
            raise from_os_error(error, "photos") from None
        finally:
            target.unlink(missing_ok=True)
            if index in fetched.errors:
                told.unlink(missing_ok=True)
    return fetched


def _link(url: str, target: Path) -> bool:
    """Whether it is a file of this machine, which is then linked to.

    Raises:
        _Lost: there is none.
    """
    source = url_rules.local_path(url)
    if source is None:
        return False
    if not source.is_file():
        raise _Lost("the file does not exist")
    target.symlink_to(source.resolve())
    return True


def _arrive(coming: _Coming, tell: Callable[[float], None]) -> None:
    """Bring one video here; `tell` is told the share of it that has come.

    Raises:
        _Lost, _BrokenOff, VideoTooLarge: it does not come.
        OSError: of the disk.
    """
    failures, before = 0, 0
    while True:
        try:
            guard.within(lambda: coming.end, lambda: _take_up(coming, tell))
        except requests.RequestException as error:
            if time.monotonic() >= coming.end:
                raise _Lost("it did not arrive in time") from None
            again = isinstance(error, requests.ConnectionError | requests.Timeout)
            if not again or faults.is_certificate(error):
                raise _Lost(guard.describe(error)) from None
            fault = _BrokenOff(guard.describe(error))
        except _BrokenOff as broken_off:
            fault = broken_off
        else:
            return
        failures = 0 if coming.file.there > before else failures + 1
        before = coming.file.there
        wait = min(max(fault.wait_s, FIRST_WAIT_S * 2**failures), LONGEST_WAIT_S)
        if failures >= TRIES or time.monotonic() + wait > coming.end:
            raise fault
        time.sleep(wait)


def _take_up(coming: _Coming, tell: Callable[[float], None]) -> None:
    """Fetch what is missing of a video."""
    headers, file = dict(_PLAIN), coming.file
    start = file.there
    if start and coming.etag:
        headers |= {"Range": f"bytes={start}-", "If-Range": coming.etag}
    with (
        guard.session() as session,
        session.get(coming.url, headers=headers, stream=True, timeout=_TIMEOUT) as response,
    ):
        if start and response.status_code == _NOTHING_LEFT and start in (file.size, _whole(response)):
            return
        _check(response, coming, start)
        try:
            # read1, not read: it returns what is there, so that a slow drip meets the clock.
            while chunk := response.raw.read1(_CHUNK):
                if time.monotonic() > coming.end:
                    raise _Lost("it did not arrive in time")
                file.put(chunk)
                if file.there > coming.most:
                    raise _too_large(coming.url)
                if not coming.has_asked:
                    _look_for_the_end(coming)
                tell(min(1.0, file.there / file.size) if file.size else 0.0)
        except (HTTPError, ValueError):  # ValueError: a length of a chunk that is not a number
            raise _BrokenOff("the transfer broke off") from None
    # The end of the stream in the middle of a header is taken for the header's end, and for no body.
    if file.there < (file.size or 0) or file.there == 0:
        raise _BrokenOff("the transfer broke off")


def _check(response: requests.Response, coming: _Coming, start: int) -> None:
    """Look at the answer to what begins here, notes what it says of the file, and begin anew where it does."""
    status = response.status_code
    if status in _AGAIN:
        wait = header_values.retry_after(response.headers.get("Retry-After", ""))
        raise _BrokenOff(f"the server answered {status}", wait)
    if status not in (200, 206):
        raise _Lost(refusal(response, coming.url))
    if header_values.is_compressed(response.headers.get("Content-Encoding", "")):
        raise _Lost("the server compresses what was asked for uncompressed")
    goes_on = status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    if status == 206 and not goes_on:
        raise _Lost("the server sends another part of the file than was asked for")
    start = start if goes_on else 0
    length = header_values.number(response.headers.get("Content-Length", ""))
    size = None if length is None else start + length
    if goes_on and (whole := _whole(response)) is not None:
        size = whole  # a server may send less of it at a time than is asked for
    if start and _is_another(response, size, coming):
        coming.etag = ""  # no part of it is asked for any more, but all of it
        raise _BrokenOff("the file changed while it was sent")
    if (size or 0) > coming.most:
        raise _too_large(coming.url)
    if start:
        coming.file.go_on(coming.file.size if size is None else size)
        return
    coming.etag = _strong_etag(response)
    coming.has_asked |= response.headers.get("Accept-Ranges", "") == "none" or not coming.etag
    coming.file.begin(size)


def _whole(response: requests.Response) -> int | None:
    """Bytes of all of the file, by an answer to a range; None where it does not say."""
    return header_values.number(response.headers.get("Content-Range", "").rpartition("/")[2])


def _is_another(response: requests.Response, size: int | None, coming: _Coming) -> bool:
    """Whether the rest of a file is that of another one than began, though its server was told to send no such."""
    sizes, etag = (size, coming.file.size), response.headers.get("ETag", coming.etag)
    return etag != coming.etag or (None not in sizes and sizes[0] != sizes[1])


def _strong_etag(response: requests.Response) -> str:
    """What tells the file's versions apart; a weak one does not promise the same bytes."""
    etag = response.headers.get("ETag", "")
    return "" if etag.startswith("W/") else etag


def _look_for_the_end(coming: _Coming) -> None:
    """Have the file's end brought as well, in another thread, once it is known that it has the index.

    A server that serves one request after another answers when nothing is wanted of it any more; nobody waits for it.
    """
    start = coming.file.wanted_tail()
    if start is None:
        return
    coming.has_asked = True
    if start:
        asked = (coming, start, coming.file.version, coming.etag)
        threading.Thread(target=_bring_the_end, args=asked, daemon=True).start()


def _bring_the_end(coming: _Coming, start: int, version: int, etag: str) -> None:
    """Fetch the end of a video, of the same version; without it the video comes all the same."""
    size = coming.file.size or 0
    headers = _PLAIN | {"Range": f"bytes={start}-{size - 1}", "If-Range": etag}
    with (
        suppress(requests.RequestException, HTTPError, ValueError, OSError),
        guard.session() as session,
        session.get(coming.url, headers=headers, stream=True, timeout=_TIMEOUT) as response,
    ):
        said = response.headers
        if (response.status_code, said.get("Content-Range", "")) != (206, f"bytes {start}-{size - 1}/{size}"):
            return
        if header_values.is_compressed(said.get("Content-Encoding", "")) or _strong_etag(response) != etag:
            return
        tail = bytearray()
        while len(tail) < size - start and (chunk := response.raw.read1(size - start - len(tail))):
            tail += chunk
            if time.monotonic() > coming.end or coming.file.version != version:
                return
        if len(tail) == size - start:
            coming.file.put_tail(bytes(tail), version)


def _too_large(url: str) -> VideoTooLarge:
    return VideoTooLarge(
        f"The video '{recognisable_name(url)}' is too large: all videos may have {MOST_BYTES / 2**20:g} MiB together.",
        hint="Export it smaller, or cut it. Whoever runs the worker can allow more with SPLATWORKER_VIDEO_MIB.",
    )
