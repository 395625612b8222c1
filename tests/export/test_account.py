"""The account that a worker gives of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from splatworker.errors import InvalidScene
from splatworker.export.account import read_account


@pytest.mark.parametrize("content", ["{", "[]", '{"timings": {"a": "x"}}', '{"photos": 5}'])
def test_an_account_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "account.json").write_text(content)
    with pytest.raises(InvalidScene, match="account"):
        read_account(tmp_path / "account.json")
