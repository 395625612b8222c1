"""Bring a job's photos onto the disk, eight at a time, each under caps of bytes and time.

What arrives is judged by nobody here: content, size and type headers of strangers mean nothing, and `decode` opens the
files in a sandbox. A photo that does not arrive is reported with its index and reason, and the others go on.
"""

from __future__ import annotations

import queue
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import stamina
from urllib3.exceptions import HTTPError

from splatworker.errors import from_os_error
from splatworker.formats.mask_names import mask_name
from splatworker.machine import operator_limits
from splatworker.network import faults, guard, header_values, url_rules
from splatworker.photos.refused_photos import refusal
from splatworker.stages.progress import Reporter

AT_ONCE = 8
MOST_BYTES = operator_limits.mebibytes("SPLATWORKER_PHOTO_MIB")
"""Bytes of one photo."""
MOST_BYTES_IN_ALL = operator_limits.mebibytes("SPLATWORKER_PHOTOS_MIB")
MOST_SECONDS = operator_limits.value("SPLATWORKER_PHOTOS_S")
"""Seconds for all photos together."""
MOST_SECONDS_EACH = operator_limits.value("SPLATWORKER_PHOTO_S")
TRIES = 4
LONGEST_WAIT_S = 15.0
"""The longest pause between two tries, whatever a server's Retry-After asks for."""

_CHUNK = 1 << 16
_TOO_LATE = "it did not arrive in time"
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass
class Fetched:
    """What arrived: `files` by index of the photo in the job, and what did not."""

    files: dict[int, str] = field(default_factory=dict)
    rejected: list[dict[str, Any]] = field(default_factory=list)


class _Lost(Exception):
    """A photo that will not come: the reason in words."""


class _Abandoned(_Lost):
    """A photo whose server has used up all of its time, and may go on doing so."""


class _TryAgain(Exception):
    """A fault that may be gone in a moment."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def fetch(
    urls: list[str],
    folder: Path,
    report: Reporter,
    *,
    local: bool = False,
    masks: Sequence[str | None] = (),
    masks_folder: Path | None = None,
) -> Fetched:
    """Fetch every photo into `folder`, as `0001_name`; only whole ones ever stand there.

    Args:
        urls: http or https; with `local` also `file:` URLs and paths.
        masks: the photos' masks in the same order, likewise; None where there is none. A photo whose mask does not come
            does not come either, for without it another splat would be made.
        masks_folder: where masks go, each before its photo, by the photo's name (`mask_names.mask_name`).

    Raises:
        DiskFull: and nothing else; what is wrong with a single photo stands in the result.
    """
    arriving = folder.with_name(folder.name + "-arriving")
    for place in (folder, arriving, *([masks_folder] if masks_folder else [])):
        place.mkdir(parents=True, exist_ok=True)
    work: queue.SimpleQueue[tuple[int, str, str | None]] = queue.SimpleQueue()
    for index, (url, mask_url) in enumerate(zip_longest(urls, masks)):
        work.put((index, url, mask_url))
    done: queue.SimpleQueue[tuple[int, str | Exception]] = queue.SimpleQueue()
    budget = _Budget(MOST_BYTES_IN_ALL)
    arriving_in_time, too_late = threading.Lock(), threading.Event()

    def close() -> None:
        """From now on no photo arrives: those that follow the folder have seen all that there will be."""
        with arriving_in_time:
            too_late.set()

    def worker() -> None:
        session = guard.session()
        while True:
            try:
                index, url, mask_url = work.get_nowait()
            except queue.Empty:
                session.close()
                return
            name = f"{index + 1:04d}_{recognisable_name(url)}"
            mask = arriving / mask_name(name)
            try:
                if mask_url is not None:
                    _fetch_mask(session, mask_url, mask, budget, local=local)
                _fetch_one(session, url, arriving / name, budget, local=local)
                with arriving_in_time:
                    if too_late.is_set():
                        raise _Lost(_TOO_LATE)
                    if mask_url is not None and masks_folder is not None:
                        mask.replace(masks_folder / mask.name)
                    (arriving / name).replace(folder / name)
                    done.put((index, name))
            except Exception as error:
                for left in (arriving / name, mask):
                    left.unlink(missing_ok=True)
                if isinstance(error, _Abandoned):  # its thread may still use the session
                    session = guard.session()
                done.put((index, error))

    for _ in range(min(AT_ONCE, len(urls))):
        threading.Thread(target=worker, daemon=True).start()
    return _collect(len(urls), done, report, close)


def _collect(
    count: int, done: queue.SimpleQueue[tuple[int, str | Exception]], report: Reporter, close: Callable[[], None]
) -> Fetched:
    fetched = Fetched()
    waiting = set(range(count))
    end = time.monotonic() + MOST_SECONDS
    while waiting:
        try:
            index, outcome = done.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            close()
            if not done.empty():  # at the last moment
                continue
            for index in waiting:
                fetched.rejected.append({"index": index, "reason": _TOO_LATE})
            break
        waiting.discard(index)
        if isinstance(outcome, str):
            fetched.files[index] = outcome
        elif isinstance(outcome, OSError) and not isinstance(outcome, requests.RequestException):
            raise from_os_error(outcome, "photos")
        else:
            reason = str(outcome) if isinstance(outcome, _Lost | _TryAgain) else "it could not be fetched"
            fetched.rejected.append({"index": index, "reason": reason})
        report.progress("fetching photos", 1 - len(waiting) / count)
    fetched.rejected.sort(key=lambda photo: int(photo["index"]))
    return fetched


def recognisable_name(url: str) -> str:
    """A harmless file name that reminds of the URL's: letters, digits, dot, dash and underscore, at most 64."""
    try:
        name = unquote(urlsplit(url).path.rsplit("/", 1)[-1], errors="replace")
    except ValueError:  # no URL at all, as whoever fetches it will say
        name = ""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")[-64:] or "photo"


class _Budget:
    """Bytes that all photos together may take; shared between threads.

    A photo that ends the budget, or is tried again, gives back what it had taken: those beside it still fit.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken: Counter[Path] = Counter()
        self._lock = threading.Lock()

    def take(self, photo: Path, count: int) -> None:
        with self._lock:
            self._taken[photo] += count
            if self._taken.total() > self._total:
                del self._taken[photo]
                raise _Lost(f"all photos together are larger than {self._total / 2**30:.3g} GiB")

    def give_back(self, photo: Path) -> None:
        with self._lock:
            del self._taken[photo]


def _fetch_mask(session: requests.Session, url: str, target: Path, budget: _Budget, *, local: bool) -> None:
    """As `_fetch_one`; whatever goes wrong is told as the mask's."""
    try:
        _fetch_one(session, url, target, budget, local=local)
    except (_Lost, _TryAgain) as error:
        kind = _Abandoned if isinstance(error, _Abandoned) else _Lost
        raise kind(f"its mask is missing: {error}") from None


def _fetch_one(session: requests.Session, url: str, target: Path, budget: _Budget, *, local: bool) -> None:
    if local and (source := url_rules.local_path(url)) is not None:
        if not source.is_file():
            raise _Lost("the file does not exist")
        shutil.copyfile(source, target)
        return
    end = time.monotonic() + MOST_SECONDS_EACH
    for attempt in stamina.retry_context(
        on=_TryAgain, attempts=TRIES, timeout=MOST_SECONDS_EACH, wait_initial=0.5, wait_max=LONGEST_WAIT_S
    ):
        with attempt:
            try:
                guard.within(lambda: end, lambda: _download(session, url, target, budget, end))
            except requests.RequestException as error:
                if time.monotonic() >= end:
                    budget.give_back(target)
                    raise _Abandoned(_TOO_LATE) from None
                reason = guard.describe(error)
                if isinstance(error, requests.ConnectionError | requests.Timeout) and not faults.is_certificate(error):
                    raise _TryAgain(reason) from None
                raise _Lost(reason) from None
            except _TryAgain as again:
                time.sleep(min(again.wait_s, LONGEST_WAIT_S, max(0.0, end - time.monotonic())))
                raise


def _download(session: requests.Session, url: str, target: Path, budget: _Budget, end: float) -> None:
    # Without a content encoding: a few kilobytes of gzip can become gigabytes.
    headers = {"Accept-Encoding": "identity", "Accept": "image/*,*/*;q=0.5"}
    timeout = (guard.CONNECT_TIMEOUT_S, guard.READ_TIMEOUT_S)
    with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
        if response.status_code in _AGAIN:
            reason = f"the server answered {response.status_code}"
            raise _TryAgain(reason, header_values.retry_after(response.headers.get("Retry-After", "")))
        if response.status_code != 200:
            raise _Lost(refusal(response, url))
        if header_values.is_compressed(response.headers.get("Content-Encoding", "")):
            raise _Lost("the server compresses what was asked for uncompressed")
        expected = header_values.number(response.headers.get("Content-Length", ""))
        if time.monotonic() > end:
            raise _Lost(_TOO_LATE)
        size = 0
        budget.give_back(target)
        try:
            with target.open("wb") as file:
                # read1, not read: it returns what is there, so that a slow drip meets the clock.
                while chunk := response.raw.read1(_CHUNK):
                    size += len(chunk)
                    budget.take(target, len(chunk))
                    if size > MOST_BYTES:
                        raise _Lost(f"it is larger than {MOST_BYTES / 2**20:g} MiB")
                    if time.monotonic() > end:
                        raise _Lost(_TOO_LATE)
                    file.write(chunk)
        except (HTTPError, ValueError):  # ValueError: a length of a chunk that is not a number
            raise _TryAgain("the transfer broke off") from None
        # The end of the stream in the middle of a header is taken for the header's end, and for no body.
        if size < (expected or 0) or (size == 0 and expected is None):
            raise _TryAgain("the transfer broke off")
