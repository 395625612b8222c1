"""The worker's log: a JSON object a line, without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from splatworker.worker import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_line_is_one_object_in_which_every_text_is_redacted(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger().info("fetching", url="https://a.example/b?sig=5ECRET", all=[{"key": "sig=5ECRET"}], count=3)
    (line,) = capfd.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"], told["count"]) == ("fetching", "info", 3)
    assert told["timestamp"].endswith("Z")
    assert "5ECRET" not in line


def test_a_quiet_log_has_warnings_and_errors_only(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(quiet=True)
    structlog.get_logger().info("all is well")
    structlog.get_logger().warning("it is not")
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "it is not"


def test_the_platform_is_known_by_where_jobs_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNPOD_WEBHOOK_GET_JOB", raising=False)
    assert not logs.on_platform()
    monkeypatch.setenv("RUNPOD_WEBHOOK_GET_JOB", "http://x")
    assert logs.on_platform()


def test_redacting_keeps_what_is_no_text() -> None:
    assert logs.redacted({"a": (1, None, 2.5), "b": True}) == {"a": [1, None, 2.5], "b": True}
