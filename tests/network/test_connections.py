"""What servers may do besides answering."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.servers import RawServer, read_request

from splatworker.errors import SplatError
from splatworker.network import connections, guard, public_addresses


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(public_addresses.ALLOW_PRIVATE, "1")


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints", "199 Later"])
def test_the_answer_is_the_final_one(interim: str) -> None:
    before = f"HTTP/1.1 {interim}\r\nLink: </style.css>\r\nX: y\r\n\r\n".encode()

    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(2 * before + b"HTTP/1.1 201 Created\r\nX: z\r\nContent-Length: 2\r\n\r\nok")

    with RawServer(behave) as server, guard.session() as session:
        answer = session.put(server.url(), data=b"body", timeout=20)
    assert (answer.status_code, answer.headers["X"], answer.content) == (201, "z", b"ok")


def test_an_answer_that_switches_protocols_is_the_answer() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")

    with RawServer(behave) as server, guard.session() as session:
        assert session.get(server.url(), timeout=20, stream=True).status_code == 101


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_has_longer_to_read_than_to_accept_a_connection(scheme: str) -> None:
    """Each time that something is sent the socket's own limit is ours, and not the one that it was opened with."""
    heard: list[float | None] = []

    class Body:
        def __len__(self) -> int:
            return 4

        def __iter__(self) -> Iterator[bytes]:
            yield b"bo"
            heard.append(sockets[0].gettimeout())
            yield b"dy"

    sockets: list[socket.socket] = []
    kind = {"http": connections._Connection, "https": connections._SecureConnection}[scheme]
    connection = kind("127.0.0.1", 9, timeout=1.0)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection.sock = ours
        sockets.append(ours)
        connection.request("PUT", "/a", body=Body(), headers={"Content-Length": "4"})
        theirs.settimeout(20)
        assert theirs.recv(65536).startswith(b"PUT /a HTTP/1.1\r\n")
    assert heard == [connections.SEND_TIMEOUT_S]


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), ("nothing", "holds no certificates")])
def test_authorities_that_are_none_are_told_before_anything_is_fetched(
    content: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv(connections.AUTHORITIES, str(tmp_path / "ca.pem"))
    with pytest.raises(SplatError, match=f"{connections.AUTHORITIES}.*{words}"):
        connections.check_authorities()


def test_authorities_that_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for file in (str(tmp_path / "ca.pem"), ""):
        monkeypatch.setenv(connections.AUTHORITIES, file)
        connections.check_authorities()
