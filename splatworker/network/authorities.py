"""The certificate authorities that servers are trusted by: the environment may name a file of its own."""

from __future__ import annotations

import os
import ssl

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
        ssl.create_default_context(cafile=file)
    except OSError as error:  # ssl.SSLError is one
        why = "holds no certificates" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        raise SplatError(
            f"The file that {AUTHORITIES} names {why}.", hint="Give a file of PEM certificates, or unset it."
        ) from None
