"""The answers of success and error, to the letter of the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from splatworker.contract.job import Job, parse
from splatworker.errors import GpuFailed, NoOverlap
from splatworker.pipeline.records import Result
from splatworker.worker.responses import failure, success

URLS = [f"https://photos.example/{number}.jpg" for number in range(5)]
SIGNED = "https://store.example/a.ply?X-Amz-Signature=secret"


def splat() -> Result:
    return Result(Path("a.ply"), 7, {"given": 5}, {"psnr": 30.0}, "ours", {"asked": 7000}, "cpu", {"train": 1.0}, {})


def job(**more: Any) -> Job:
    return parse({"image_urls": URLS, "upload_url": SIGNED, "project_id": "p-1", **more})


def test_a_success_says_what_was_made_and_no_query() -> None:
    answer = success(job(), 123, splat(), [], ["a warning"], 12.3)
    assert answer["status"] == "success"
    assert answer["message"] == "Gaussian Splatting completed successfully"
    assert (answer["project_id"], answer["file_size"], answer["gaussians"]) == ("p-1", 123, 7)
    assert answer["timings"] == {"train": 1.0, "total": 12.3}
    assert answer["warnings"] == ["a warning"]
    assert "outputs" not in answer
    assert "ply" not in answer
    assert "secret" not in str(answer)


def test_outputs_that_arrived_are_named_where_some_were_asked_for() -> None:
    asked = job(outputs={"spz": "https://store.example/a.spz?sig=1", "sog": "https://store.example/a.sog?sig=1"})
    answer = success(asked, 1, splat(), ["spz"], [], 1.0)
    assert list(answer["outputs"]) == ["spz"]
    assert success(job(public_url="https://cdn.example/a.ply"), 1, splat(), [], [], 1.0)["model_url"] == (
        "https://cdn.example/a.ply"
    )


def test_an_error_has_a_text_a_code_and_what_became_of_the_photos() -> None:
    error = NoOverlap("The photos do not overlap.", hint="Take more.")
    error.rejected = [{"index": 3, "reason": "it is blurred"}]
    answer = failure(error, "p-1", ["a warning"])
    assert (answer["status"], answer["error"], answer["code"]) == ("error", "The photos do not overlap.", "no_overlap")
    assert (answer["stage"], answer["hint"], answer["project_id"]) == ("sfm", "Take more.", "p-1")
    assert answer["photos"] == {"rejected": error.rejected}
    assert answer["warnings"] == ["a warning"]
    assert "refresh_worker" not in answer


@pytest.mark.parametrize(
    ("error", "code"), [(OSError(28, "No space left"), "disk_full"), (ZeroDivisionError(SIGNED), "internal_error")]
)
def test_whatever_went_wrong_is_a_text_without_secrets(error: OSError | ZeroDivisionError, code: str) -> None:
    answer = failure(error, None)
    assert answer["code"] == code
    assert answer["error"]
    assert "secret" not in str(answer)


def test_a_worker_whose_gpu_is_gone_asks_to_be_replaced() -> None:
    assert failure(GpuFailed("The GPU is gone."), None)["refresh_worker"] is True
