"""Who decodes videos is the operator's to say."""

from __future__ import annotations

import pytest

from splatworker.machine import video_decoder


@pytest.mark.parametrize(("said", "expected"), [(None, False), ("", False), ("cpu", False), ("cuda", True)])
def test_a_gpu_decodes_where_the_operator_says_so(
    said: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(video_decoder.VARIABLE, raising=False)
    if said is not None:
        monkeypatch.setenv(video_decoder.VARIABLE, said)
    assert video_decoder.is_gpu() == expected
