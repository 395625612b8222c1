"""What the guard tells; what it keeps from whom is in tests/faults/test_ssrf.py and tests/attacks/test_network.py."""

from __future__ import annotations

import requests

from splatworker.network import guard


def test_errors_in_words_name_neither_address_nor_query() -> None:
    for error in (
        requests.Timeout("x?sig=1"),
        requests.ConnectionError("x?sig=1"),
        requests.RequestException("x?sig=1"),
    ):
        assert "sig" not in guard.describe(error)
