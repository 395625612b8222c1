"""Videos from servers that break off, lie, or send too much: what has come is not fetched twice."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.servers import RawServer, read_request, reset, respond

from splatworker.errors import VideoError
from splatworker.photos import fetch_videos
from splatworker.stages.progress import Silent

VIDEO = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    monkeypatch.setattr(fetch_videos, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(fetch_videos, "LONGEST_WAIT_S", 0.01)


def store(step: int = len(VIDEO), etag: str = '"v1"', versions: Sequence[bytes] = (VIDEO,)) -> RawServer:
    """A server that knows ranges, and ends each answer after `step` bytes; it notes what is asked for."""
    server: RawServer

    def behave(connection: socket.socket, number: int) -> None:
        head = read_request(connection)[0]
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        asked = lines.get(b"Range", b"bytes=0-").decode()
        server.requests.append(lines.get(b"Range", b""))
        content = versions[min(number, len(versions)) - 1]
        current = etag if len(versions) == 1 else f'"v{min(number, len(versions))}"'
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if lines.get(b"If-Range", current.encode()).decode() != current:
            start = 0
        rest = content[start:]
        status = (
            f"206 Partial Content\r\nContent-Range: bytes {start}-{len(content) - 1}/{len(content)}"
            if start
            else "200 OK"
        )
        respond(connection, status, rest[:step], *([f"ETag: {current}"] if current else []), length=len(rest))

    server = RawServer(behave)
    return server


def run(target: Path, *urls: str, **options: bool) -> fetch_videos.FetchedVideos:
    return fetch_videos.fetch_videos(list(urls), target, Silent(), **options)


def error(fetched: fetch_videos.FetchedVideos) -> VideoError:
    assert fetched.files == {}
    (found,) = fetched.errors.values()
    return found


def test_a_video_arrives_whole(tmp_path: Path) -> None:
    with store() as server:
        fetched = run(tmp_path / "in", server.url("/a/clip%201.mov?X-Amz-Signature=secret"))
    assert fetched.files == {0: "01/clip_1.mov"}
    assert (tmp_path / "in" / "01" / "clip_1.mov").read_bytes() == VIDEO
    assert not list((tmp_path / "in-arriving").iterdir())


def test_what_has_come_is_not_fetched_twice(tmp_path: Path) -> None:
    with store(step=200_000) as server:
        fetched = run(tmp_path / "in", server.url("/clip.mp4"))
    assert (tmp_path / "in" / fetched.files[0]).read_bytes() == VIDEO
    assert server.requests == [b"", *(b"bytes=%d-" % start for start in range(200_000, len(VIDEO), 200_000))]


def test_a_file_that_was_replaced_meanwhile_is_fetched_anew(tmp_path: Path) -> None:
    other = VIDEO[::-1]
    with store(step=800_000, versions=(VIDEO, other)) as server:
        fetched = run(tmp_path / "in", server.url("/clip.mp4"))
    assert (tmp_path / "in" / fetched.files[0]).read_bytes() == other


def test_without_a_tag_it_begins_anew(tmp_path: Path) -> None:
    with store(step=600_000, etag="") as server:
        fetched = run(tmp_path / "in", server.url("/clip.mp4"))
    assert set(server.requests) == {b""}
    assert error(fetched).code == "no_video"
    assert "broke off" in error(fetched).message


def test_a_server_that_gives_up_halfway(tmp_path: Path) -> None:
    with store(step=600_000, versions=(VIDEO, b"")) as server:
        assert "did not arrive" in error(run(tmp_path / "in", server.url("/clip.mp4"))).message
    assert not list((tmp_path / "in").iterdir())
    assert not list((tmp_path / "in-arriving").iterdir())


@pytest.mark.parametrize("says", [True, False])
def test_more_than_it_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: bool) -> None:
    monkeypatch.setattr(fetch_videos, "MOST_BYTES", 500_000)

    def behave(connection: socket.socket, _: int) -> None:
        read_request(connection)
        if says:
            respond(connection, "200 OK", VIDEO)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + VIDEO)

    with RawServer(behave) as server:
        found = error(run(tmp_path / "in", server.url("/clip.mp4")))
    assert (found.code, "SPLATWORKER_VIDEO_MIB" in found.hint) == ("video_too_large", True)


def test_the_limit_is_for_all_videos_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_videos, "MOST_BYTES", 1_500_000)
    with store() as server:
        fetched = run(tmp_path / "in", server.url("/a.mp4"), server.url("/b.mp4"))
    assert list(fetched.files) == [0]
    assert fetched.errors[1].code == "video_too_large"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda c: respond(c, "404 Not Found"), "404"),
        (lambda c: respond(c, "200 OK", VIDEO, "Content-Encoding: gzip"), "compresses"),
        (lambda c: respond(c, "206 Partial Content", VIDEO, "Content-Range: bytes 9-99/100"), "another part"),
        (reset, "could not be reached"),
        (lambda c: respond(c, "503 Busy"), "503"),
        (lambda c: respond(c, "302 Found", b"", "Location: ftp://a/b"), "not an http"),
    ],
)
def test_answers_that_are_no_video(tmp_path: Path, answer: Callable[[socket.socket], None], words: str) -> None:
    def behave(connection: socket.socket, _: int) -> None:
        read_request(connection)
        answer(connection)

    with RawServer(behave) as server:
        found = error(run(tmp_path / "in", server.url("/clip.mp4")))
    assert words in found.message
    assert "secret" not in found.message


def test_the_time_of_all_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_videos, "MOST_SECONDS", 0.2)

    def behave(connection: socket.socket, _: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Wait: ")
        server.stopping.wait(30)

    with RawServer(behave) as server:
        assert "in time" in error(run(tmp_path / "in", server.url("/clip.mp4"))).message


def test_paths_of_this_machine_only_where_they_are_welcome(tmp_path: Path) -> None:
    (tmp_path / "clip.mov").write_bytes(VIDEO)
    fetched = run(tmp_path / "in", str(tmp_path / "clip.mov"), str(tmp_path / "none.mov"), local=True)
    assert (tmp_path / "in" / fetched.files[0]).read_bytes() == VIDEO
    assert "does not exist" in fetched.errors[1].message
    assert "not an http" in error(run(tmp_path / "out", (tmp_path / "clip.mov").as_uri())).message


def test_private_addresses_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPLATWORKER_ALLOW_PRIVATE_URLS")
    with store() as server:
        assert "not public" in error(run(tmp_path / "in", server.url("/clip.mp4"))).message
    assert server.connections == 0
