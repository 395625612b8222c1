"""Ports that are no web server's; what is done about them is in tests/attacks/test_network.py."""

from __future__ import annotations

from splatworker.network.ports import PORTS_OF_OTHERS


def test_web_servers_are_none_of_them_and_what_takes_orders_is() -> None:
    assert not {80, 443, 3000, 8000, 8080, 8443, 9000} & PORTS_OF_OTHERS
    assert {22, 25, 2375, 5432, 6379, 11211} <= PORTS_OF_OTHERS
