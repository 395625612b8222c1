"""Whole jobs whose store or webhook fails: what can be tried again is, what cannot is told, and no failure of a webhook
turns a success into one.

`tests/deliver` asks the functions themselves, faster; most of this runs with `-m slow`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from standardwebhooks import Webhook
from support.servers import Behaviour, RawServer, read_request, reset, respond
from support.waiting import PATIENCE_S, Leap
from support.world import SECRET, WEBHOOK_SECRET, World

from splatworker.deliver.webhook import TRIES
from splatworker.pipeline import transfers

NOTIFY = "notify=tune:splatworker.deliver.webhook:LONGEST_WAIT_S=0.05"


def put(world: World, behave: Callable[[BaseHTTPRequestHandler, bytes, int], bool], intercepted: list[int]) -> None:
    """Let `behave(request, body, number)` see each PUT of the store before it does; True: it has answered."""

    def intercept(request: BaseHTTPRequestHandler, body: bytes) -> bool:
        if request.command != "PUT":
            return False
        intercepted.append(len(body))
        return behave(request, body, len(intercepted))

    world.store.intercept = intercept


def answer_with(request: BaseHTTPRequestHandler, status: int, **headers: str) -> bool:
    request.send_response(status)
    request.send_header("Content-Length", "0")
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    return True


def test_faults_of_the_store_that_pass(world: World) -> None:
    """500, then a reset in the middle, then 429, then another digest than that of what was sent; then success."""
    puts: list[int] = []

    def behave(request: BaseHTTPRequestHandler, body: bytes, number: int) -> bool:
        match number:
            case 1:
                return answer_with(request, 500)
            case 2:
                reset(request.connection)
                request.close_connection = True
                return True
            case 3:
                return answer_with(request, 429, **{"Retry-After": "20000"})
            case 4:
                return answer_with(request, 200, ETag='"00000000000000000000000000000000"')
        return False

    put(world, behave, puts)
    answer = world.do()
    assert answer["status"] == "success", answer
    assert len(puts) == 5
    assert set(puts) == {len(world.store.objects["a.ply"])}
    ((headers, message),) = world.store.hooks
    assert (message["status"], message["file_size"]) == ("completed", puts[0])
    assert Webhook(WEBHOOK_SECRET).verify(json.dumps(message), headers) == message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "code", "tries"), [(503, "upload_failed", 5), (403, "upload_refused", 1), (307, "upload_refused", 1)]
)
def test_a_store_that_says_no(world: World, status: int, code: str, tries: int) -> None:
    puts: list[int] = []
    put(world, lambda request, body, number: answer_with(request, status), puts)
    answer = world.do()
    assert (answer["status"], answer["code"], answer["stage"]) == ("error", code, "deliver")
    assert str(status) in answer["error"]
    assert len(puts) == tries
    assert world.store.objects == {}
    assert [message["code"] for _, message in world.store.hooks] == [code]


@pytest.mark.slow
def test_another_digest_every_time(world: World) -> None:
    puts: list[int] = []
    put(world, lambda request, body, number: answer_with(request, 200, ETag=f'"{"0" * 32}"'), puts)
    answer = world.do()
    assert answer["code"] == "upload_failed"
    assert "other bytes" in answer["error"]


@pytest.mark.slow
def test_a_413_before_the_body_has_arrived(world: World, odd: Callable[[Behaviour], RawServer]) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        connection.recv(100)
        respond(connection, "413 Too Large")

    odd(behave)
    answer = world.do(upload_url=f"http://odd.example/k?X-Amz-Signature={SECRET}")
    assert answer["code"] in ("upload_refused", "upload_failed")  # the rest of the body may meet a reset


@pytest.mark.slow
@pytest.mark.parametrize("spoil", ["tampered", "other-key", "made-for-GET"])
def test_a_url_that_was_not_signed_for_this(world: World, spoil: str) -> None:
    url = {
        "tampered": world.store.presign("PUT", "a.ply") + "0",
        "other-key": world.store.presign("PUT", "a.ply").replace("/a.ply", "/b.ply"),
        "made-for-GET": world.store.presign("GET", "a.ply"),
    }[spoil]
    answer = world.do(upload_url=url)
    assert answer["code"] == "upload_refused"
    assert "403" in answer["error"]
    assert world.store.objects == {}


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_url_that_ends_too_early_costs_nothing(world: World, seconds: int) -> None:
    answer = world.do(upload_url=world.store.presign("PUT", "a.ply", seconds=seconds))
    assert answer["code"] == "invalid_job"
    assert "upload_url" in answer["error"]
    assert world.store.statuses() == ["failed"]
    assert not any(json.loads(child)[0][-2:] == ["fetch", "--json"] for child in world.internet.children())


@pytest.mark.slow
def test_a_photos_url_that_has_ended_is_refused_by_its_number(world: World) -> None:
    urls = [world.store.presign("GET", f"{number}.jpg", seconds=600) for number in range(6)]
    urls[3] = world.store.presign("GET", "3.jpg", seconds=0)
    answer = world.do(image_urls=urls)
    assert answer["code"] == "invalid_job"
    assert "image_urls[3]" in answer["error"]


@pytest.mark.slow
def test_an_answer_of_the_store_without_end(world: World, odd: Callable[[Behaviour], RawServer]) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        while not server.stopping.is_set():
            connection.sendall(bytes(65536))

    server = odd(behave)
    assert world.do(upload_url="http://odd.example/k")["status"] == "success"


@pytest.mark.slow
def test_a_store_that_hangs_meets_the_deadline(
    world: World, odd: Callable[[Behaviour], RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = odd(lambda connection, number: server.stopping.wait())
    monkeypatch.setattr(transfers, "LEAST_WEBHOOK_SECONDS", PATIENCE_S)
    Leap(monkeypatch, lambda: server.connections, 600)
    answer = world.do(upload_url="http://odd.example/k", deadline_s=600.0)
    assert answer["code"] == "deadline_exceeded"
    assert answer["stage"] in ("upload", "deliver")
    assert world.store.statuses() == ["failed"]


def endless(server: RawServer, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 99999999999\r\n\r\n")
    while not server.stopping.is_set():
        connection.sendall(bytes(65536))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "tries"),
    [("500 No", TRIES), ("302 Found", 1), ("410 Gone", 1), ("hang", 0), ("endless", TRIES), ("reset", TRIES)],
)
def test_a_webhook_that_fails_is_a_warning(
    world: World, odd: Callable[[Behaviour], RawServer], status: str, tries: int
) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        if status != "hang":
            read_request(connection)
        match status:
            case "hang":
                server.stopping.wait(60)
            case "endless":
                endless(server, connection)
            case "reset":
                reset(connection)
            case _:
                respond(connection, status, b"", f"Location: http://127.0.0.1:{world.sink.port}/")

    server = odd(behave)
    given_up = ",MOST_SECONDS=3,_TIMEOUT=1" if status == "hang" else ""
    answer = world.do(NOTIFY + given_up, webhook_url=f"http://odd.example/hook?token={SECRET}")
    assert answer["status"] == "success"
    assert list(world.store.objects) == ["a.ply"]
    assert "webhook" in answer["warnings"][-1]
    assert server.connections == tries or not tries


def test_a_webhook_that_recovers_hears_the_same_id(world: World) -> None:
    tries: list[str] = []

    def intercept(request: BaseHTTPRequestHandler, body: bytes) -> bool:
        if request.command != "POST":
            return False
        tries.append(request.headers["webhook-id"])
        return len(tries) < 3 and answer_with(request, 503, **{"Retry-After": "20000"})

    world.store.intercept = intercept
    answer = world.do()
    assert answer["status"] == "success"
    assert world.store.statuses() == ["completed"]
    assert len(tries) == 3
    assert len(set(tries)) == 1
