"""Hosts by their letters; who is refused for them is in tests/faults/test_ssrf.py and test_guard.py."""

from __future__ import annotations

import pytest
from support.addresses import FORMS

from splatworker.network import hosts, public_addresses

SPELT_OUT = [form for form in FORMS if form.startswith("[") or form.rstrip(".") == "127.0.0.1" or not form.isascii()]


@pytest.mark.parametrize("host", SPELT_OUT)
def test_every_form_of_an_address_is_one(host: str) -> None:
    literal = hosts.literal_of(host.strip("[]").replace("%25", "%"))
    assert literal is not None
    assert not public_addresses.is_public(literal)


@pytest.mark.parametrize("host", ["store.example", "1.2.3.4.example", "0x7f.example", "a", "bücher.example", "-", ""])
def test_a_name_is_no_address(host: str) -> None:
    assert hosts.literal_of(host) is None


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "ｌocalhost"])
def test_names_of_this_machine(host: str) -> None:
    assert hosts.is_this_machine(host)
    assert not hosts.is_this_machine(f"{host.rstrip('.')}.example")
    assert not hosts.is_this_machine("notlocalhost")


@pytest.mark.parametrize("host", ["", ".", "a..b", ".a", "a" * 64 + ".example", ".".join(["a" * 60] * 5)])
def test_what_no_resolver_could_know(host: str) -> None:
    assert not hosts.is_name(host)


@pytest.mark.parametrize("host", ["a", "store.example.", "_dmarc.example", "xn--bcher-kva.example", "bücher.example"])
def test_what_may_be_a_name(host: str) -> None:
    assert hosts.is_name(host)
