"""Downloads from servers that are slow, broken, or lie."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from support.jobs import write_photos
from support.servers import RawServer, read_request, reset, respond
from support.waiting import PATIENCE_S, Leap, wait_until

from splatworker.errors import DiskFull
from splatworker.formats.mask_names import MaskFiles
from splatworker.network import guard
from splatworker.photos import fetch
from splatworker.photos.fetch import Fetched
from splatworker.stages.progress import Silent

PHOTO = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    monkeypatch.setattr(fetch, "LONGEST_WAIT_S", 0.01)
    with stamina.set_testing(True, attempts=fetch.TRIES, cap=True):
        yield


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "in"


def run(target: Path, *urls: str, **options: Any) -> Fetched:
    return fetch.fetch(list(urls), target, Silent(), **options)


def reason(fetched: Fetched) -> str:
    assert fetched.files == {}
    (rejected,) = fetched.rejected
    return str(rejected["reason"])


def serving(*steps: Callable[[socket.socket], object]) -> RawServer:
    """A server whose nth connection takes the nth step, and the last one from then on."""

    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        steps[min(number, len(steps)) - 1](connection)

    return RawServer(behave)


def good(connection: socket.socket) -> None:
    respond(connection, "200 OK", PHOTO)


def test_a_photo_arrives_under_a_recognisable_name(target: Path) -> None:
    with serving(good) as server:
        fetched = run(target, server.url("/a/IMG%205.jpg?X-Amz-Signature=secret"))
    assert fetched.files == {0: "0001_IMG_5.jpg"}
    assert (target / "0001_IMG_5.jpg").read_bytes() == PHOTO


def test_many_photos_keep_their_places(target: Path) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        name = head.split(b" ")[1].decode()
        time.sleep(0.02 * (number % 3))
        respond(connection, "200 OK" if int(name[1:]) % 5 else "404 None", name.encode())

    with RawServer(behave) as server:
        fetched = run(target, *(server.url(f"/{number}") for number in range(40)))
    assert [photo["index"] for photo in fetched.rejected] == list(range(0, 40, 5))
    for index, name in fetched.files.items():
        assert (target / name).read_text() == f"/{index}"


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/../../etc/passwd",
        "https://a.example/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "https://a.example/a%00b\n.jpg",
        "https://a.example/" + "n" * 5000,
        "https://a.example/",
        "https://a.example/..",
        "https://a.example/%F0%9F%98%80.jpg",
        "https://a.example/CON; rm -rf $(x) `y` 'z' \"w\".jpg",
    ],
)
def test_hostile_names_become_harmless(url: str) -> None:
    name = fetch.recognisable_name(url)
    assert 1 <= len(name) <= 64
    assert not name.startswith(".")
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in name)


@pytest.mark.parametrize("status", ["400 Bad", "403 No", "404 None", "410 Gone", "206 Partial", "204 No Content"])
def test_a_status_that_is_final(target: Path, status: str) -> None:
    with serving(lambda connection: respond(connection, status)) as server:
        assert status[:3] in reason(run(target, server.url()))
    assert server.connections == 1


@pytest.mark.parametrize("status", ["429 Busy", "500 No", "503 Later"])
def test_a_status_that_may_pass(target: Path, status: str) -> None:
    with serving(lambda connection: respond(connection, status, b"", "Retry-After: 20000"), good) as server:
        assert run(target, server.url()).files


def test_a_server_that_never_recovers(target: Path) -> None:
    with serving(lambda connection: respond(connection, "503 Later")) as server:
        assert "503" in reason(run(target, server.url()))
    assert server.connections == fetch.TRIES


def test_a_reset_is_tried_again(target: Path) -> None:
    with serving(reset, good) as server:
        assert run(target, server.url()).files


def test_a_short_body_is_tried_again(target: Path) -> None:
    with serving(lambda c: respond(c, "200 OK", PHOTO[:100], length=len(PHOTO)), good) as server:
        fetched = run(target, server.url())
    assert (target / fetched.files[0]).read_bytes() == PHOTO


def test_a_body_that_is_always_short(target: Path) -> None:
    with serving(lambda c: respond(c, "200 OK", PHOTO[:100], length=len(PHOTO))) as server:
        assert "broke off" in reason(run(target, server.url()))


def test_a_body_without_length_is_taken_as_it_comes(target: Path) -> None:
    """Only decoding can find out that it was cut short."""

    def close_delimited(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + PHOTO[:100])

    with serving(close_delimited) as server:
        fetched = run(target, server.url())
    assert (target / fetched.files[0]).read_bytes() == PHOTO[:100]


def test_a_slow_drip_meets_the_clock(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_SECONDS_EACH", 0.5)

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        while not server.stopping.wait(0.05):
            connection.sendall(b"x")

    with serving(drip) as server:
        assert "in time" in reason(run(target, server.url()))
    assert server.connections == 1


def test_a_server_that_says_nothing(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "READ_TIMEOUT_S", 0.1)
    server: RawServer
    with serving(lambda connection: server.stopping.wait(10)) as server:
        assert "in time" in reason(run(target, server.url()))


def test_headers_that_drip_for_ever_do_not_hold_the_others_up(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_SECONDS", 60.0)
    Leap(monkeypatch, lambda: list(target.glob("0002_*")), 61, pause_s=0.0)  # the other one has come

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not server.stopping.wait(0.05):
            connection.sendall(b"x")

    with serving(drip) as server, serving(good) as other:
        fetched = run(target, server.url(), other.url())
    assert list(fetched.files) == [1]
    assert fetched.rejected == [{"index": 0, "reason": "it did not arrive in time"}]


def test_what_is_told_to_be_too_late_does_not_arrive_all_the_same(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever follows the folder would take it for one of the job's."""
    monkeypatch.setattr(fetch, "MOST_SECONDS", 60.0)
    leap = Leap(monkeypatch, lambda: list(target.glob("0002_*")), 61, pause_s=0.0)

    def late(connection: socket.socket) -> None:
        wait_until(lambda: leap.done and told.is_set())
        good(connection)

    told = threading.Event()
    with serving(late) as server, serving(good) as other:
        threads = threading.enumerate()
        fetched = run(target, server.url(), other.url())
        told.set()
        wait_until(lambda: set(threading.enumerate()) <= set(threads))  # whoever fetches has come to an end
    assert list(fetched.files) == [1]
    assert fetched.rejected == [{"index": 0, "reason": "it did not arrive in time"}]
    assert [path.name for path in target.iterdir()] == [fetched.files[1]]


def test_a_photo_too_large(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_BYTES", 1000)
    with serving(good) as server:
        assert "larger than" in reason(run(target, server.url()))


def test_all_photos_too_large(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_BYTES_IN_ALL", len(PHOTO) + 10)
    with serving(good) as server:
        fetched = run(target, server.url("/a"), server.url("/b"))
    assert len(fetched.files) == 1
    assert "all photos together" in fetched.rejected[0]["reason"]


def test_two_photos_that_arrive_in_turns_do_not_both_fail_where_one_fits(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MOST_BYTES_IN_ALL", len(PHOTO) + 10)
    halves = threading.Barrier(2)

    def by_halves(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(PHOTO)}\r\n\r\n".encode())
        connection.sendall(PHOTO[: len(PHOTO) // 2])
        halves.wait(PATIENCE_S)
        connection.sendall(PHOTO[len(PHOTO) // 2 :])

    with serving(by_halves) as server:
        fetched = run(target, server.url("/a"), server.url("/b"))
    assert len(fetched.files) == 1
    assert "all photos together" in fetched.rejected[0]["reason"]


def test_a_photo_that_is_tried_again_counts_once(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_BYTES_IN_ALL", len(PHOTO) + 10)
    with serving(lambda connection: respond(connection, "200 OK", PHOTO[:-5], length=len(PHOTO)), good) as server:
        assert run(target, server.url()).files


def test_a_lying_length_does_not_fill_the_disk(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_BYTES", 1 << 20)

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not server.stopping.is_set():
            connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    with serving(endless) as server:
        assert "larger than" in reason(run(target, server.url()))
    assert list(target.iterdir()) == []
    assert list(target.with_name("in-arriving").iterdir()) == []


def test_gzip_is_neither_asked_for_nor_unpacked(target: Path) -> None:
    bomb = gzip.compress(bytes(50 << 20))

    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        assert b"accept-encoding: identity" in head.lower()
        respond(connection, "200 OK", bomb, "Content-Encoding: gzip")

    with RawServer(behave) as server:
        assert "compresses" in reason(run(target, server.url()))


def test_nobody_listens(target: Path) -> None:
    with RawServer(lambda connection, number: None) as server:
        url = server.url()
    assert "could not be reached" in reason(run(target, url))


def test_a_proxy_in_the_environment_is_not_used(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(good) as proxy, serving(good) as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        assert run(target, server.url()).files
        assert proxy.connections == 0


def test_paths_only_where_they_are_welcome(target: Path, tmp_path: Path) -> None:
    (photo,) = write_photos(tmp_path / "photos", 1)
    for url in (str(photo), photo.as_uri()):
        assert run(target, url, local=True).files == {0: "0001_IMG_0001.jpg"}
        assert "not an http or https" in reason(run(target, url))


def test_a_full_disk_ends_the_fetching(small_disk: Path) -> None:
    with (
        serving(lambda connection: respond(connection, "200 OK", bytes(8 << 20))) as server,
        pytest.raises(DiskFull),
    ):
        run(small_disk / "in", server.url())


def test_masks_arrive_before_their_photos_and_by_their_names(target: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    with serving(good) as server:
        urls = [server.url("/a.jpg"), server.url("/b.jpg"), server.url("/c")]
        fetched = run(target, *urls, masks=[server.url("/m.png"), None, server.url("/m.png")], masks_folder=masks)
    assert fetched.files == {0: "0001_a.jpg", 1: "0002_b.jpg", 2: "0003_c"}
    assert sorted(path.name for path in masks.iterdir()) == ["0001_a.jpg.png", "0003_c.png"]
    found = MaskFiles.within(masks)
    assert [found.of(fetched.files[index]) is not None for index in range(3)] == [True, False, True]


def test_a_photo_does_not_come_without_its_mask(target: Path, tmp_path: Path) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        respond(connection, "404 None" if b"gone" in head else "200 OK", PHOTO)

    masks = tmp_path / "masks"
    with RawServer(behave) as server:
        bad = [server.url("/gone.png"), server.url("/mask.png")]
        fetched = run(target, server.url("/a.jpg"), server.url("/gone.jpg"), masks=bad, masks_folder=masks)
    assert fetched.files == {}
    assert [photo["reason"] for photo in fetched.rejected] == [
        "its mask is missing: the server answered 404",
        "the server answered 404",
    ]
    assert not list(masks.iterdir())
    assert not list(target.iterdir())


@pytest.mark.parametrize("coding", ["aws-chunked", "utf-8", "", "none"])
def test_a_coding_that_compresses_nothing_is_what_the_upload_said(target: Path, coding: str) -> None:
    with serving(lambda c: respond(c, "200 OK", PHOTO, f"Content-Encoding: {coding}")) as server:
        fetched = run(target, server.url())
    assert (target / fetched.files[0]).read_bytes() == PHOTO


def test_a_refusal_is_told_by_the_stores_own_code(target: Path) -> None:
    body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message><Key>5ECR3T</Key></Error>"
    with serving(lambda c: respond(c, "403 Forbidden", body)) as server:
        assert reason(run(target, server.url())) == (
            "the server answered 403: the URL's signature has expired (AccessDenied)"
        )


def test_an_error_that_drips_costs_its_photo_its_time_and_no_more(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MOST_SECONDS_EACH", 1.0)

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100000\r\n\r\n")
        while not server.stopping.wait(0.05):
            connection.sendall(b"<")

    with serving(drip) as server:
        assert reason(run(target, server.url())) == "it did not arrive in time"


def test_an_address_that_is_none_costs_itself_alone(target: Path) -> None:
    with serving(lambda c: respond(c, "200 OK", PHOTO)) as server:
        fetched = run(target, "http://[", server.url(), "http://" + "a" * 300 + ".example/b.jpg")
    assert list(fetched.files) == [1]
    assert [photo["index"] for photo in fetched.rejected] == [0, 2]
