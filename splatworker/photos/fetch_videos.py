"""Bring a job's videos onto the disk, one after the other: large files, so what has come is not fetched twice.

A transfer that breaks off is taken up where it ended (RFC 9110, 14: a range, under the condition that the file is still
the same), as often as each time brings something new. What arrives is judged by nobody here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from splatworker.errors import NoVideo, VideoError, VideoTooLarge, from_os_error
from splatworker.machine import operator_limits
from splatworker.network import faults, guard, header_values, url_rules
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
        target: where it is written.
        most: bytes that it may have.
        etag: tells its versions apart, "" where the server does not say.
        size: bytes of all of it, None where the server does not say.
    """

    url: str
    target: Path
    most: int
    end: float
    etag: str = ""
    size: int | None = None

    @property
    def there(self) -> int:
        """Bytes that have come."""
        return self.target.stat().st_size if self.target.exists() else 0


def fetch_videos(urls: list[str], folder: Path, report: Reporter, *, local: bool = False) -> FetchedVideos:
    """Fetch every video into `folder`, as `01/name`; only whole ones ever stand there.

    Each has a folder of its own, so that whatever is said of it later calls it by the name that its sender knows.

    Args:
        urls: http or https; with `local` also `file:` URLs and paths.

    Raises:
        DiskFull: and nothing else; what is wrong with a single video stands in the result.
    """
    arriving = folder.with_name(folder.name + "-arriving")
    for place in (folder, arriving):
        place.mkdir(parents=True, exist_ok=True)
    fetched = FetchedVideos()
    end = time.monotonic() + MOST_SECONDS
    left = MOST_BYTES

    def tell(share: float) -> None:
        report.progress("fetching the video", (len(fetched.files) + len(fetched.errors) + share) / len(urls))

    for index, url in enumerate(urls):
        name = f"{index + 1:02d}/{recognisable_name(url)}"
        coming = _Coming(url, arriving / f"{index + 1:02d}", left, end)
        try:
            _arrive(coming, tell, local=local)
            left -= coming.there
            (folder / name).parent.mkdir(exist_ok=True)
            coming.target.replace(folder / name)
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
            coming.target.unlink(missing_ok=True)
    return fetched


def _arrive(coming: _Coming, tell: Callable[[float], None], *, local: bool) -> None:
    """Bring one video here; `tell` is told the share of it that has come.

    Raises:
        _Lost, _BrokenOff, VideoTooLarge: it does not come.
        OSError: of the disk.
    """
    if local and (source := url_rules.local_path(coming.url)) is not None:
        if not source.is_file():
            raise _Lost("the file does not exist")
        coming.target.symlink_to(source.resolve())
        return
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
        failures = 0 if coming.there > before else failures + 1
        before = coming.there
        wait = min(max(fault.wait_s, FIRST_WAIT_S * 2**failures), LONGEST_WAIT_S)
        if failures >= TRIES or time.monotonic() + wait > coming.end:
            raise fault
        time.sleep(wait)


def _take_up(coming: _Coming, tell: Callable[[float], None]) -> None:
    """Fetch what is missing of a video."""
    headers = {"Accept-Encoding": "identity", "Accept": "video/*,*/*;q=0.5"}
    start = coming.there
    if start and coming.etag:
        headers |= {"Range": f"bytes={start}-", "If-Range": coming.etag}
    timeout = (guard.CONNECT_TIMEOUT_S, guard.READ_TIMEOUT_S)
    with (
        guard.session() as session,
        session.get(coming.url, headers=headers, stream=True, timeout=timeout) as response,
    ):
        if start and response.status_code == _NOTHING_LEFT and coming.size == start:
            return
        start = _check(response, coming, start)
        try:
            with coming.target.open("ab") as file:
                file.truncate(start)
                # read1, not read: it returns what is there, so that a slow drip meets the clock.
                while chunk := response.raw.read1(_CHUNK):
                    if time.monotonic() > coming.end:
                        raise _Lost("it did not arrive in time")
                    file.write(chunk)
                    start += len(chunk)
                    if start > coming.most:
                        raise _too_large(coming.url)
                    tell(min(1.0, start / coming.size) if coming.size else 0.0)
        except (HTTPError, ValueError):  # ValueError: a length of a chunk that is not a number
            raise _BrokenOff("the transfer broke off") from None
    # The end of the stream in the middle of a header is taken for the header's end, and for no body.
    if start < (coming.size or 0) or start == 0:
        raise _BrokenOff("the transfer broke off")


def _check(response: requests.Response, coming: _Coming, start: int) -> int:
    """Where in the file the answer goes on; notes what it says of the file."""
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
    coming.size = None if length is None else start + length
    etag = response.headers.get("ETag", "")
    coming.etag = "" if etag.startswith("W/") else etag  # a weak one does not promise the same bytes
    if (coming.size or 0) > coming.most:
        raise _too_large(coming.url)
    return start


def _too_large(url: str) -> VideoTooLarge:
    return VideoTooLarge(
        f"The video '{recognisable_name(url)}' is too large: all videos may have {MOST_BYTES / 2**20:g} MiB together.",
        hint="Export it smaller, or cut it. Whoever runs the worker can allow more with SPLATWORKER_VIDEO_MIB.",
    )
