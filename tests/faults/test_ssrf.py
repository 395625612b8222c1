"""Nobody is let in: no form of URL, name, redirect or answer of a resolver leads to an address that is not public."""

from __future__ import annotations

import ipaddress
import itertools
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
import urllib3.util.connection
from support.addresses import FORMS, NETWORKS
from support.servers import RawServer, read_request, respond
from support.waiting import PATIENCE_S

from splatworker.deliver import messages, upload, webhook
from splatworker.errors import InvalidJob, SplatError
from splatworker.network import guard, public_addresses, url_rules
from splatworker.photos import fetch
from splatworker.stages.progress import Silent

PUBLIC = "93.184.216.34"
OTHER_PUBLIC = "93.184.216.35"


@pytest.fixture(autouse=True)
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(public_addresses.ALLOW_PRIVATE, raising=False)


@pytest.fixture
def sink() -> Iterator[RawServer]:
    """A server on loopback that must never be reached."""

    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, "200 OK", b"secret")

    with RawServer(behave) as server:
        yield server
        assert server.connections == 0


class Network:
    """A pretended internet: names with addresses, and public addresses that lead to servers on loopback.

    Only what lies below the guard is pretended (the resolver and the TCP connection); every address that is connected
    to is written down.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: dict[str, list[list[str]]] = {}
        self.servers: dict[str, int] = {}
        self.connected: list[str] = []
        self._resolve = socket.getaddrinfo
        self._connect = urllib3.util.connection.create_connection
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)
        monkeypatch.setattr(urllib3.util.connection, "create_connection", self.create_connection)

    def getaddrinfo(self, host: str, port: int, *arguments: Any, **options: Any) -> list[Any]:
        if host not in self.names:
            return self._resolve(host, port, *arguments, **options)
        answers = self.names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in addresses for entry in self._resolve(address, port, type=socket.SOCK_STREAM)]

    def create_connection(self, address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
        host = address[0].strip("[]")
        self.connected.append(host)
        if host not in self.servers:
            raise ConnectionRefusedError(111, "refused")
        return self._connect(("127.0.0.1", self.servers[host]), *arguments, **options)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    network = Network(monkeypatch)
    yield network
    for address in network.connected:
        assert public_addresses.is_public(ipaddress.ip_address(address)), address


def get(url: str) -> requests.Response:
    with guard.session() as session:
        return session.get(url, timeout=PATIENCE_S)


def is_refused(url: str) -> bool:
    """Whether the guard stops it: by the URL's form, or when it is connected to."""
    try:
        url_rules.check_url(url, "image_urls[0]")
        get(url)
    except (InvalidJob, requests.RequestException):
        return True
    return False


@pytest.mark.parametrize("host", FORMS)
def test_forms_of_loopback(host: str, sink: RawServer) -> None:
    assert is_refused(f"http://{host}:{sink.port}/")


@pytest.mark.parametrize(
    "template",
    [
        "http://user@127.0.0.1:{port}/", "http://user:password@127.0.0.1:{port}/",
        "http://public.example@127.0.0.1:{port}/", "http://public.example\\@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@public.example/", "http://public.example#@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}#@public.example/", "http://public.example:80@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/\r\nHost: x", "http://127.0.0.1:{port}\t/", "http://127.0.0.1\x00.public.example:{port}/",
        "http://127.0.0.1%00.public.example:{port}/", "http://[127.0.0.1]:{port}/", "http:127.0.0.1:{port}/",
        "http:///127.0.0.1:{port}/", "http:/127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://127.0.0.1:{port}:80/",
        "http://127.0.0.1:0/", "http://:{port}/", "http://", "http://[::1", "http://127.0.0.1:99999/", " http://127.0.0.1/",
    ],
)  # fmt: skip
def test_splits(template: str, sink: RawServer, network: Network) -> None:
    network.names["public.example"] = [[PUBLIC]]
    assert is_refused(template.format(port=sink.port))


@pytest.mark.parametrize(
    "scheme",
    ["file", "ftp", "gopher", "dict", "ldap", "data", "javascript", "jar", "unix", "http+unix", "netdoc", "ws"],
)
def test_odd_schemes(scheme: str, sink: RawServer) -> None:
    assert is_refused(f"{scheme}://127.0.0.1:{sink.port}/etc/passwd")
    assert is_refused(f"{scheme}:/etc/passwd")


@pytest.mark.parametrize("name", NETWORKS)
def test_reserved_networks_first_host_and_last(name: str) -> None:
    reserved = ipaddress.ip_network(name)
    first, last = reserved.network_address, reserved.broadcast_address
    for address in {first, first + 1 if reserved.num_addresses > 1 else first, last}:
        assert not public_addresses.is_public(address), address
        host = f"[{address}]" if address.version == 6 else str(address)
        with pytest.raises(InvalidJob, match="not public"):
            url_rules.check_url(f"https://{host}/", "upload_url")


@pytest.mark.parametrize(
    "inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "8.8.8.8"], ids=["loopback", "private", "metadata", "public"]
)
def test_addresses_with_an_ipv4_address_inside(inner: str) -> None:
    number = int(ipaddress.IPv4Address(inner))
    forms = [
        number,  # compatible
        (0xFFFF << 32) + number,  # mapped
        (0x64FF9B << 96) + number,  # NAT64
        (0x64FF9B0001 << 80) + number,  # NAT64, local
        (0x2002 << 112) + (number << 80),  # 6to4
        (0x20010000 << 96) + (number ^ 0xFFFFFFFF),  # Teredo
        (0x20010470 << 96) + (0x5EFE << 32) + number,  # ISATAP
        (0x20010470 << 96) + (0x02005EFE << 32) + number,
    ]
    for form in forms:
        assert not public_addresses.is_public(ipaddress.IPv6Address(form))


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8", PUBLIC, "100.63.255.255", "100.128.0.0", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
        "126.255.255.255", "128.0.0.0", "223.255.255.255", "192.0.1.0", "198.20.0.0", "2606:4700:4700::1111",
        "2a00:1450:4001:830::200e", "2001:4860:4860::8888",
    ],
)  # fmt: skip
def test_public_addresses_are_let_through(address: str) -> None:
    assert public_addresses.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("metadata.google.internal", "169.254.169.254"), ("metadata.aws.example", "169.254.169.254"),
        ("v6.aws.example", "fd00:ec2::254"), ("ecs.aws.example", "169.254.170.2"),
        ("alibaba.example", "100.100.100.200"),
        ("oracle.example", "192.0.0.192"), ("azure-wire.example", "168.63.129.16"), ("gcp6.example", "fd20:ce::254"),
        ("kubernetes.default.svc", "10.96.0.1"), ("nat64.example", "64:ff9b::a9fe:a9fe"),
    ],
)  # fmt: skip
def test_metadata_services(host: str, address: str, network: Network) -> None:
    network.names[host] = [[address]]
    assert is_refused(f"http://{host}/latest/meta-data/")
    assert network.connected == []


def redirecting(status: str, location: str) -> RawServer:
    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        server.requests.append(head)
        respond(connection, status, b"", f"Location: {location}")

    server = RawServer(behave)
    return server


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_redirects_to_private_addresses(status: str, sink: RawServer, network: Network) -> None:
    network.names |= {"public.example": [[PUBLIC]], "inner.example": [["127.0.0.1"]]}
    for location in (f"http://127.0.0.1:{sink.port}/", f"http://inner.example:{sink.port}/", "http://[::1]/"):
        with redirecting(status, location) as server:
            network.servers[PUBLIC] = server.port
            assert is_refused("http://public.example/")
            assert server.connections == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "data:,x"])
def test_redirects_to_other_schemes(location: str, network: Network) -> None:
    network.names["public.example"] = [[PUBLIC]]
    with redirecting("302 Found", location) as server:
        network.servers[PUBLIC] = server.port
        assert is_refused("http://public.example/")


def test_endless_redirects(network: Network) -> None:
    network.names["public.example"] = [[PUBLIC]]
    with redirecting("302 Found", "http://public.example/again") as server:
        network.servers[PUBLIC] = server.port
        with pytest.raises(requests.TooManyRedirects):
            get("http://public.example/")
        assert server.connections == guard.MOST_REDIRECTS + 1


def test_a_redirect_takes_no_credentials_along(network: Network) -> None:
    network.names |= {"public.example": [[PUBLIC]], "other.example": [[OTHER_PUBLIC]]}
    with redirecting("302 Found", "http://other.example/") as first, redirecting("404 None", "/") as second:
        network.servers |= {PUBLIC: first.port, OTHER_PUBLIC: second.port}
        with guard.session() as session:
            session.get("http://public.example/?secret=1", headers={"Authorization": "Bearer x"}, timeout=PATIENCE_S)
    assert b"Authorization" in first.requests[0]
    assert b"Authorization" not in second.requests[0]
    assert b"secret" not in second.requests[0]


def test_a_name_that_changes_its_mind(sink: RawServer, network: Network) -> None:
    """DNS rebinding: whatever the resolver says later, the connection goes to an address that was judged."""
    for answers in itertools.product([[PUBLIC], ["127.0.0.1"]], repeat=3):
        network.names["rebind.example"] = [list(answer) for answer in answers]
        with redirecting("404 None", "/") as server:
            network.servers[PUBLIC] = server.port
            is_refused(f"http://rebind.example:{sink.port}/")
        assert set(network.connected) <= {PUBLIC}


@pytest.mark.parametrize("order", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "::1"]])
def test_one_public_and_one_private_answer(order: list[str], network: Network) -> None:
    network.names["both.example"] = [order]
    assert is_refused("http://both.example/")
    assert network.connected == []


def test_the_first_address_is_dead(network: Network, tmp_path: Path) -> None:
    network.names["two.example"] = [[OTHER_PUBLIC, PUBLIC]]

    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, "200 OK", b"photo")

    with RawServer(behave) as server:
        network.servers[PUBLIC] = server.port
        fetched = fetch.fetch(["http://two.example/a.jpg"], tmp_path / "in", Silent())
    assert network.connected == [OTHER_PUBLIC, PUBLIC]
    assert (tmp_path / "in" / fetched.files[0]).read_bytes() == b"photo"


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], RawServer]:
    """An authority that the worker trusts, and a server of HTTPS whose certificate is for the given name."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    def server(name: str) -> RawServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)

        def behave(connection: socket.socket, number: int) -> None:
            with context.wrap_socket(connection, server_side=True) as secure:
                read_request(secure)
                respond(secure, "200 OK", b"photo")

        return RawServer(behave)

    return server


def test_a_good_certificate_on_a_pinned_address(network: Network, tls: Callable[[str], RawServer]) -> None:
    network.names["public.example"] = [[PUBLIC]]
    with tls("public.example") as server:
        network.servers[PUBLIC] = server.port
        assert get("https://public.example/").content == b"photo"


def test_a_bad_certificate_on_a_pinned_address(network: Network, tls: Callable[[str], RawServer]) -> None:
    network.names["public.example"] = [[PUBLIC]]
    with tls("other.example") as server:
        network.servers[PUBLIC] = server.port
        with pytest.raises(requests.exceptions.SSLError):
            get("https://public.example/")


def test_uploads_and_webhooks_are_guarded_too(sink: RawServer, network: Network, tmp_path: Path) -> None:
    network.names["inner.example"] = [["127.0.0.1"]]
    file = tmp_path / "a.ply"
    file.write_bytes(b"x")
    url = f"http://inner.example:{sink.port}/?X-Amz-Signature=secret"
    with pytest.raises(SplatError) as caught:
        upload.upload(file, url, Silent())
    assert "not public" in caught.value.message
    assert "secret" not in caught.value.message
    with pytest.raises(webhook.Undelivered, match="not public"):
        webhook.send(url, messages.failed("j", None, "e", "c"))
    fetched = fetch.fetch([url], tmp_path / "in", Silent())
    assert fetched.rejected == [{"index": 0, "reason": "its address is not public"}]
