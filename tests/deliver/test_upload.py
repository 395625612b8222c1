"""The upload against a store that checks signatures, and servers that misbehave."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import stamina
from support.s3 import Store
from support.servers import RawServer, read_request, reset, respond

from splatworker.deliver import upload
from splatworker.errors import UploadFailed, UploadRefused
from splatworker.stages.progress import Silent


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    with stamina.set_testing(True, attempts=upload.TRIES, cap=True):
        yield


@pytest.fixture
def splat(tmp_path: Path) -> Path:
    path = tmp_path / "splat.ply"
    path.write_bytes(bytes(range(256)) * 4000)
    return path


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as store:
        yield store


def test_a_presigned_put(splat: Path, store: Store) -> None:
    assert upload.upload(splat, store.presign("PUT", "a.ply"), Silent()) == splat.stat().st_size
    assert store.objects == {"a.ply": splat.read_bytes()}


def test_a_signed_content_type_is_sent(splat: Path, store: Store) -> None:
    url = store.presign("PUT", "a.ply", headers={"ContentType": "application/octet-stream"})
    upload.upload(splat, url, Silent())
    assert store.puts == ["a.ply"]


def test_an_empty_file_has_a_length_too(tmp_path: Path, store: Store) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert upload.upload(empty, store.presign("PUT", "a.ply"), Silent()) == 0
    assert store.objects == {"a.ply": b""}


def test_progress_rises_to_the_end(splat: Path, store: Store) -> None:
    heard = []

    class Report(Silent):
        def progress(self, step: str, fraction: float) -> None:
            heard.append(fraction)

    upload.upload(splat, store.presign("PUT", "a.ply"), Report())
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: store.presign("PUT", "a.ply") + "0",
        lambda store: store.presign("PUT", "a.ply").replace("/a.ply", "/b.ply"),
        lambda store: store.presign("GET", "a.ply"),
        lambda store: store.presign("PUT", "a.ply", seconds=0),
    ],
    ids=["tampered", "other-key", "made-for-GET", "expired"],
)
def test_a_refusal_is_final(splat: Path, store: Store, spoil: Callable[..., Any]) -> None:
    requests: list[BaseHTTPRequestHandler] = []

    def note(request: BaseHTTPRequestHandler, body: bytes) -> bool:
        requests.append(request)
        return False

    store.intercept = note
    with pytest.raises(UploadRefused, match="403"):
        upload.upload(splat, spoil(store), Silent())
    assert len(requests) == 1
    assert store.objects == {}


def test_another_signed_header_is_refused_before_sending(splat: Path, store: Store) -> None:
    url = store.presign("PUT", "a.ply", headers={"ACL": "public-read"})
    with pytest.raises(UploadRefused, match="x-amz-acl"):
        upload.upload(splat, url, Silent())


def statuses(*answers: str) -> RawServer:
    """A server that answers each request with the next status, and the last one for ever."""

    def behave(connection: socket.socket, number: int) -> None:
        _, body = read_request(connection)
        server.requests.append(body)
        respond(connection, answers[min(number, len(answers)) - 1])

    server = RawServer(behave)
    return server


@pytest.mark.parametrize("first", ["500 Internal", "503 Slow Down", "429 Too Many Requests"])
def test_a_fault_is_tried_again_with_the_whole_file(splat: Path, first: str) -> None:
    with statuses(first, "200 OK") as server:
        upload.upload(splat, server.url(), Silent())
    assert server.requests == [splat.read_bytes()] * 2


def test_a_reset_in_the_middle_is_tried_again_from_the_start(splat: Path) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        if number == 1:
            connection.recv(1000)
            reset(connection)
            return
        _, body = read_request(connection)
        server.requests.append(body)
        respond(connection, "200 OK")

    with RawServer(behave) as server:
        upload.upload(splat, server.url(), Silent())
    assert server.requests == [splat.read_bytes()]


def test_other_bytes_at_the_store_are_noticed(splat: Path) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, "200 OK", b"", 'ETag: "00000000000000000000000000000000"')

    with RawServer(behave) as server, pytest.raises(UploadFailed, match="other bytes"):
        upload.upload(splat, server.url(), Silent())
    assert server.connections == upload.TRIES


def test_an_etag_that_is_no_digest_is_not_compared(splat: Path) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, "200 OK", b"", 'ETag: "abc-2"')

    with RawServer(behave) as server:
        upload.upload(splat, server.url(), Silent())


def test_all_tries_failing(splat: Path) -> None:
    with statuses("503 Slow Down") as server, pytest.raises(UploadFailed, match="503"):
        upload.upload(splat, server.url(), Silent())
    assert server.connections == upload.TRIES


@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary", "400 Bad", "404 None", "411 Length", "413 Large"])
def test_what_trying_again_cannot_help(splat: Path, status: str) -> None:
    with statuses(status) as server, pytest.raises(UploadRefused, match=status[:3]):
        upload.upload(splat, server.url(), Silent())
    assert server.connections == 1


def test_a_413_before_the_body_has_arrived(splat: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(20 << 20))

    def behave(connection: socket.socket, number: int) -> None:
        connection.recv(1000)
        respond(connection, "413 Too Large")

    with RawServer(behave) as server, pytest.raises((UploadRefused, UploadFailed)):
        upload.upload(large, server.url(), Silent())


def test_only_the_headers_that_are_needed_are_sent(splat: Path) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        server.requests.append(head)
        respond(connection, "200 OK")

    with RawServer(behave) as server:
        upload.upload(splat, server.url(), Silent())
    names = {line.split(b":")[0].lower() for line in server.requests[0].split(b"\r\n")[1:]}
    assert names <= {b"host", b"content-length", b"user-agent", b"accept-encoding", b"connection"}


def test_a_local_copy_is_whole_or_not_there(splat: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.ply"
    upload.upload(splat, str(target), Silent(), local=True)
    assert target.read_bytes() == splat.read_bytes()
    upload.upload(splat, target.as_uri(), Silent(), local=True)
    assert [path.name for path in target.parent.iterdir()] == ["a.ply"]


@pytest.mark.parametrize("kind", ["reset", "held"])
def test_a_yes_before_the_file_was_sent_is_none(splat: Path, tmp_path: Path, kind: str) -> None:
    """Whoever has not read the file does not have it, whatever they say."""
    large = tmp_path / "large"
    large.write_bytes(bytes(16 << 20))  # more than sockets hold

    def behave(connection: socket.socket, number: int) -> None:
        if number == 1:
            connection.recv(1000)
            respond(connection, "200 OK")
            if kind == "held":
                connection.shutdown(socket.SHUT_WR)
                server.stopping.wait(0.5)
            return
        _, body = read_request(connection)
        server.requests.append(body)
        respond(connection, "200 OK")

    with RawServer(behave) as server:
        assert upload.upload(large, server.url(), Silent()) == 16 << 20
    assert [len(body) for body in server.requests] == [16 << 20]


def refused(splat: Path, url_query: str, status: str, body: bytes = b"", *headers: str) -> UploadRefused:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, status, body, *headers)

    with RawServer(behave) as server, pytest.raises(UploadRefused) as caught:
        upload.upload(splat, server.url("/a.ply?") + url_query, Silent())
    assert server.connections == 1
    assert "5ECR3T" not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize("status", ["301 Moved", "303 See", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_called_that(splat: Path, status: str) -> None:
    error = refused(splat, "", status, b"", "Location: http://elsewhere.example/?sig=5ECR3T")
    assert "redirects" in error.message
    assert "region" in error.hint


def test_a_refusal_is_told_by_the_stores_own_code(splat: Path) -> None:
    body = b"<Error><Code>EntityTooLarge</Code><Message>5ECR3T</Message></Error>"
    assert "too large for it (EntityTooLarge)" in refused(splat, "", "400 Bad", body).message
    assert "max_gaussians" in refused(splat, "", "413 Large").hint


def test_what_was_signed_along_and_cannot_fit_is_named(splat: Path) -> None:
    body = b"<Error><Code>BadDigest</Code></Error>"
    error = refused(splat, "x-amz-checksum-crc32=AAAAAA%3D%3D", "400 Bad", body)
    assert "(BadDigest)" in error.message
    assert "WHEN_REQUIRED" in error.hint
    assert "Content-Length" in refused(splat, "X-Amz-SignedHeaders=content-length%3Bhost", "403 No").hint


def test_the_wait_that_a_store_asks_for_is_kept(splat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)

    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, ["503 Slow Down", "429 Busy", "200 OK"][number - 1], b"", f"Retry-After: {2 * number}000")

    monkeypatch.setattr(upload, "LONGEST_WAIT_S", 3000.0)
    monkeypatch.setattr(upload, "MOST_SECONDS", 100_000.0)
    with RawServer(behave) as server:
        upload.upload(splat, server.url(), Silent())
    assert [wait for wait in waits if wait > 100] == [2000.0, 3000.0]


def test_what_azures_stores_want_is_sent(splat: Path) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        server.requests.append(head)
        respond(connection, "201 Created")

    with RawServer(behave) as server:
        upload.upload(splat, server.url("/a.ply?sv=2024-11-04&se=2099-01-01&sig=x"), Silent())
    assert b"x-ms-blob-type: BlockBlob" in server.requests[0]
