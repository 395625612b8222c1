"""Servers that swell up, drip, redirect and lie: a request costs its time and no more, and others go on."""

from __future__ import annotations

import functools
import itertools
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import stamina
from support.servers import RawServer, read_request, respond

from splatworker.deliver import messages, upload, webhook
from splatworker.errors import InvalidJob, UploadFailed
from splatworker.network import guard, header_values, public_addresses, url_rules
from splatworker.photos import fetch
from splatworker.stages.progress import Silent

MIB = 1 << 20
UNPACKED_MIB = 128
FAILED = messages.failed("job", None, "no", "no")


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(public_addresses.ALLOW_PRIVATE, "1")
    for module in (fetch, upload, webhook):
        monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.01)
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@functools.cache
def gzip_bomb() -> bytes:
    deflate = zlib.compressobj(9, wbits=31)
    zeros = bytes(MIB)
    return b"".join([*(deflate.compress(zeros) for _ in range(UNPACKED_MIB)), deflate.flush()])


GROWTH = """
import resource, sys
from pathlib import Path
from splatworker.deliver import messages, upload, webhook
from splatworker.photos import fetch
from splatworker.stages.progress import Silent
what, url, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    if what == "fetch":
        fetch.fetch([url], folder / "in", Silent())
    elif what == "upload":
        (folder / "splat").write_bytes(b"ply")
        upload.upload(folder / "splat", url, Silent())
    else:
        webhook.send(url, messages.failed("job", None, "no", "no"), tries=1)
except Exception as error:
    print(type(error).__name__, file=sys.stderr)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before >> 10)
"""


@pytest.mark.parametrize("status", ["302 Found", "308 Moved", "404 None", "200 OK"])
@pytest.mark.parametrize("what", ["fetch", "upload", "webhook"])
def test_no_answer_swells_up(what: str, status: str, tmp_path: Path) -> None:
    """Whoever must not read a body, a redirect's above all, does not."""
    bomb = gzip_bomb()

    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        if head.split(b" ")[1] == b"/end":
            respond(connection, "404 None")
        else:
            respond(connection, status, bomb, "Content-Encoding: gzip", "Location: /end")

    with RawServer(behave) as server:
        child = subprocess.run(
            [sys.executable, "-c", GROWTH, what, server.url("/bomb"), str(tmp_path)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert int(child.stdout) < UNPACKED_MIB // 2, child.stderr


@pytest.mark.parametrize("what", ["fetch", "upload", "webhook"])
def test_a_redirects_body_without_end_is_not_read(what: str, tmp_path: Path) -> None:
    taken = 0

    def behave(connection: socket.socket, number: int) -> None:
        nonlocal taken
        head, _ = read_request(connection)
        if head.split(b" ")[1] == b"/end":
            respond(connection, "404 None")
            return
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /end\r\n\r\n")
        while not server.stopping.is_set() and taken < 256 * MIB:
            connection.sendall(bytes(MIB // 4))
            taken += MIB // 4

    with RawServer(behave) as server:
        subprocess.run([sys.executable, "-c", GROWTH, what, server.url("/"), str(tmp_path)], check=True)
    assert taken < 64 * MIB  # what the buffers of two sockets take


DRIPS = {
    "header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n"),
    "status": (b"HTTP/1.1 200 ", b"O"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n1;", b"a"),
    "trailer": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"A: b\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"a"),
    "redirect": (b"HTTP/1.1 302 Found\r\nContent-Length: 10000\r\nLocation: ", b"/"),
}
"""What a server sends at first, and again and again."""


def dripping(server: RawServer, connection: socket.socket, drip: str) -> None:
    begun, drop = DRIPS[drip]
    connection.sendall(begun)
    while not server.stopping.wait(0.1):
        connection.sendall(drop)


def test_good_photos_arrive_behind_servers_that_drip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_SECONDS_EACH", 2.0)
    fetch_one, begun = fetch._fetch_one, itertools.count(1)

    def patient_with_good_ones(*what: Any, **how: Any) -> None:
        if next(begun) > len(DRIPS):
            monkeypatch.setattr(fetch, "MOST_SECONDS_EACH", 600.0)
        fetch_one(*what, **how)

    monkeypatch.setattr(fetch, "_fetch_one", patient_with_good_ones)

    def behave(connection: socket.socket, number: int) -> None:
        path = read_request(connection)[0].split(b" ")[1].decode()
        if path.startswith("/good"):
            respond(connection, "200 OK", b"a photo")
        elif path.strip("/"):  # not where the redirect leads that the server's end has cut off
            dripping(server, connection, path[1:])

    with RawServer(behave) as server:
        bad = [server.url(f"/{drip}") for drip in DRIPS]
        good = [server.url(f"/good{number}") for number in range(4)]
        assert len(bad) >= fetch.AT_ONCE
        fetched = fetch.fetch(bad + good, tmp_path / "in", Silent())
    assert sorted(fetched.files) == list(range(len(bad), len(bad) + len(good)))
    assert {photo["reason"] for photo in fetched.rejected} <= {"it did not arrive in time", "the transfer broke off"}


@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK\r\nX-Long: aa", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200", "HTT", ""])
def test_a_header_that_is_cut_off_is_no_photo(head: str, tmp_path: Path) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(head.encode())

    with RawServer(behave) as server:
        fetched = fetch.fetch([server.url()], tmp_path / "in", Silent())
        assert server.connections == 2
    assert fetched.files == {}


@pytest.mark.parametrize("drip", ["header", "continue"])
def test_a_stores_answer_that_drips_is_another_try(drip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "splat").write_bytes(b"ply")
    put, begun = upload._put, itertools.count(1)

    def patient_with_the_second(*what: Any) -> None:
        monkeypatch.setattr(upload, "ANSWER_SECONDS", 1.0 if next(begun) == 1 else 600.0)
        put(*what)

    monkeypatch.setattr(upload, "_put", patient_with_the_second)

    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        if number == 1:
            dripping(server, connection, drip)
        else:
            respond(connection, "200 OK")

    with RawServer(behave) as server:
        assert upload.upload(tmp_path / "splat", server.url(), Silent()) == 3
        assert server.connections == 2


def test_a_store_that_always_drips_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "ANSWER_SECONDS", 0.5)
    (tmp_path / "splat").write_bytes(b"ply")

    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        dripping(server, connection, "headers")

    with RawServer(behave) as server, pytest.raises(UploadFailed, match="in time"):
        upload.upload(tmp_path / "splat", server.url(), Silent())


@pytest.mark.parametrize("drip", ["header", "headers", "status", "continue"])
def test_a_webhook_that_drips_is_given_up(drip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "MOST_SECONDS_EACH", 0.5)

    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        dripping(server, connection, drip)

    with RawServer(behave) as server, pytest.raises(webhook.Undelivered, match="in time"):
        webhook.send(server.url(), FAILED, tries=1)


NO_NUMBERS = ["²", "³¹", "1e9", "-1", "+1", " 1 2", "0x10", "9" * 5000, "inf", "nan", "", "½"]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_in_a_header(text: str, tmp_path: Path) -> None:
    assert header_values.number(text) is None
    assert header_values.retry_after(text) == 0.0

    def behave(connection: socket.socket, number: int) -> None:
        path = read_request(connection)[0].split(b" ")[1]
        if path == b"/later" and later.pop():
            head = f"HTTP/1.1 503 Later\r\nConnection: close\r\nRetry-After: {text}\r\n\r\n"
            connection.sendall(head.encode("latin-1"))
        else:
            head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {text}\r\n\r\n"
            connection.sendall(head.encode("latin-1") + b"a photo")

    later = [False, True]
    with RawServer(behave) as server:
        fetched = fetch.fetch([server.url("/now"), server.url("/later")], tmp_path / "in", Silent())
    assert fetched.rejected == []


@pytest.mark.parametrize("length", ["-5", "zz", "", "ffffffffffffffffffff", "1 1"])
def test_chunks_of_no_length(length: str, tmp_path: Path) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length}\r\nx\r\n".encode())

    with RawServer(behave) as server:
        fetched = fetch.fetch([server.url()], tmp_path / "in", Silent())
    assert [photo["reason"] for photo in fetched.rejected] == ["the transfer broke off"] or fetched.files


@pytest.mark.parametrize("port", [22, 25, 110, 465, 587, 3306, 5432, 6000, 6379, 9200, 11211, 27017])
def test_ports_of_other_services(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(public_addresses.ALLOW_PRIVATE)
    with pytest.raises(InvalidJob, match=f"port {port}"):
        url_rules.check_url(f"https://store.example:{port}/a.jpg", "upload_url")
    with guard.session() as session, pytest.raises(guard.RefusedPort):  # as a redirect comes to it
        session.get(f"http://93.184.216.34:{port}/", timeout=1)


def test_within_gives_results_and_errors_and_abandons_what_is_late() -> None:
    end = time.monotonic() + 60
    assert guard.within(lambda: end, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        guard.within(lambda: end, lambda: 1 / 0)
    with RawServer(lambda connection, number: server.stopping.wait()) as server, pytest.raises(requests.Timeout):
        guard.within(lambda: 0.0, lambda: server.stopping.wait(30))
