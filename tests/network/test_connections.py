"""What servers may do besides answering."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from support.servers import RawServer, read_request

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
