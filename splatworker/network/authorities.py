"""The certificate authorities that servers are trusted by: the environment may name a file of its own."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

from splatworker.errors import SplatError

AUTHORITIES = "SSL_CERT_FILE"


def check_authorities() -> None:
    """Look at the file of certificate authorities that the environment may name.

    Raises:
        SplatError: it is none. Every photo would be lost for it, one after the other.
    """
    file = os.environ.get(AUTHORITIES)
    if not file:
        return
    try:
        found = Path(file).stat()
        why = _fault(file, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    if why:
        raise SplatError(
            f"The file that {AUTHORITIES} names {why}.", hint="Give a file of PEM certificates, or unset it."
        )


@lru_cache(maxsize=1)
def _fault(file: str, state: tuple[int, ...]) -> str:
    """What is wrong with the file, or nothing; asked once of a file that stays as it is: a system's list of authorities
    takes a fiftieth of a second to read, and every job asks.

    Raises:
        OSError: it cannot be read.
    """
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        return "holds no certificates"
    return ""
