"""Videos from servers that break off, lie, or send too much: what has come is not fetched twice."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.servers import RawServer, read_request, reset, respond
from support.waiting import PATIENCE_S, wait_until

from splatworker.errors import VideoError
from splatworker.formats.arriving_file import HowFar, progress_folder, told
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


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


INDEX = box(b"moov", VIDEO[:5000])
FILM = box(b"ftyp", b"qt  ") + box(b"mdat", VIDEO) + INDEX
END = len(FILM) - len(INDEX)


class Store(RawServer):
    """Sends the beginning of a film, and the rest when it may; its end to whoever asks for that."""

    def __init__(self, end: bytes = INDEX, *said: str, content: bytes = FILM, status: str = "206 Partial Content"):
        super().__init__(self._behave)
        self.may_go_on = threading.Event()
        self._content, self._end, self._status = content, end, status
        self._said = said or (f"Content-Range: bytes {END}-{len(FILM) - 1}/{len(FILM)}", 'ETag: "v1"')

    def _behave(self, connection: socket.socket, number: int) -> None:
        head = read_request(connection)[0]
        self.requests.append(head)
        if b"Range: " in head:
            respond(connection, self._status, self._end, *self._said)
            return
        size = len(self._content)
        first = self._content[: size // 2]
        respond(connection, "200 OK", first, 'ETag: "v1"', "Accept-Ranges: bytes", length=size)
        self.may_go_on.wait(PATIENCE_S)
        connection.sendall(self._content[size // 2 :])


def how_far(target: Path) -> HowFar:
    return told(progress_folder(target) / "01") or HowFar(0, 0, 0, 0)


def fetched_while(target: Path, server: Store, meanwhile: Callable[[], object]) -> fetch_videos.FetchedVideos:
    """What was fetched, when something was done after half of it had come."""
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(run, target, server.url("/clip.mov"))
        try:
            wait_until(lambda: how_far(target).there == len(FILM) // 2)
            meanwhile()
        finally:
            server.may_go_on.set()
        return fetching.result()


def test_the_end_of_a_film_comes_first_where_its_index_is(tmp_path: Path) -> None:
    target = tmp_path / "in"
    with Store() as server:
        fetched = fetched_while(target, server, lambda: wait_until(lambda: how_far(target).tail == END))
    assert how_far(target) == HowFar(1, len(FILM), len(FILM), len(FILM), is_done=True)
    assert (target / fetched.files[0]).read_bytes() == FILM
    assert len(server.requests) == 2
    assert f"Range: bytes={END}-{len(FILM) - 1}\r\n".encode() in server.requests[1]
    assert b'If-Range: "v1"' in server.requests[1]
    assert b"Accept-Encoding: identity" in server.requests[1]


RANGE = f"Content-Range: bytes {END}-{len(FILM) - 1}/{len(FILM)}"


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        (FILM, "200 OK", ('ETag: "v2"',)),
        (INDEX, "206 Partial Content", (RANGE, 'ETag: "v2"')),
        (INDEX, "206 Partial Content", (RANGE, 'ETag: W/"v1"')),
        (INDEX, "206 Partial Content", (RANGE.replace(str(END), str(END - 1)), 'ETag: "v1"')),
        (INDEX, "206 Partial Content", (RANGE + "0", 'ETag: "v1"')),
        (INDEX[:-1], "206 Partial Content", (RANGE, 'ETag: "v1"')),
        (INDEX, "206 Partial Content", (RANGE, 'ETag: "v1"', "Content-Encoding: gzip")),
        (b"", "403 Forbidden", ("X-Why: once only",)),
        (b"", "416 Range Not Satisfiable", ("X-Why: none",)),
    ],
)
def test_an_end_that_may_be_of_another_file_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes, status: str, said: tuple[str, ...]
) -> None:
    target, was_looked_at = tmp_path / "in", threading.Event()
    bring = fetch_videos._bring_the_end

    def noted(*words: Any) -> None:
        bring(*words)
        was_looked_at.set()

    monkeypatch.setattr(fetch_videos, "_bring_the_end", noted)
    with Store(end, *said, status=status) as server:

        def meanwhile() -> None:
            assert was_looked_at.wait(PATIENCE_S)
            assert how_far(target) == HowFar(1, len(FILM), len(FILM) // 2, len(FILM))

        fetched = fetched_while(target, server, meanwhile)
    assert how_far(target) == HowFar(1, len(FILM), len(FILM), len(FILM), is_done=True)
    assert (target / fetched.files[0]).read_bytes() == FILM


def test_an_end_that_lies_is_found_out(tmp_path: Path) -> None:
    """The server says that it is of the same file: what it sends at last is what counts, and that it is another."""
    target = tmp_path / "in"
    with Store(INDEX[::-1]) as server:
        fetched = fetched_while(target, server, lambda: wait_until(lambda: how_far(target).tail == END))
    assert how_far(target).version == 2
    assert (target / fetched.files[0]).read_bytes() == FILM


@pytest.mark.parametrize("says", ["", "Accept-Ranges: none"])
def test_no_end_is_asked_for_of_servers_that_know_no_ranges(tmp_path: Path, says: str) -> None:
    def behave(connection: socket.socket, _: int) -> None:
        server.requests.append(read_request(connection)[0])
        respond(connection, "200 OK", FILM, *([says, 'ETag: "v1"'] if says else []))

    with RawServer(behave) as server:
        run(tmp_path / "in", server.url("/clip.mov"))
    assert len(server.requests) == 1


def test_what_is_told_of_a_video_that_is_lost_is_taken_back(tmp_path: Path) -> None:
    with store(step=600_000, etag="") as server:
        run(tmp_path / "in", server.url("/clip.mp4"))
    assert not list(progress_folder(tmp_path / "in").iterdir())


def test_another_file_than_before_is_another_version(tmp_path: Path) -> None:
    with store(step=800_000, versions=(VIDEO, VIDEO[::-1])) as server:
        run(tmp_path / "in", server.url("/clip.mp4"))
    assert how_far(tmp_path / "in").version >= 2


def test_what_is_taken_up_is_the_same_version(tmp_path: Path) -> None:
    with store(step=200_000) as server:
        run(tmp_path / "in", server.url("/clip.mp4"))
    assert how_far(tmp_path / "in").version == 1


class Ranges(RawServer):
    """Sends half of the video, and then of each range that is asked for what `answer` makes of it."""

    def __init__(self, answer: Callable[[socket.socket, int], object]) -> None:
        super().__init__(self._behave)
        self._answer = answer

    def _behave(self, connection: socket.socket, _: int) -> None:
        head = read_request(connection)[0]
        asked = re.search(rb"Range: (bytes=\d+-)", head)
        self.requests.append(asked[1] if asked else b"")
        if asked:
            self._answer(connection, int(asked[1][6:-1]))
        elif self.requests.count(b"") > 1:
            respond(connection, "200 OK", OTHER, 'ETag: "v2"')
        else:
            respond(connection, "200 OK", VIDEO[:HALF], 'ETag: "v1"', length=len(VIDEO))


OTHER, HALF, MOST = VIDEO[::-1] + b"more", len(VIDEO) // 2, 200_000


def part(connection: socket.socket, content: bytes, start: int, *said: str, length: bool = True) -> None:
    """Answer a range with some of it."""
    sent = content[start : start + MOST]
    lines = [f"Content-Range: bytes {start}-{start + len(sent) - 1}/{len(content)}", *said]
    if length:
        respond(connection, "206 Partial Content", sent, *lines)
    else:
        lines = ["HTTP/1.1 206 Partial Content", "Connection: close", *lines, "", ""]
        connection.sendall("\r\n".join(lines).encode() + sent)


@pytest.mark.parametrize(("length", "said"), [(True, ['ETag: "v1"']), (False, ['ETag: "v1"']), (True, [])])
def test_a_server_that_sends_less_than_it_is_asked_for(tmp_path: Path, length: bool, said: list[str]) -> None:
    """Ranges cut short as it likes (RFC 9110, 15.3.7), or by the connection: the file does not end there."""
    with Ranges(lambda connection, start: part(connection, VIDEO, start, *said, length=length)) as server:
        fetched = run(tmp_path / "in", server.url("/clip.mp4"))
    assert (tmp_path / "in" / fetched.files[0]).read_bytes() == VIDEO
    assert server.requests == [b"", *(b"bytes=%d-" % start for start in range(HALF, len(VIDEO), MOST))]


@pytest.mark.parametrize(
    ("content", "said"), [(VIDEO[::-1], 'ETag: "v2"'), (OTHER, 'ETag: "v1"'), (VIDEO[::-1], 'ETag: W/"v1"')]
)
def test_the_rest_of_another_file_is_none(tmp_path: Path, content: bytes, said: str) -> None:
    """The server sends it although it was told to send a part of no other; all of the other one is fetched."""
    with Ranges(lambda connection, start: part(connection, content, start, said)) as server:
        fetched = run(tmp_path / "in", server.url("/clip.mp4"))
    assert (tmp_path / "in" / fetched.files[0]).read_bytes() == OTHER
    assert server.requests == [b"", b"bytes=%d-" % HALF, b""]


def test_all_is_here_of_what_broke_off_after_its_last_byte(tmp_path: Path) -> None:
    """Nobody said how long it is, until it is asked for what comes after."""

    def behave(connection: socket.socket, _: int) -> None:
        if b"Range: " in read_request(connection)[0]:
            respond(connection, "416 Range Not Satisfiable", b"", f"Content-Range: bytes */{len(VIDEO)}")
            return
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nTransfer-Encoding: chunked\r\n\r\n')
        connection.sendall(b"%x\r\n%b\r\n" % (len(VIDEO), VIDEO))  # and not the last chunk, which is empty

    with RawServer(behave) as server:
        fetched = run(tmp_path / "in", server.url("/clip.mp4"))
    assert (tmp_path / "in" / fetched.files[0]).read_bytes() == VIDEO


def test_a_server_that_has_one_answer_at_a_time(tmp_path: Path) -> None:
    """Whoever asks again ends what was sent, and ranges it does not know: its end is asked for once, and no more."""

    def behave(connection: socket.socket, _: int) -> None:
        head = read_request(connection)[0]
        server.requests.append(head)
        if f"Range: bytes={END}-".encode() in head:
            asked.set()
            return
        respond(connection, "200 OK", FILM[: len(FILM) // 2], 'ETag: "v1"', length=len(FILM))
        if len(server.requests) > 1 or not asked.wait(PATIENCE_S):
            connection.sendall(FILM[len(FILM) // 2 :])

    asked = threading.Event()
    with RawServer(behave) as server:
        fetched = run(tmp_path / "in", server.url("/clip.mov"))
    assert (tmp_path / "in" / fetched.files[0]).read_bytes() == FILM
    assert sum(f"Range: bytes={END}-".encode() in head for head in server.requests) == 1
