"""What the host of a URL is, by its letters alone: an address in one of its many forms, this machine, or a name."""

from __future__ import annotations

import ipaddress
import unicodedata

LONGEST_NAME, LONGEST_LABEL = 253, 63
"""Letters (RFC 1035, 2.3.4)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def literal_of(host: str) -> Address | None:
    """The address that a host spells out, in digits of any script; None for a name.

    Resolvers take more for an address than RFC 3986 does, `127.1` or `2130706433`: these are for them to say.
    """
    try:
        return ipaddress.ip_address(_plain(host))
    except ValueError:
        return None


def is_this_machine(host: str) -> bool:
    """Whether a name means whoever asks (RFC 6761, 6.3)."""
    return f".{_plain(host)}".endswith(".localhost")


def is_name(host: str) -> bool:
    """Whether a host could be a name at all; one of other scripts is for the resolver to say."""
    plain = _plain(host)
    if not plain.isascii():
        return True
    return 0 < len(plain) <= LONGEST_NAME and all(0 < len(label) <= LONGEST_LABEL for label in plain.split("."))


def _plain(host: str) -> str:
    """As names are compared: full stops and digits of any script are those of ASCII, and the last stop says nothing."""
    return unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().removesuffix(".")
