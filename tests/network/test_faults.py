"""Connections that go wrong in every way, against real sockets and certificates: each has its own words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import trustme
import urllib3
from support.servers import Behaviour, RawServer, read_request, respond

from splatworker.network import faults, guard, public_addresses

HOST = "127.0.0.1"
DAY = timedelta(days=1)
NO_ADDRESS = "it is, or redirects to, something that is not an http or https URL"


@pytest.fixture(scope="module")
def known() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def on_loopback(known: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(public_addresses.ALLOW_PRIVATE, "1")
    known.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    yield


def over_tls(certificate: trustme.LeafCert) -> Behaviour:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    def behave(connection: socket.socket, number: int) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            read_request(secure)
            respond(secure, "200 OK", b"x")

    return behave


def sending(data: bytes) -> Behaviour:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(data)

    return behave


def ask(behave: Behaviour, scheme: str = "http") -> requests.RequestException:
    with RawServer(behave) as server, guard.session() as session, pytest.raises(requests.RequestException) as caught:
        session.get(server.url("/a?sig=5ECR3T").replace("http", scheme), timeout=20, stream=True)
    return caught.value


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda known: trustme.CA().issue_cert(HOST), "an authority that is not known"),
        (lambda known: known.issue_cert("store.example"), "for another host"),
        (lambda known: known.issue_cert(HOST, not_after=datetime.now(UTC) - DAY), "has expired"),
        (lambda known: known.issue_cert(HOST, not_before=datetime.now(UTC) + DAY), "not valid yet"),
    ],
)
def test_a_certificate_is_refused_for_its_reason_and_for_good(
    known: trustme.CA, make: Callable[[trustme.CA], trustme.LeafCert], words: str
) -> None:
    error = ask(over_tls(make(known)), "https")
    assert faults.is_certificate(error)
    assert words in guard.describe(error)


def test_a_certificate_for_another_host_than_that_of_a_pinned_address(known: trustme.CA, tmp_path: Path) -> None:
    """Its name is compared by urllib3 then, not by ssl."""
    with RawServer(over_tls(known.issue_cert(HOST))) as server:
        pinned = urllib3.HTTPSConnectionPool(
            HOST, server.port, assert_hostname="named.example", ca_certs=str(tmp_path / "authority.pem"), retries=False
        )
        with pytest.raises(urllib3.exceptions.SSLError) as caught:
            pinned.request("GET", "/a?sig=5ECR3T")
    error = requests.exceptions.SSLError(caught.value)
    assert faults.is_certificate(error)
    assert "for another host" in guard.describe(error)


def test_a_good_certificate(known: trustme.CA) -> None:
    with RawServer(over_tls(known.issue_cert(HOST))) as server, guard.session() as session:
        assert session.get(server.url().replace("http", "https"), timeout=20).content == b"x"


@pytest.mark.parametrize(
    ("behave", "scheme", "words"),
    [
        (lambda connection, number: connection.recv(1000), "https", "no secure connection"),  # ends in the middle
        (lambda connection, number: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), "https", "no secure connection"),
        (sending(b""), "http", "without an answer"),
        (sending(b"a photo, and no head"), "http", "not HTTP"),
        (sending(b"HTTP/1.1 OK fine\r\n\r\n"), "http", "not HTTP"),
        (sending(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n"), "http", "not HTTP"),
        (sending(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"), "http", "not HTTP"),
    ],
)
def test_what_may_be_gone_in_a_moment(behave: Behaviour, scheme: str, words: str) -> None:
    error = ask(behave, scheme)
    assert isinstance(error, requests.ConnectionError)
    assert not faults.is_certificate(error)
    assert words in guard.describe(error)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", "a..b"])
def test_a_name_that_means_nothing(host: str) -> None:
    with guard.session() as session, pytest.raises(requests.RequestException) as caught:
        session.get(f"http://{host}/a.jpg", timeout=20)
    assert guard.describe(caught.value) in ("the server could not be reached", NO_ADDRESS)


@pytest.mark.parametrize(
    "location", ["http://[::bad", "http://" + "a" * 300 + ".example/", "ftp://a/", "file:///etc/passwd", "http://:0/"]
)
def test_a_redirect_to_what_is_no_address(location: str) -> None:
    error = ask(sending(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()))
    assert guard.describe(error) in ("the server could not be reached", NO_ADDRESS)
