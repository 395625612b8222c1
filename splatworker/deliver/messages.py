"""What a webhook is told of a job, and what it may be signed with: all that the worker's own process knows of webhooks.

The id of a message stays the same whenever it is sent again, so that a receiver who acts on it (gives money back, say)
acts once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any


def completed(job_id: str, project_id: str | None, model_url: str, file_size: int) -> dict[str, Any]:
    """The message of a job that succeeded."""
    return {
        "status": "completed",
        "project_id": project_id,
        "model_url": model_url,
        "file_size": file_size,
        "job_id": job_id,
    }


def failed(job_id: str, project_id: str | None, error: str, code: str) -> dict[str, Any]:
    """The message of a job that failed."""
    return {"status": "failed", "project_id": project_id, "error": error, "job_id": job_id, "code": code}


def processing(job_id: str, project_id: str | None, percent: float, stage: str) -> dict[str, Any]:
    """The message of a job on its way."""
    return {
        "status": "processing",
        "project_id": project_id,
        "progress": int(percent),
        "stage": stage,
        "job_id": job_id,
    }


def message_id(message: dict[str, Any]) -> str:
    """The same for the same news of the same job, however often and by whichever worker it is told."""
    # With the project: callers who bring ids of their own may bring the same.
    news = json.dumps([message["job_id"], message["project_id"], message["status"], message.get("progress")])
    return "msg_" + hashlib.sha256(news.encode()).hexdigest()[:32]


def is_secret(secret: str) -> bool:
    """Whether messages can be signed with it: base64, perhaps after `whsec_`.

    To the letter: Python's reader passes over what is no base64, such as the `-` and `_` of its form for URLs, and
    would sign with another key than the receiver's.
    """
    text = secret.removeprefix("whsec_").rstrip("=")
    try:
        return bool(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except ValueError:
        return False
