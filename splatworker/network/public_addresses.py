"""Which addresses are public.

`SPLATWORKER_ALLOW_PRIVATE_URLS=1` lets all pass, for tests and for stores on a private network.
"""

from __future__ import annotations

import ipaddress
import os

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
