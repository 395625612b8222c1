"""Which addresses a host's name leads to, and whether all of them are public."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import requests
from requests_hardened.ip_filter import InvalidIPAddress

from splatworker.network.public_addresses import is_public, private_urls_allowed


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
