"""Why a store refuses, by its own account: S3, R2, Google's and Azure's stores say a code in the answer's body.

Nothing of what a server writes is repeated but such a code, a word of letters and digits: an error's body quotes the
request, signature and all.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from splatworker.network import guard

MOST_BYTES = 16 << 10
"""Of an error's body that are looked at."""

MOST_SECONDS = 5.0
"""For these bytes."""

_WORD = r"[A-Za-z][A-Za-z0-9]{1,59}"
_CODE = re.compile(rf'<Code>\s*({_WORD})\s*</Code>|"code"\s*:\s*"({_WORD})"'.encode(), re.IGNORECASE)
_PLAIN = re.compile(_WORD)
_ENDED = re.compile(rb"has expired|not valid in the specified time frame|expired token", re.IGNORECASE)

_ENDED_CODES = frozenset({"expiredtoken", "expiredrequest", "requestexpired", "tokenexpired"})
_IN_WORDS = {
    "accessdenied": "whoever signed the URL may not do this",
    "authenticationfailed": "the URL's signature is wrong or has expired",
    "baddigest": "the URL was signed with a checksum of other bytes",
    "entitytoolarge": "the file is too large for it",
    "invalidaccesskeyid": "the key that signed the URL is not known",
    "invaliddigest": "the URL was signed with a checksum of other bytes",
    "nosuchbucket": "the bucket does not exist",
    "nosuchkey": "there is nothing of that name",
    "requesttimetooskewed": "the clock of whoever signed the URL is wrong",
    "signaturedoesnotmatch": "the URL's signature is wrong, or it was signed for another request",
    "blobnotfound": "there is nothing of that name",
    "containernotfound": "the bucket does not exist",
    "xamzcontentchecksummismatch": "the URL was signed with a checksum of other bytes",
}
"""Codes in small letters, in words."""

ENDED = "the URL's signature has expired"


def reason(response: requests.Response) -> str:
    """Why a store refused, "" where it does not say, or not within `MOST_SECONDS`: that it refused is known.

    Args:
        response: to a request with `stream=True`; what comes after the first bytes is left unread.
    """
    end = time.monotonic() + MOST_SECONDS
    try:
        body = guard.within(lambda: end, lambda: _beginning(response))
    except requests.Timeout:
        body = b""
        # Whoever closes the response waits for whoever reads it: wake that thread. urllib3 has this since 2.3.
        with suppress(AttributeError, ValueError, RuntimeError, OSError):
            response.raw.shutdown()
    code = _code(response, body)
    if code.lower() in _ENDED_CODES or (code and _ENDED.search(body)):
        return f"{ENDED} ({code})"
    if not code:
        return ""
    known = _IN_WORDS.get(code.lower())
    return f"{known} ({code})" if known else f"it says {code}"


def _beginning(response: requests.Response) -> bytes:
    raw: Any = response.raw
    found = b""
    try:
        while len(found) < MOST_BYTES and b"</Error>" not in found and (piece := raw.read1(MOST_BYTES - len(found))):
            found += piece
    except (HTTPError, ValueError, OSError):
        pass  # what has come may do
    return found


def _code(response: requests.Response, body: bytes) -> str:
    header = response.headers.get("x-ms-error-code", "")
    if _PLAIN.fullmatch(header):
        return header
    match = _CODE.search(body)
    return (match[1] or match[2]).decode("ascii") if match else ""
