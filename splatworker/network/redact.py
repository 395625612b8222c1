"""Keep secrets out of every text that leaves the worker.

A presigned URL is a key: whoever reads its query may write to the bucket. So no query, fragment or user name of a URL
may stand in a log, a result or an error, whichever library wrote the text.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_URL = re.compile(r"(?<![a-zA-Z0-9+.-])([a-zA-Z0-9+.-]+://)([^\s?#'\"<>]*)([?#][^\s'\"<>)\]}]*)?")
_WORD = re.compile(r"[^\s'\"<>]+")
_CLOSING = re.compile(r"([)\]}])")
_SIGNATURE = re.compile(
    r"(?i)((?:X-Amz-[A-Za-z-]{1,60}|X-Goog-[A-Za-z-]{1,60}|Signature|AWSAccessKeyId|token|secret|sig)=)[^\s&'\"<>)\]}]+"
)
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")

# Each of these looks at a letter a bounded number of times: lines of a megabyte, made by whoever named a file, are
# redacted in the worker's event loop. So a pattern begins at a word's beginning only, and what it begins with it takes.


def redact(text: str) -> str:
    """`text` without the queries and credentials of the URLs in it."""
    text = _URL.sub(_without_key, text)
    if "?" in text:
        text = _WORD.sub(_without_path_query, text)
    text = _SIGNATURE.sub(r"\1...", text)
    return _WEBHOOK_SECRET.sub("whsec_...", text)


def _without_key(url: re.Match[str]) -> str:
    """A URL less its query, fragment and credentials."""
    scheme, rest, query = url.groups()
    # More than one, where another URL stands in the path.
    hosts_and_paths = [part.partition("/") for part in rest.split("://")]
    bare = "://".join(f"{host.rpartition('@')[2]}{slash}{path}" for host, slash, path in hosts_and_paths)
    return f"{scheme}{bare}{'?...' if query else ''}"


def _without_path_query(word: re.Match[str]) -> str:
    """A word less the queries of the paths in it: after a slash, from a question mark to a closing bracket, if there is
    an equals sign in it.
    """
    parts, in_path = _CLOSING.split(word[0]), False
    for number, part in enumerate(parts):
        slash = 0 if in_path else part.find("/")
        in_path = in_path or slash >= 0
        mark = part.find("?", slash) if slash >= 0 else -1
        if mark >= 0 and ("=" in part[mark:] or "%3d" in part[mark:].lower()):
            parts[number] = f"{part[:mark]}?..."
    return "".join(parts)


def without_query(url: str) -> str:
    """`url` less its query, fragment and credentials: what may be shown to anybody."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
