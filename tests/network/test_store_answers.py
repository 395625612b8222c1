"""What stores say when they refuse, in their own forms; and that nothing else of their answers is repeated."""

from __future__ import annotations

import socket

import pytest
from support.servers import RawServer, read_request, respond

from splatworker.network import guard, public_addresses, store_answers

XML = '<?xml version="1.0" encoding="UTF-8"?>'
BODIES = {
    # S3 and R2
    f"{XML}<Error><Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>3600</X-Amz-Expires>"
    "<Expires>2026-01-02T12:00:00Z</Expires></Error>": "the URL's signature has expired (AccessDenied)",
    f"{XML}<Error><Code>ExpiredRequest</Code></Error>": "has expired (ExpiredRequest)",
    f"{XML}<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message><Token-0>5ECR3T"
    "</Token-0></Error>": "has expired (ExpiredToken)",
    f"{XML}<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>": "whoever signed the URL may not",
    f"{XML}<Error><Code>SignatureDoesNotMatch</Code><StringToSign>AWS4 5ECR3T</StringToSign></Error>": "signed for",
    f"{XML}<Error><Code>NoSuchKey</Code><Key>5ECR3T.jpg</Key></Error>": "there is nothing of that name (NoSuchKey)",
    # Google
    f"{XML}<Error><Code>ExpiredToken</Code><Message>Invalid argument.</Message></Error>": "has expired (ExpiredToken)",
    '{"error": {"code": "notFound5", "message": "5ECR3T"}}': "it says notFound5",
    # Azure
    f"\ufeff{XML}<Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request.</Message>"
    "<AuthenticationErrorDetail>Signature not valid in the specified time frame: Start [5ECR3T] - Expiry [...]"
    "</AuthenticationErrorDetail></Error>": "has expired (AuthenticationFailed)",
    # nobody
    "<html><title>Sign in, 5ECR3T</title></html>": "",
    '{"code": 403, "secret": "5ECR3T"}': "",
    "<Code>?X-Amz-Signature=5ECR3T</Code>": "",
    f"<Code>{'A' * 100}</Code>": "",
    "": "",
}


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(public_addresses.ALLOW_PRIVATE, "1")


def reason(body: bytes, *headers: str, length: int | None = None) -> str:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, "403 Forbidden", body, *headers, length=length)

    with (
        RawServer(behave) as server,
        guard.session() as session,
        session.get(server.url(), timeout=3600, stream=True) as answer,  # closing it would wait as long
    ):
        return store_answers.reason(answer)


@pytest.mark.parametrize("body", BODIES)
def test_the_code_is_told_and_nothing_else(body: str) -> None:
    told = reason(body.encode())
    assert BODIES[body] in told
    assert bool(told) == bool(BODIES[body])
    assert "5ECR3T" not in told


def test_azures_code_may_stand_in_a_header() -> None:
    assert "BlobNotFound" in reason(b"", "x-ms-error-code: BlobNotFound")
    assert reason(b"", "x-ms-error-code: sig=5ECR3T") == ""


def test_what_breaks_off_or_never_ends_is_told_as_far_as_it_came() -> None:
    assert "NoSuchKey" in reason(b"<Error><Code>NoSuchKey</Code>", length=10_000)
    assert reason(b"x" * 300_000 + b"<Code>NoSuchKey</Code>") == ""


def test_a_reason_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal itself is there, and counts."""
    monkeypatch.setattr(store_answers, "MOST_SECONDS", 0.2)

    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\nx-ms-error-code: BlobNotFound\r\n\r\n<")
        server.stopping.wait()

    with (
        RawServer(behave) as server,
        guard.session() as session,
        session.get(server.url(), timeout=3600, stream=True) as answer,  # closing it would wait as long
    ):
        assert "BlobNotFound" in store_answers.reason(answer)
