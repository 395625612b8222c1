"""HTTP connections that take what servers may do besides answering: interim answers, and pauses while they read.

http.client knows 100 alone of the interim answers (RFC 9110, 15.2) and takes 102 or 103 for the answer; and urllib3
gives a server no longer to read the next piece of a body than to accept a connection.
"""

from __future__ import annotations

import http.client
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

SEND_TIMEOUT_S = 60.0
"""Seconds for which a server may stop to read what it is sent."""

_SWITCHING_PROTOCOLS = 101


class _Answer(http.client.HTTPResponse):
    """The final answer: interim ones before it are read and forgotten."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc] # typeshed has the public part alone
            if status // 100 != 1 or status in (http.client.CONTINUE, _SWITCHING_PROTOCOLS):
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Patient:
    """What both kinds of connections do: a mixin before urllib3's own."""

    def send(self: Any, data: Any) -> None:
        """As http.client calls it, which connects here, too."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(SEND_TIMEOUT_S)  # until the answer is read, for which urllib3 sets its own
        super().send(data)  # type: ignore[misc] # the connection's


class _Connection(_Patient, HTTPConnection):
    response_class = _Answer


class _SecureConnection(_Patient, HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class PatientAdapter(HTTPAdapter):
    """An adapter of requests with these connections."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As requests calls it."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
