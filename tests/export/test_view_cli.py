"""`splatworker view`: a page on loopback for a folder or a splat, and nothing else."""

from __future__ import annotations

import http.client
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.exports import Exported
from support.waiting import PATIENCE_S

from splatworker.contract.outputs import OUTPUTS
from splatworker.errors import InvalidScene, SplatError
from splatworker.export.view_cli import address_of, folder_of, server_of


@pytest.fixture
def served(exported: Exported) -> Iterator[str]:
    with server_of(exported.folder) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield address_of(server, exported.folder)
        server.shutdown()


def test_the_page_is_served_on_loopback_with_right_types(served: str, exported: Exported) -> None:
    assert served.startswith("http://127.0.0.1:")
    assert served.endswith("/viewer.html")
    for output in OUTPUTS.values():
        with urllib.request.urlopen(served.replace("viewer.html", output.file)) as answer:
            assert answer.headers["Content-Type"].split(";")[0] == output.content_type
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.read() == (exported.folder / output.file).read_bytes()


@pytest.mark.parametrize("path", ["", "none.html", "../model/cfg_args", "%2e%2e/%2e%2e/etc/passwd"])
def test_nothing_else_is_served(served: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(served.replace("viewer.html", path))
    refused.value.close()
    assert refused.value.code == 404


def answer_of(address: str, path: str, host: list[str] | None = None) -> int:
    """The status of a request for a path, sent as it stands."""
    connection = http.client.HTTPConnection("127.0.0.1", urllib.parse.urlsplit(address).port, timeout=60)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for value in [urllib.parse.urlsplit(address).netloc] if host is None else host:
            connection.putheader("Host", value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def test_a_browser_that_goes_away_is_no_news(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "viewer.html").write_bytes(bytes(64 << 20))
    with server_of(tmp_path) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            connection.sendall(f"GET /viewer.html HTTP/1.0\r\nHost: localhost:{server.server_port}\r\n\r\n".encode())
            connection.recv(100)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.shutdown()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "host", [["evil.example"], ["127.0.0.1"], ["localhost:1"], [], ["localhost:{}", "evil.example"]]
)
def test_who_asks_by_another_name_is_refused(served: str, host: list[str]) -> None:
    port = urllib.parse.urlsplit(served).port
    assert answer_of(served, "/viewer.html", [value.format(port) for value in host]) == 403
    assert answer_of(served, "/viewer.html", [f"localhost:{port}"]) == 200
    assert answer_of(served, "/viewer.html") == 200


@pytest.mark.parametrize(
    "path", ["/link.txt", "/links/secret.txt", "/loop", "/%00", "/viewer.html%00", "/..%2fsecret.txt"]
)
def test_links_out_of_the_folder_and_names_of_no_file_are_not_served(tmp_path: Path, path: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "viewer.html").write_text("<p>")
    (tmp_path / "secret.txt").write_text("secret")
    (site / "link.txt").symlink_to(tmp_path / "secret.txt")
    (site / "links").symlink_to(tmp_path)
    (site / "loop").symlink_to(site / "loop")
    (site / "inside.html").symlink_to("viewer.html")
    with server_of(site) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        address = address_of(server, site)
        try:
            assert answer_of(address, path) == 404
            assert answer_of(address, "/inside.html") == 200
        finally:
            server.shutdown()


def test_a_folder_without_a_page_and_a_port_that_is_none(tmp_path: Path, exported: Exported) -> None:
    with pytest.raises(SplatError, match="no page"):
        server_of(tmp_path)
    with pytest.raises(SplatError, match="not a port number"):
        server_of(exported.folder, 70_000)


def test_the_command_prints_the_address_and_ends_when_interrupted(exported: Exported) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "splatworker", "view", str(exported.folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout is not None
        address = running.stdout.readline().strip()
        with urllib.request.urlopen(address) as answer:
            assert answer.read(15) == b"<!doctype html>"
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE_S) == 0
    finally:
        running.kill()
        running.communicate()


def test_neither_a_page_nor_a_splat(tmp_path: Path) -> None:
    for path, said in ((tmp_path, "no page"), (tmp_path / "none.ply", "no page")):
        with pytest.raises(SplatError, match=said), folder_of(path):
            pass
    (tmp_path / "a.ply").write_bytes(b"ply\n")
    with pytest.raises(InvalidScene, match=r"a\.ply"), folder_of(tmp_path / "a.ply"):
        pass
