"""Which addresses are public, and which ones a host's name leads to.

`SPLATWORKER_ALLOW_PRIVATE_URLS=1` lets all pass, for tests and for stores on a private network.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from urllib.parse import urlsplit

import requests
from requests_hardened.ip_filter import InvalidIPAddress

ALLOW_PRIVATE = "SPLATWORKER_ALLOW_PRIVATE_URLS"

_REFUSED = [
    ipaddress.ip_network(network)
    for network in (
        # IPv4: IANA's special-purpose registry, multicast and reserved, CGNAT, and addresses of clouds' metadata
        # services that look public.
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
        "100.100.100.200/32",
        # IPv6: only 2000::/3 is public at all; in it these are not.
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
]  # fmt: skip
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The upper half of an ISATAP interface identifier (RFC 5214); the lower half is an IPv4 address."""


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether a stranger may make the worker connect there.

    Addresses that carry an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) are never public:
    what stands behind them depends on the network's translators.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _PUBLIC_IPV6 or address.scope_id:
            return False
        if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
            return False
    return not any(address in network for network in _REFUSED if network.version == address.version)


def private_urls_allowed() -> bool:
    """Whether the operator has switched the guard off."""
    return os.environ.get(ALLOW_PRIVATE) == "1"


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host as text, in the resolver's order.

    Raises:
        InvalidIPAddress: one of them is not public. A name with a public and a private address is an attack, or
            a mistake that would fail every other time.
    """
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise requests.ConnectionError(f"The host name could not be resolved: {host[:100]}") from error
    found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    for address in found:
        if not is_public(ipaddress.ip_address(address)):
            raise InvalidIPAddress("The address is not public.")
    return found


def leads_inside(url: str) -> bool:
    """Whether a URL's host is one that must not be connected to, as its resolver says now; a name that it does not know
    is none.
    """
    parts = urlsplit(url)
    if private_urls_allowed() or parts.hostname is None:
        return False
    try:
        addresses_of(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    except InvalidIPAddress:
        return True
    except requests.RequestException:
        return False
    return False
