"""The headers of a presigned PUT: what a URL was signed with must be sent as it was signed, and nothing else that is.

Most headers have values that whoever signed the URL alone knows, and did not tell: a checksum, say, of bytes that
nobody had then. Such a URL fits no file of ours, which is found out before anything is made.
"""

from __future__ import annotations

from splatworker.errors import InvalidJob
from splatworker.network.presigned import is_azure, parameters, signed_headers

CONTENT_TYPE = "application/octet-stream"

_KNOWN = {
    "content-type": CONTENT_TYPE,
    "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    "x-goog-content-sha256": "UNSIGNED-PAYLOAD",
}
"""Headers that a URL may be signed with, and the values that presigners give them."""

_SENT_ANYWAY = frozenset({"host", "content-length"})

_AZURE = {"x-ms-blob-type": "BlockBlob"}
"""Without it Azure's stores take no file, and no signature covers it."""

HINT = "Sign the PUT for the host, and at most for the Content-Type application/octet-stream."


def put_headers(url: str) -> dict[str, str]:
    """The headers that a URL's PUT must have, other than host and Content-Length, as far as their values are known."""
    wanted = {name: _KNOWN[name] for name in sorted(signed_headers(url)) if name in _KNOWN}
    return wanted | (_AZURE if is_azure(url) else {})


def unknown_header(url: str) -> str | None:
    """The first header that a URL was signed with and whose value nobody told us; None where there is none."""
    unknown = sorted(signed_headers(url) - _KNOWN.keys() - _SENT_ANYWAY)
    return unknown[0][:60] if unknown else None


def with_a_checksum(url: str) -> bool:
    """Whether a URL's query promises a checksum, as newer AWS libraries add one of no bytes at all by themselves."""
    return any(name.startswith("x-amz-checksum-") for name in parameters(url))


def check_put_headers(url: str, field: str) -> None:
    """Refuse a URL that was signed for more than we can send.

    Raises:
        InvalidJob: with the field, and the header.
    """
    if (unknown := unknown_header(url)) is not None:
        raise InvalidJob(
            f"The URL in '{field}' was signed for the header {unknown!a}, which the worker does not send.", hint=HINT
        )
