"""`splatworker schema`."""

from __future__ import annotations

import json

import pytest

from splatworker.cli import main
from splatworker.contract.schema import job_schema


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == job_schema()
