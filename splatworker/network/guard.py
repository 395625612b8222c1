"""HTTP to addresses that strangers name, without letting them reach into the network the worker stands in.

Every connection (and so every redirect) is resolved once, refused if any of its addresses is not a public one
(`public_addresses`, `resolution`), and made to the very address that was checked; `requests-hardened` does the pinning,
and this module adds the networks that it lets through, and the ports that are no web server's.

Nothing of a redirect's body is read, and whatever a server drips, a request ends in its time (`within`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter

from splatworker.network import faults
from splatworker.network.authorities import AUTHORITIES
from splatworker.network.connections import PatientAdapter
from splatworker.network.ports import PORTS_OF_OTHERS
from splatworker.network.public_addresses import private_urls_allowed
from splatworker.network.resolution import addresses_of

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 20.0
MOST_REDIRECTS = 5
USER_AGENT = "splatworker"

T = TypeVar("T")


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
