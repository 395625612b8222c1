"""What the handler returns: the dictionaries of success and error, to the letter of the contract."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Sequence
from typing import Any

from splatworker.contract.job import Job
from splatworker.errors import MachineError, SplatError, from_os_error
from splatworker.pipeline.records import Result
from splatworker.worker.logs import redacted
from splatworker.worker.public_address import public_address

SUCCESS = "Gaussian Splatting completed successfully"


def success(
    job: Job, file_size: int, splat: Result, outputs: list[str], warnings: list[str], seconds: float
) -> dict[str, Any]:
    """The answer of a job that succeeded; `outputs` names what was delivered besides the splat."""
    details = dataclasses.asdict(splat)
    del details["ply"]
    if details["subject"] is None:
        del details["subject"]
    details["timings"]["total"] = round(seconds, 2)
    for video in details["videos"]:
        video.pop("chosen", None)  # names that only a run's folder and report know
    if not splat.videos:
        del details["videos"]
    return {
        "status": "success",
        "project_id": job.project_id,
        "file_size": file_size,
        "message": SUCCESS,
        "model_url": job.public_url or public_address(job.upload_url),
        **details,
        **({"outputs": {name: public_address(job.outputs[name]) for name in outputs}} if job.outputs else {}),
        "warnings": list(warnings),
    }


def failure(error: BaseException, project_id: str | None, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """The answer of a job that failed. `error` is always a text: the platform takes anything else for a success."""
    known = error if isinstance(error, SplatError) else None
    if isinstance(error, OSError):
        known = from_os_error(error, "pipeline")
    answer: dict[str, Any] = {
        "status": "error",
        "error": (known.message if known else "") or f"Something unexpected went wrong ({type(error).__name__}).",
        "traceback": "".join(traceback.format_exception(error)),
        "code": known.code if known else "internal_error",
        "stage": known.stage if known else "pipeline",
        "hint": known.hint if known else "Please report it, with the traceback.",
        "project_id": project_id,
        "warnings": list(warnings),
    }
    if known and known.rejected:
        answer["photos"] = {"rejected": known.rejected}
    if isinstance(known, MachineError) and known.worker_is_broken:
        answer["refresh_worker"] = True
    redacted_answer: dict[str, Any] = redacted(answer)
    return redacted_answer
