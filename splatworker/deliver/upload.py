"""Upload a file with one presigned PUT (S3, R2), or copy it, in a local run.

A presigned URL is a promise about one request: method, key, and the headers named in its X-Amz-SignedHeaders. What is
signed must be sent, and a header that was not signed may be refused: so nothing is sent that was not asked for, but
Content-Length, without which the stores answer 411. A page or a picture is given its Content-Type, signed or not:
browsers would save it rather than show it.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests
import stamina

from splatworker.deliver.put_headers import HINT, put_headers, unknown_header, with_a_checksum
from splatworker.errors import UploadFailed, UploadRefused
from splatworker.formats.atomic import atomic_file
from splatworker.machine import operator_limits
from splatworker.network import faults, guard, header_values, store_answers, url_rules
from splatworker.network.presigned import signed_headers
from splatworker.stages.progress import Reporter

TRIES = 5
MOST_SECONDS = operator_limits.value("SPLATWORKER_UPLOAD_S")
ANSWER_SECONDS = 120.0
"""Seconds from a body's last byte to the store's answer."""
LONGEST_WAIT_S = 30.0

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class _TryAgain(Exception):
    """A fault of the server or the network that may be gone in a moment."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def upload(path: Path, url: str, report: Reporter, *, local: bool = False, content_type: str | None = None) -> int:
    """PUT the file to `url`; the bytes it has.

    Args:
        content_type: the Content-Type to send in any case; without one, octet-stream where it was signed.

    Raises:
        UploadRefused: the store said no for good.
        UploadFailed: every try ended in a fault.
    """
    if local and (target := url_rules.local_path(url)) is not None:
        return _copy(path, target)
    try:
        end = time.monotonic() + MOST_SECONDS
        for attempt in stamina.retry_context(
            on=_TryAgain, attempts=TRIES, timeout=MOST_SECONDS, wait_initial=0.5, wait_max=LONGEST_WAIT_S
        ):
            with attempt:
                try:
                    _put(path, url, report, content_type, end)
                except _TryAgain as again:
                    if attempt.num < TRIES:
                        time.sleep(max(0.0, min(again.wait_s, LONGEST_WAIT_S, end - time.monotonic())))
                    raise
    except _TryAgain as error:
        raise UploadFailed(
            f"The upload did not succeed: {error} (the last of {TRIES} tries).",
            hint="Check that the store is up, and send the job again.",
        ) from None
    return path.stat().st_size


def _headers(url: str, content_type: str | None) -> dict[str, str]:
    """The headers to send, other than host and Content-Length.

    Raises:
        UploadRefused: the URL was signed for one whose value nobody told us.
    """
    if (unknown := unknown_header(url)) is not None:
        raise UploadRefused(
            f"The upload URL was signed for the header {unknown!a}, which the worker does not send.", hint=HINT
        )
    return put_headers(url) | ({"content-type": content_type} if content_type else {})


def _copy(path: Path, target: Path) -> int:
    with path.open("rb") as source, atomic_file(target, "deliver") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    return target.stat().st_size


class _Body:
    """A file as a request's body: with a length (so that it is not sent in chunks), and telling how far it is."""

    def __init__(self, file: BinaryIO, size: int, report: Reporter) -> None:
        self._file = file
        self._size = size
        self._report = report
        self.digest = hashlib.md5(usedforsecurity=False)
        self.sent_at: float | None = None if size else time.monotonic()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        while block := self._file.read(1 << 18):
            self.digest.update(block)
            sent += len(block)
            yield block
            self._report.progress("uploading", sent / max(1, self._size))
        self.sent_at = time.monotonic()


def _put(path: Path, url: str, report: Reporter, content_type: str | None, end: float) -> None:
    size = path.stat().st_size
    started = time.monotonic()
    headers = _headers(url, content_type)
    with path.open("rb") as file:
        body = _Body(file, size, report)

        def last_moment() -> float:
            return end if body.sent_at is None else min(end, body.sent_at + ANSWER_SECONDS)

        try:
            answer = guard.within(last_moment, lambda: _send(url, headers, body))
        except requests.RequestException as error:
            again = isinstance(error, requests.ConnectionError | requests.Timeout)
            if again and not faults.is_certificate(error):
                raise _TryAgain(guard.describe(error)) from None
            raise UploadRefused(f"The upload did not succeed: {guard.describe(error)}.", hint=_OTHER_STORE) from None
    _judge(answer, url)
    if body.sent_at is None:
        raise _TryAgain("the store said yes before it had the file")
    _compare(answer, body.digest.hexdigest() if size else "")
    report.progress(f"uploaded in {time.monotonic() - started:.1f} s", 1.0)


@dataclass(frozen=True)
class _Answer:
    """What a store says.

    Attributes:
        reason: why it refuses, "" where it does not say, or does not refuse.
    """

    status: int
    headers: Mapping[str, str]
    reason: str


def _send(url: str, headers: dict[str, str], body: _Body) -> _Answer:
    """PUT once."""
    with guard.session() as session:
        prepared = session.prepare_request(requests.Request("PUT", url, headers=headers))
        prepared.body = body if len(body) else b""  # type: ignore[assignment] # any iterable of bytes will do
        prepared.headers["Content-Length"] = str(len(body))
        timeout = (guard.CONNECT_TIMEOUT_S, ANSWER_SECONDS)
        with session.send(prepared, timeout=timeout, stream=True, allow_redirects=False) as response:
            status = response.status_code
            reason = store_answers.reason(response) if status >= _ERRORS and status not in _AGAIN else ""
            return _Answer(status, response.headers, reason)


_ERRORS = 400
_FORBIDDEN = 403
_OTHER_STORE = "Check where the URL leads, and send the job again."
_NEW_URL = "Make a new presigned PUT URL that lives longer than the job takes, and send the job again."
_REFUSALS = {
    403: ("the URL's signature is wrong or has expired", _NEW_URL),
    404: ("the bucket does not exist", "Make the bucket, or presign a PUT into one that is there; send the job again."),
    405: ("it takes no PUT there", "Give a presigned PUT URL, and send the job again."),
    409: ("something stands in the way there", "Give another key, and send the job again."),
    411: ("it wants another form of length", _OTHER_STORE),
    412: (
        "a condition that the URL was signed with does not hold",
        "Presign a PUT without one, and send the job again.",
    ),
    413: ("the file is too large for it", "Raise its limit, or ask for fewer Gaussians with 'max_gaussians'."),
}
"""What a refusal means where a store does not say more, and what to do."""


def _judge(answer: _Answer, url: str) -> None:
    """Whether the store has taken what it was sent.

    Raises:
        _TryAgain, UploadRefused: it has not.
    """
    status = answer.status
    if status in _AGAIN:
        raise _TryAgain(
            f"the store answered {status}", header_values.retry_after(answer.headers.get("Retry-After", ""))
        )
    if 200 <= status < 300:
        return
    meant, hint = _REFUSALS.get(status, ("it does not say why", _NEW_URL))
    if status < _ERRORS:
        meant = "it redirects elsewhere, and a signature holds for one address alone"
        hint = "Presign the PUT for the bucket's own region and address, and send the job again."
    elif with_a_checksum(url):
        hint = (
            "The URL's query has a checksum (x-amz-checksum-...), which no splat can have; presign without it: "
            "requestChecksumCalculation 'WHEN_REQUIRED' in AWS's libraries."
        )
    elif status == _FORBIDDEN and "content-length" in signed_headers(url):
        hint = "The URL was signed for a Content-Length, and no splat's is known before; presign without one."
    raise UploadRefused(f"The store refused the upload with status {status}: {answer.reason or meant}.", hint=hint)


def _compare(answer: _Answer, digest: str) -> None:
    """Whether the store has the bytes that were sent, as far as it says.

    Raises:
        _TryAgain: it has others.
    """
    etag = answer.headers.get("ETag", "").strip('"').lower()
    is_md5 = len(etag) == 32 and all(digit in "0123456789abcdef" for digit in etag)
    # With encryption by the customer's or KMS keys the ETag is not an MD5, and says so in a header.
    encrypted = answer.headers.get("x-amz-server-side-encryption", "AES256") != "AES256"
    if is_md5 and digest and etag != digest and not encrypted:
        raise _TryAgain("the store has received other bytes than were sent")
