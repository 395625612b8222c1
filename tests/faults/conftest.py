"""After every fault: no process, no folder and no secret is left over, and the next good job succeeds."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.internet import OTHER_PUBLIC, PUBLIC, VARIABLE, Internet
from support.jobs import do, local_job, write_photos
from support.s3 import Store
from support.servers import Behaviour, RawServer, read_request, respond
from support.traces import MARK, Traces
from support.world import SECRET, WEBHOOK_SECRET, World

from splatworker.network import public_addresses


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    folder = tmp_path / "workspaces"
    folder.mkdir()
    traces = Traces(folder)
    monkeypatch.setenv(MARK, traces.mark)
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(folder))
    yield traces
    assert traces.processes() == []
    assert traces.workspaces() == []


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return write_photos(tmp_path / "photos")


@pytest.fixture
def job(photos: list[Path], tmp_path: Path, traces: Traces) -> Iterator[dict[str, Any]]:
    """A good job, which must succeed after whatever the test does."""
    job = local_job(photos, tmp_path / "a.ply")
    yield job
    assert do(job)["status"] == "success"


@pytest.fixture
def world(
    tmp_path: Path, traces: Traces, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[World]:
    monkeypatch.delenv(public_addresses.ALLOW_PRIVATE, raising=False)
    internet = Internet(tmp_path / "internet")
    monkeypatch.setenv(VARIABLE, str(internet.folder))
    write_photos(tmp_path / "photos")

    def never(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, "200 OK", b"secret of the inside")

    with Store(tmp_path / "photos") as store, RawServer(never) as sink:
        world = World(tmp_path, store, sink, internet)
        world.name("store.example", PUBLIC, port=int(store.url.rpartition(":")[2]))
        store.url = "http://store.example"
        yield world
        store.intercept = lambda request, body: False
        store.objects.clear()
        assert world.do()["status"] == "success"
        assert list(store.objects) == ["a.ply"]
    assert sink.connections == 0
    for address in internet.connected():
        assert public_addresses.is_public(ipaddress.ip_address(address)), address
    told = capfd.readouterr()
    everything = [json.dumps(world.answers), told.out, told.err, json.dumps(store.hooks), *internet.children()]
    for secret in (SECRET, "X-Amz-Signature=", "hook-secret", WEBHOOK_SECRET[6:], "secret of the inside"):
        assert not [text for text in everything if secret in text]


@pytest.fixture
def odd(world: World) -> Iterator[Callable[[Behaviour], RawServer]]:
    """Publishes a server that misbehaves as http://odd.example."""
    servers: list[RawServer] = []

    def publish(behave: Behaviour) -> RawServer:
        server = RawServer(behave)
        server.__enter__()
        servers.append(server)
        world.name("odd.example", OTHER_PUBLIC, port=server.port)
        return server

    yield publish
    for server in servers:
        server.__exit__()
