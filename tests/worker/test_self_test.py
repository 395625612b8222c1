"""The job of the example photos; it is run in tests/worker/test_platform.py."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from splatworker.contract.job import Job
from splatworker.worker.self_test import is_self_test, self_test
from splatworker.worker.session import WorkerSettings

ROOT = Path(__file__).parents[2]


def test_it_is_that_job_to_the_letter() -> None:
    assert is_self_test({"input": {"self_test": True}})
    for other in ({}, {"self_test": True}, {"input": {"self_test": True, "more": 1}}, {"input": {"self_test": False}}):
        assert not is_self_test(other)


@pytest.mark.parametrize("local", [True, False])
def test_it_is_a_valid_local_job_of_the_example_photos(
    local: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(tmp_path))
    asked = []

    async def handler(event: dict[str, Any], settings: WorkerSettings) -> dict[str, Any]:
        asked.append((Job.model_validate(event["input"]), settings.local, event["id"]))
        splat = Path(event["input"]["upload_url"])
        # Delivery makes a folder of its own: the workspace is locked while the job runs (test_platform runs it).
        assert splat.parent.parent.is_dir()
        assert not splat.parent.exists()
        return {"status": "success"}

    event = {"id": "a", "input": {"self_test": True}}
    assert asyncio.run(self_test(event, WorkerSettings(local=local), handler, ROOT)) == {"status": "success"}
    ((job, is_local, identity),) = asked
    assert len(job.image_urls) >= 5
    assert all(Path(photo).is_file() for photo in job.image_urls)
    assert (is_local, identity) == (True, "a")
