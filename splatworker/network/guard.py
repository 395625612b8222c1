"""HTTP to addresses that strangers name, without letting them reach into the network the worker stands in.

Every connection (and so every redirect) is resolved once, refused if any of its addresses is not a public one, and
made to the very address that was checked; `requests-hardened` does the pinning, and this module adds the networks
that it lets through, and the ports that are no web server's. `SPLATWORKER_ALLOW_PRIVATE_URLS=1` switches the guard
off, for tests and for stores on a private network.

Nothing of a redirect's body is read, and whatever a server drips, a request ends in its time (`within`).
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import requests
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter

from splatworker.errors import InvalidJob
from splatworker.network import faults, header_values, hosts
from splatworker.network.connections import AUTHORITIES, PatientAdapter
from splatworker.network.ports import PORTS_OF_OTHERS

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 20.0
MOST_REDIRECTS = 5
USER_AGENT = "splatworker"

ALLOW_PRIVATE = "SPLATWORKER_ALLOW_PRIVATE_URLS"

number = header_values.number
retry_after = header_values.retry_after

T = TypeVar("T")

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


def local_path(url: str) -> Path | None:
    """The file that a `file:` URL or a plain path names; None for any other URL."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return Path(url) if "://" not in url else None


def private_urls_allowed() -> bool:
    """Whether the operator has switched the guard off."""
    return os.environ.get(ALLOW_PRIVATE) == "1"


def check_url(url: str, field: str) -> None:
    """Refuse a URL whose form alone says that it must not be fetched.

    Raises:
        InvalidJob: with the field's name, never the URL's query.
    """
    host, port = check_form(url, field)
    if private_urls_allowed():
        return
    if port in PORTS_OF_OTHERS:
        raise InvalidJob(f"The field '{field}' names port {port}, which is not a web server's.")
    literal = hosts.literal_of(host)
    if hosts.is_this_machine(host) or (literal is not None and not is_public(literal)):
        raise InvalidJob(f"The field '{field}' points to an address that is not public.")
    if literal is None and not hosts.is_name(host):  # a name is resolved, judged and pinned when it is connected to
        raise InvalidJob(f"The field '{field}' holds a URL whose host is no name that could exist.")


def check_form(url: str, field: str) -> tuple[str, int | None]:
    """Refuse what is no http or https URL that may be shown to anybody, wherever it leads; its host and port.

    Raises:
        InvalidJob: with the field's name, never the URL's query.
    """
    if any(ord(character) <= 0x20 or 0x7F <= ord(character) <= 0x9F for character in url) or "\\" in url:
        raise InvalidJob(f"The field '{field}' holds a URL with a space, backslash or control character in it.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidJob(f"The field '{field}' does not hold a valid URL.") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise InvalidJob(
            f"The field '{field}' does not hold an http or https URL.", hint="Give a URL such as https://host/path."
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidJob(f"The field '{field}' holds a URL with a user name or password in it.")
    return host, port


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


class RefusedPort(requests.RequestException):
    """A redirect to a port that is not a web server's."""


class GuardedAdapter(IPFilterAdapter, PatientAdapter):  # type: ignore[misc] # the library has no types
    """Connects to public addresses only, each try of a host to the next of its addresses."""

    def __init__(self, *, is_https_proto: bool) -> None:
        super().__init__(is_https_proto=is_https_proto)  # type: ignore[call-arg] # the library has no types
        self._tries: dict[str, int] = {}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Where to connect to for a request: called for each one, those of redirects included."""
        host_params, pool_kwargs = super().build_connection_pool_key_attributes(request, verify, cert)
        parts = urlsplit(request.url)
        host = parts.hostname or ""
        if parts.port in PORTS_OF_OTHERS:
            raise RefusedPort("The port is not a web server's.")
        addresses = addresses_of(host, parts.port or (443 if parts.scheme == "https" else 80))
        turn = self._tries.get(host, 0)
        address = addresses[turn % len(addresses)]
        host_params["host"] = f"[{address}]" if ":" in address else address
        return host_params, pool_kwargs

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send; if the address does not answer, the next try goes to the next one."""
        try:
            return super().send(request, *args, **kwargs)
        except (requests.ConnectionError, requests.Timeout):
            host = urlsplit(request.url or "").hostname
            self._tries[str(host)] = self._tries.get(str(host), 0) + 1
            raise


class _Session(requests.Session):
    """Leaves the bodies of redirects alone, and calls an address that is none by one name.

    requests reads them whole, and unpacks them, to have the connection free for the next request: also where redirects
    are not followed, and where a body is to be streamed. Closed here, before, there is nothing to read.
    """

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where an answer redirects to; asked for every answer, before its body is touched."""
        target = super().get_redirect_target(resp)
        if target is not None:
            resp.raw.close()
        return target

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send, and follow redirects: to whatever a server calls an address.

        Raises:
            requests.RequestException: and nothing else; the libraries below have their own words for some addresses.
        """
        try:
            return super().send(request, **options)
        except requests.RequestException:
            raise
        except ValueError as error:  # UnicodeError is one, and so are urllib3's of an address
            raise requests.exceptions.InvalidURL("not an address") from error


def session() -> requests.Session:
    """A session that obeys the guard, no proxy of the environment, and no credentials file."""
    new = _Session()
    new.trust_env = False
    new.max_redirects = MOST_REDIRECTS
    new.headers.clear()
    new.headers["User-Agent"] = USER_AGENT
    if private_urls_allowed():
        adapters = {"http://": PatientAdapter(), "https://": PatientAdapter()}
    else:
        adapters = {
            "http://": GuardedAdapter(is_https_proto=False),
            "https://": GuardedAdapter(is_https_proto=True),
        }
    for prefix, adapter in adapters.items():
        new.mount(prefix, adapter)
    # Behind a company's or a test's own certificate authority, without the rest of `trust_env`.
    new.verify = os.environ.get(AUTHORITIES) or True
    return new


def within(end: Callable[[], float], work: Callable[[], T]) -> T:
    """What `work` comes to, if it does so before `end()` (`time.monotonic()`, asked again and again).

    A server may drip a header, `100 Continue` or a line before a chunk for ever; a socket's timeout begins anew with
    each byte, and a resolver has none that could be set. So `work` runs in a thread of its own, which is abandoned when
    its time is over: it must hold nothing that others need, and the process must not wait for it when it ends.

    Raises:
        requests.Timeout: it is not done in time.
    """
    outcome: list[tuple[T | None, BaseException | None]] = []
    done = threading.Event()

    def run() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:
            outcome.append((None, error))
        done.set()

    threading.Thread(target=run, daemon=True).start()
    while not done.wait(min(1.0, max(0.0, end() - time.monotonic()))):
        if time.monotonic() >= end():
            raise requests.Timeout("not done in time")
    result, error = outcome[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value] # what work() gave, None included


def describe(error: requests.RequestException) -> str:
    """What went wrong with a request, in words for the sender of the job: without addresses, names or queries."""
    match error:
        case InvalidIPAddress():
            return "its address is not public"
        case RefusedPort():
            return "its port is not a web server's"
        case requests.TooManyRedirects():
            return "it redirects too often"
        case requests.Timeout():
            return "the server did not answer in time"
        case (
            requests.exceptions.InvalidSchema() | requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema()
        ):
            return "it is, or redirects to, something that is not an http or https URL"
        case requests.ConnectionError():
            return faults.in_words(error) or "the server could not be reached"
    return "the transfer broke off"
