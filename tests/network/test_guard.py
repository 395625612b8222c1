"""The guard's own rules; what it keeps from whom is in tests/faults/test_ssrf.py and tests/attacks/test_network.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from splatworker.errors import InvalidJob
from splatworker.network import guard


@pytest.mark.parametrize("text", ["٣", "１", "۹"])
def test_digits_of_other_scripts_are_no_numbers(text: str) -> None:
    assert guard.number(text) is None


def test_what_is_a_number() -> None:
    assert [guard.number(text) for text in ("0", "007", "123456789012345")] == [0, 7, 123456789012345]
    assert guard.retry_after("30") == 30.0
    assert guard.retry_after("200000") == 0.0


@pytest.mark.parametrize("port", ["", ":80", ":443", ":8080", ":8443", ":9000"])
def test_ports_of_web_servers(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(guard.ALLOW_PRIVATE, raising=False)
    guard.check_url(f"https://store.example{port}/a.jpg", "upload_url")


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
        guard.check_form(url, "upload_url")
    assert url not in refused.value.message


def test_paths_and_file_urls_are_files_and_others_are_not() -> None:
    assert guard.local_path("photos/a.jpg") == Path("photos/a.jpg")
    assert guard.local_path("file:///a%20b.jpg") == Path("/a b.jpg")
    assert guard.local_path("file://elsewhere/a.jpg") is None
    assert guard.local_path("https://store.example/a.jpg") is None


def test_errors_in_words_name_neither_address_nor_query() -> None:
    for error in (
        requests.Timeout("x?sig=1"),
        requests.ConnectionError("x?sig=1"),
        requests.RequestException("x?sig=1"),
    ):
        assert "sig" not in guard.describe(error)


@pytest.mark.parametrize(
    "host", ["１２７.0.0.1", "127。0。0。1", "localhost", "a.localhost", "a..b", "b" * 64 + ".example"]
)
def test_a_host_that_cannot_be_a_servers_is_refused_by_the_field(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is made, and not when it is to be delivered."""
    monkeypatch.delenv(guard.ALLOW_PRIVATE, raising=False)
    with pytest.raises(InvalidJob, match="'upload_url'"):
        guard.check_url(f"https://{host}/a.ply?sig=5ECR3T", "upload_url")


@pytest.mark.parametrize("host", ["1.1.1.1", "[2606:4700::1111]", "bücher.example", "a.example."])
def test_a_host_that_may_be_one_passes(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(guard.ALLOW_PRIVATE, raising=False)
    guard.check_url(f"https://{host}/a.ply", "upload_url")
