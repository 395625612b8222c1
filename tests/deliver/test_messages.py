"""What a webhook is told, by the contract's letter; when it is the same news; what a message can be signed with."""

from __future__ import annotations

import pytest

from splatworker.deliver import messages

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
COMPLETED = messages.completed("job-1", "p-1", "https://cdn.example/a.ply", 123)


def test_the_payloads_are_those_of_the_contract() -> None:
    assert COMPLETED == {
        "status": "completed",
        "project_id": "p-1",
        "model_url": "https://cdn.example/a.ply",
        "file_size": 123,
        "job_id": "job-1",
    }
    assert messages.failed("job-1", "p-1", "No.", "no_photos") == {
        "status": "failed",
        "project_id": "p-1",
        "error": "No.",
        "job_id": "job-1",
        "code": "no_photos",
    }
    assert messages.processing("job-1", None, 41.9, "sfm") == {
        "status": "processing",
        "project_id": None,
        "progress": 41,
        "stage": "sfm",
        "job_id": "job-1",
    }


def test_the_id_is_the_same_for_the_same_news_only() -> None:
    assert messages.message_id(COMPLETED) == messages.message_id(dict(COMPLETED))
    others = [
        messages.completed("job-2", "p-1", "u", 1),
        messages.failed("job-1", "p-1", "No.", "no_photos"),
        messages.processing("job-1", "p-1", 10, "sfm"),
        messages.processing("job-1", "p-1", 11, "sfm"),
    ]
    assert len({messages.message_id(message) for message in [COMPLETED, *others]}) == 5


@pytest.mark.parametrize(
    ("secret", "valid"),
    [
        *((SECRET, True), (SECRET[6:], True), ("whsec_" + "YWJj" * 8 + "YWI", True), ("whsec_", False), ("é", False)),
        # Python's reader would leave out what is no base64, and a receiver's would not.
        *((f"{SECRET[:8]}-{SECRET[9:]}", False), (f"{SECRET[:8]}_{SECRET[9:]}", False), ("my own password", False)),
    ],
)
def test_what_is_a_secret(secret: str, valid: bool) -> None:
    assert messages.is_secret(secret) is valid
