"""Which URLs a job may give, by their form alone; many more are in tests/faults/test_ssrf.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from splatworker.errors import InvalidJob
from splatworker.network import public_addresses, url_rules


@pytest.mark.parametrize("port", ["", ":80", ":443", ":8080", ":8443", ":9000"])
def test_ports_of_web_servers(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(public_addresses.ALLOW_PRIVATE, raising=False)
    url_rules.check_url(f"https://store.example{port}/a.jpg", "upload_url")


@pytest.mark.parametrize(
    "url",
    [
        "http://a b/",
        "http://a\\b/",
        "http://a/\n",
        "ftp://a/",
        "//a/b",
        "http://",
        "http://a:0/",
        "http://u:p@a/",
        "http://[/",
    ],
)
def test_what_is_no_url_to_show_is_refused_by_the_fields_name(url: str) -> None:
    with pytest.raises(InvalidJob, match="'upload_url'") as refused:
        url_rules.check_form(url, "upload_url")
    assert url not in refused.value.message


def test_paths_and_file_urls_are_files_and_others_are_not() -> None:
    assert url_rules.local_path("photos/a.jpg") == Path("photos/a.jpg")
    assert url_rules.local_path("file:///a%20b.jpg") == Path("/a b.jpg")
    assert url_rules.local_path("file://elsewhere/a.jpg") is None
    assert url_rules.local_path("https://store.example/a.jpg") is None


@pytest.mark.parametrize(
    "host", ["１２７.0.0.1", "127。0。0。1", "localhost", "a.localhost", "a..b", "b" * 64 + ".example"]
)
def test_a_host_that_cannot_be_a_servers_is_refused_by_the_field(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is made, and not when it is to be delivered."""
    monkeypatch.delenv(public_addresses.ALLOW_PRIVATE, raising=False)
    with pytest.raises(InvalidJob, match="'upload_url'"):
        url_rules.check_url(f"https://{host}/a.ply?sig=5ECR3T", "upload_url")


@pytest.mark.parametrize("host", ["1.1.1.1", "[2606:4700::1111]", "bücher.example", "a.example."])
def test_a_host_that_may_be_one_passes(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(public_addresses.ALLOW_PRIVATE, raising=False)
    url_rules.check_url(f"https://{host}/a.ply", "upload_url")
