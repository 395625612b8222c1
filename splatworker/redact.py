"""Keep secrets out of every text that leaves the worker.

A presigned URL is a key: whoever reads its query may write to the bucket. So no query, fragment or user name of a URL
may stand in a log, a result or an error, whichever library wrote the text.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_QUERY = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s?#'\"<>]*)[?#][^\s'\"<>)\]}]*")
_CREDENTIALS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@'\"]+@")
_PATH_AND_QUERY = re.compile(r"(/[^\s?'\"<>]*)\?[^\s'\"<>)\]}]*(?:=|%3D)[^\s'\"<>)\]}]*")
_SIGNATURE = re.compile(r"(?i)((?:X-Amz-[A-Za-z-]+|Signature|AWSAccessKeyId|token|secret|sig)=)[^\s&'\"<>)\]}]+")
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")


def redact(text: str) -> str:
    """`text` without the queries and credentials of the URLs in it."""
    text = _CREDENTIALS.sub(r"\1", text)
    text = _QUERY.sub(r"\1?...", text)
    text = _PATH_AND_QUERY.sub(r"\1?...", text)
    text = _SIGNATURE.sub(r"\1...", text)
    return _WEBHOOK_SECRET.sub("whsec_...", text)


def without_query(url: str) -> str:
    """`url` less its query, fragment and credentials: what may be shown to anybody."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
