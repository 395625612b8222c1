"""Webhooks: payloads to the letter, signatures that the standard's own library accepts, and bad receivers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stamina
from standardwebhooks import Webhook
from support.servers import RawServer, read_request, reset, respond

from splatworker.deliver import messages, webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
COMPLETED = messages.completed("job-1", "p-1", "https://cdn.example/a.ply", 123)


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    monkeypatch.setattr(webhook, "LONGEST_WAIT_S", 0.01)
    with stamina.set_testing(True, attempts=webhook.TRIES, cap=True):
        yield


class Receiver(RawServer):
    """Answers with the given statuses in turn, the last one for ever."""

    def __init__(self, *statuses: str, headers: tuple[str, ...] = ()) -> None:
        def behave(connection: socket.socket, number: int) -> None:
            head, body = read_request(connection)
            lines = head.decode().split("\r\n")[1:]
            self.messages.append((dict(line.lower().split(": ", 1) for line in lines), body))
            respond(connection, statuses[min(number, len(statuses)) - 1], b"", *headers)

        super().__init__(behave)
        self.messages: list[tuple[dict[str, str], bytes]] = []


def test_body_and_headers() -> None:
    with Receiver("200 OK") as receiver:
        webhook.send(receiver.url("/hook"), COMPLETED)
    ((headers, body),) = receiver.messages
    assert json.loads(body) == COMPLETED
    assert headers["webhook-id"] == messages.message_id(COMPLETED)
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["content-type"] == "application/json"
    assert "webhook-signature" not in headers


def test_the_signature_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Any] = {}

    def behave(connection: socket.socket, number: int) -> None:
        head, body = read_request(connection)
        kept["headers"] = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        kept["body"] = body
        respond(connection, "204 No Content")

    for zone in ("UTC", "Asia/Kolkata"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        with RawServer(behave) as server:
            webhook.send(server.url(), COMPLETED, secret=SECRET)
        assert Webhook(SECRET).verify(kept["body"], kept["headers"]) == COMPLETED
    monkeypatch.delenv("TZ")
    time.tzset()


def test_a_fault_is_tried_again_with_the_same_id() -> None:
    with Receiver("500 No", "429 Busy", "200 OK") as receiver:
        webhook.send(receiver.url(), COMPLETED)
    assert len({headers["webhook-id"] for headers, _ in receiver.messages}) == 1
    assert len(receiver.messages) == 3


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "308 Moved", "410 Gone"])
def test_what_ends_it(status: str) -> None:
    with Receiver(status, headers=("Location: http://127.0.0.1:9/",)) as receiver:
        with pytest.raises(webhook.Undelivered, match=status[:3]):
            webhook.send(receiver.url(), COMPLETED)
        assert len(receiver.messages) == 1


def test_all_tries_failing() -> None:
    with Receiver("500 No") as receiver:
        with pytest.raises(webhook.Undelivered, match="500"):
            webhook.send(receiver.url(), COMPLETED)
        assert len(receiver.messages) == webhook.TRIES


def test_a_huge_retry_after_is_capped() -> None:
    with Receiver("503 Later", "200 OK", headers=("Retry-After: 20000",)) as receiver:
        webhook.send(receiver.url(), COMPLETED)
    assert len(receiver.messages) == 2


def test_an_answer_without_end_is_not_read() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        while not server.stopping.is_set():
            connection.sendall(bytes(65536))

    with RawServer(behave) as server:
        webhook.send(server.url(), COMPLETED)


def test_a_receiver_that_hangs_or_resets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_TIMEOUT", (1.0, 0.2))

    def behave(connection: socket.socket, number: int) -> None:
        if number % 2:
            reset(connection)
        else:
            server.stopping.wait()

    with RawServer(behave) as server, pytest.raises(webhook.Undelivered):
        webhook.send(server.url(), COMPLETED)
    assert server.connections == webhook.TRIES


def test_a_receiver_that_says_no_is_asked_fewer_times() -> None:
    with Receiver("404 Unknown") as receiver:
        with pytest.raises(webhook.Undelivered, match="404"):
            webhook.send(receiver.url(), COMPLETED)
        assert len(receiver.messages) == webhook.REFUSED_TRIES
    with Receiver("404 Not yet", "200 OK") as receiver:
        webhook.send(receiver.url(), COMPLETED)
        assert len(receiver.messages) == 2
