"""Why a connection or an answer failed, in words: what to mend differs for a certificate and an answer."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator

import requests
from urllib3.util.ssl_match_hostname import CertificateError

_MOST_CAUSES = 32

_OTHER_HOST = 62
_CERTIFICATE = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed",
    19: "its certificate is of an authority that is not known",
    20: "its certificate is of an authority that is not known",
    21: "its certificate is of an authority that is not known",
    _OTHER_HOST: "its certificate is for another host",
    64: "its certificate is for another host",
}
"""OpenSSL's codes of verification (x509_vfy.h), in words."""


def is_certificate(error: requests.RequestException) -> bool:
    """Whether a certificate was refused: no later try can help."""
    return any(isinstance(cause, ssl.SSLCertVerificationError | CertificateError) for cause in _causes(error))


def in_words(error: requests.RequestException) -> str:
    """What went wrong with a connection, or with the answer on it: no address, name or query."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return _CERTIFICATE.get(cause.verify_code, "its certificate is not valid")
            case CertificateError():  # urllib3's own word, where it compares names: of a pinned address
                return _CERTIFICATE[_OTHER_HOST]
            case ssl.SSLError():
                return "no secure connection to the server could be made"
            case http.client.RemoteDisconnected():
                return "the server closed the connection without an answer"
            case http.client.HTTPException():
                return "the server's answer is not HTTP"
    return "its certificate is not valid" if isinstance(error, requests.exceptions.SSLError) else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it came from, the outermost first: libraries hide it in arguments and attributes."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(seen) < _MOST_CAUSES:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or any(found is other for other in seen):
            continue
        seen.append(found)
        yield found
        waiting += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
