"""Whole jobs with URLs that lead inside: as a photo, an upload, a webhook; the worker stays outside and goes on.

`test_ssrf.py` asks the guard itself, faster; here every process of a job is asked. Half of it runs with `-m slow`.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from support.addresses import FORMS, NETWORKS
from support.internet import OTHER_PUBLIC, PUBLIC
from support.servers import Behaviour, RawServer, read_request, respond
from support.world import SECRET, World

from splatworker.errors import InvalidJob
from splatworker.network import url_rules

HOSTS = [*FORMS, *(f"[{network.split('/')[0]}]" if ":" in network else network.split("/")[0] for network in NETWORKS)]

ODD = [
    "http://user:5ECR3T@store.example/", "http://store.example@127.0.0.1/", "http://store.example\\@127.0.0.1/",
    "http://127.0.0.1#@store.example/", "http://127.0.0.1/\r\nHost: x", "http://127.0.0.1\x00.store.example/",
    "file:///etc/passwd", "ftp://store.example/", "gopher://store.example/", "dict://store.example/", "/etc/passwd",
    "data:image/jpeg;base64,AA==", "jar:http://store.example!/", "unix:///run/x", "http+unix://x/", "http://[::1",
]  # fmt: skip


def passes_the_form_check(url: str) -> bool:
    try:
        url_rules.check_url(url, "image_urls[0]")
    except InvalidJob:
        return False
    return True


@pytest.mark.parametrize("field", ["image_urls", "upload_url", "webhook_url"])
def test_what_the_urls_form_tells_is_refused_before_anything_starts(world: World, field: str) -> None:
    urls = [f"http://{host}:{world.sink.port}/k?token={SECRET}" for host in HOSTS] + ODD
    refused = [url for url in urls if not passes_the_form_check(url)]
    assert len(refused) > 50
    for url in refused:
        bad = {field: [*world.photo_urls(), url] if field == "image_urls" else url}
        answer = world.do(**({"webhook_url": None} | bad))
        assert (answer["status"], answer["code"]) == ("error", "invalid_job"), url
        assert field in answer["error"]
    assert world.internet.children() == []


def inner_names(world: World) -> list[str]:
    """URLs whose form is fine, and which lead inside."""
    world.name("inner.example", "127.0.0.1")
    world.name("private.example", "10.0.0.1")
    world.name("metadata.google.internal", "169.254.169.254")
    world.name("v6.metadata.example", "fd00:ec2::254")
    world.name("wire.example", "168.63.129.16")
    world.name("nat64.example", "64:ff9b::a9fe:a9fe")
    world.name("isatap.example", "2400:cb00::5efe:a9fe:a9fe")
    world.name("both.example", PUBLIC, "10.0.0.1")
    world.internet.names["rebind.example"] = [["127.0.0.1"]]
    hosts = [host for host in FORMS if passes_the_form_check(f"http://{host}/")]
    names = [name for name in world.internet.names if name != "store.example"]
    return [f"http://{host}:{world.sink.port}/k.jpg?token={SECRET}" for host in [*hosts, *names]]


def test_photos_from_inside_are_left_out_of_a_good_job(world: World) -> None:
    inner = inner_names(world)
    answer = world.do(image_urls=[*world.photo_urls(), *inner])
    assert answer["status"] == "success"
    rejected = answer["photos"]["rejected"]
    assert [photo["index"] for photo in rejected] == list(range(6, 6 + len(inner)))
    assert {photo["reason"] for photo in rejected} <= {
        "its address is not public",
        "the server could not be reached",  # a form that the system's resolver does not take for an address
        "it is, or redirects to, something that is not an http or https URL",
    }


def test_photos_that_redirect_inside(world: World, odd: Callable[[Behaviour], RawServer]) -> None:
    inside = [
        f"http://127.0.0.1:{world.sink.port}/", f"http://inner.example:{world.sink.port}/", "http://[::1]/",
        f"http://user:{SECRET}@127.0.0.1:{world.sink.port}/", f"http://2130706433:{world.sink.port}/",
        "file:///etc/passwd", "ftp://127.0.0.1/", "http://odd.example/0/301",
    ]  # fmt: skip
    world.name("inner.example", "127.0.0.1")

    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        _, which, status = head.split(b" ")[1].decode().split("?")[0].split("/")
        last = "http://odd.example/7/301"  # round and round
        location = last if which == "7" else inside[int(which)]
        respond(connection, f"{status} Moved", b"", f"Location: {location}")

    odd(behave)
    bad = [
        f"http://odd.example/{which}/{status}?token={SECRET}"
        for which in range(len(inside))
        for status in (301, 302, 303, 307, 308)
    ]
    answer = world.do(image_urls=[*world.photo_urls(), *bad])
    assert answer["status"] == "success"
    assert {photo["index"] for photo in answer["photos"]["rejected"]} == set(range(6, 6 + len(bad)))
    reasons = {photo["reason"] for photo in answer["photos"]["rejected"]}
    assert reasons == {
        "its address is not public",
        "it redirects too often",
        "it is, or redirects to, something that is not an http or https URL",
    }


@pytest.mark.slow
def test_names_that_change_their_mind(world: World, odd: Callable[[Behaviour], RawServer]) -> None:
    """DNS rebinding: the first answers are public, the later ones are not."""

    def later(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, "503 Later")

    odd(later)
    for count in range(1, 7):
        world.internet.names[f"rebind{count}.example"] = [[OTHER_PUBLIC]] * count + [["127.0.0.1"]]
    urls = [f"http://rebind{count}.example:{world.sink.port}/k.jpg" for count in range(1, 7)]
    answer = world.do(image_urls=[*world.photo_urls(), *urls])
    assert answer["status"] == "success"
    reasons = [photo["reason"] for photo in answer["photos"]["rejected"]]
    assert len(reasons) == len(urls)
    assert reasons[0] == "its address is not public"
    assert set(reasons) <= {"its address is not public", "the server answered 503"}


@pytest.mark.slow
def test_a_photos_first_address_is_dead(world: World) -> None:
    world.name("two.example", "93.184.216.99", PUBLIC)
    urls = [url.replace("store.example", "two.example") for url in world.photo_urls()]
    answer = world.do(image_urls=urls)
    assert answer["status"] == "success"
    assert answer["photos"]["rejected"] == []


@pytest.mark.slow
@pytest.mark.parametrize("host", ["2130706433", "inner.example", "both.example", "nat64.example"])
def test_an_upload_to_the_inside(world: World, host: str) -> None:
    inner_names(world)
    answer = world.do(upload_url=f"http://{host}:{world.sink.port}/k?X-Amz-Signature={SECRET}")
    assert (answer["status"], answer["code"]) == ("error", "upload_refused")
    assert "not public" in answer["error"]
    assert world.store.statuses() == ["failed"]


@pytest.mark.slow
def test_an_upload_that_is_redirected_inside(world: World, odd: Callable[[Behaviour], RawServer]) -> None:
    def moved(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, "307 Moved", b"", f"Location: http://127.0.0.1:{world.sink.port}/")

    odd(moved)
    answer = world.do(upload_url="http://odd.example/k")
    assert answer["code"] == "upload_refused"
    assert "307" in answer["error"]


@pytest.mark.slow
@pytest.mark.parametrize("host", ["0x7f000001", "inner.example", "both.example", "metadata.google.internal"])
def test_a_webhook_to_the_inside_does_not_change_the_answer(world: World, host: str) -> None:
    inner_names(world)
    answer = world.do(image_urls=[], webhook_url=f"http://{host}:{world.sink.port}/k?token={SECRET}")
    assert answer["code"] == "too_few_photos"
    assert "not public" in answer["warnings"][0]


@pytest.mark.slow
def test_a_bad_certificate_on_a_pinned_address(
    world: World,
    odd: Callable[[Behaviour], RawServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)

    def behave(connection: socket.socket, number: int) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            read_request(secure)
            respond(secure, "200 OK", b"photo")

    odd(behave)
    urls = [*world.photo_urls(), f"https://odd.example/k.jpg?token={SECRET}"]
    answer = world.do(image_urls=urls, upload_url=f"https://odd.example/k?X-Amz-Signature={SECRET}")
    assert answer["code"] == "upload_refused"
    assert "certificate" in answer["error"]


@pytest.mark.slow
def test_a_proxy_in_the_environment_is_not_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{world.sink.port}")
    assert world.do()["status"] == "success"
