"""Where the world finds what was uploaded: a store's address for signed requests is none that a page can load.

R2 and S3 show a bucket's objects under another address (an r2.dev one, a domain of one's own). A job may bring it as
`public_url`; for callers that do not, the worker's environment says how one follows from the other.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from splatworker.errors import SplatError
from splatworker.network.redact import without_query

PUBLIC = "SPLATWORKER_PUBLIC_URL"
"""The environment's rule: the beginning of upload URLs, a space, and what stands in its place for everybody."""


def public_address(url: str) -> str:
    """The address of an uploaded object, without the query that signed its upload.

    Raises:
        SplatError: the environment's rule is none.
    """
    plain = without_query(url)
    rule = environment_rule()
    if rule is None or not plain.startswith(rule[0]):
        return plain
    return rule[1] + plain[len(rule[0]) :]


def environment_rule() -> tuple[str, str] | None:
    """The beginning of upload URLs and what replaces it, each with a slash at its end; None where nothing is said.

    Raises:
        SplatError: the variable holds something else.
    """
    words = os.environ.get(PUBLIC, "").split()
    if not words:
        return None
    if len(words) != 2 or any(urlsplit(word).scheme not in ("http", "https") for word in words):
        raise SplatError(
            f"{PUBLIC} must be two addresses with a space between them.",
            hint="For example: https://ACCOUNT.r2.cloudflarestorage.com/BUCKET/ https://pub-0123.r2.dev/",
        )
    store, public = (word.rstrip("/") + "/" for word in words)
    return store, public
