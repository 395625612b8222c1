"""What a job may say of videos."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from splatworker.contract.job import MOST_VIDEOS, parse
from splatworker.contract.schema import job_schema
from splatworker.errors import SplatError

VIDEO = "https://videos.example/clip.mov"
TARGET = {"upload_url": "https://store.example/a.ply"}
PHOTOS = [f"https://photos.example/{number}.jpg" for number in range(6)]
SCHEMA = jsonschema.Draft202012Validator(job_schema())


@pytest.mark.parametrize(
    "fields",
    [
        {"video_url": VIDEO},
        {"video_urls": [VIDEO]},
        {"video_url": VIDEO, "video_urls": [VIDEO + "2"]},
        {"video_url": VIDEO, "image_urls": []},
        {"video_url": VIDEO, "image_urls": PHOTOS[:2]},
        {"video_url": None, "video_urls": None, "image_urls": PHOTOS},
        {"video_url": VIDEO, "video": {"frames": 120, "start": 1.5, "end": 60}},
        {"video_url": VIDEO, "video": {"fps": 2}},
        {"video_url": VIDEO, "video": {"frames": None, "fps": None}},
        {"video_url": VIDEO, "video": None},
    ],
)
def test_videos_stand_beside_photos_or_in_their_place(fields: dict[str, Any]) -> None:
    assert SCHEMA.is_valid(TARGET | fields)
    job = parse(TARGET | fields)
    assert job.videos == [
        *([fields["video_url"]] if fields.get("video_url") else []), *(fields.get("video_urls") or []),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({}, "invalid_job", "'image_urls' is missing"),
        ({"video_url": None}, "invalid_job", "'image_urls' is missing"),
        ({"video_urls": []}, "invalid_job", "'image_urls' is missing"),
        ({"video_urls": [], "image_urls": PHOTOS[:3]}, "too_few_photos", "3 photos"),
        ({"video_url": ""}, "invalid_job", "video_url"),
        ({"video_url": [VIDEO]}, "invalid_job", "video_url"),
        ({"video_urls": VIDEO}, "invalid_job", "video_urls"),
        ({"video_urls": [VIDEO] * (MOST_VIDEOS + 1)}, "invalid_job", "video_urls"),
        ({"video_url": VIDEO, "video": {"frames": 4}}, "invalid_job", "video.frames"),
        ({"video_url": VIDEO, "video": {"frames": "60"}}, "invalid_job", "video.frames"),
        ({"video_url": VIDEO, "video": {"end": 0}}, "invalid_job", "video.end"),
        ({"video_url": VIDEO, "video": {"frame": 60}}, "invalid_job", "'frame' is not known"),
        ({"video_url": VIDEO, "video": {"frames": 60, "fps": 2}}, "invalid_job", "together"),
        ({"video_url": VIDEO, "video": {"start": 9, "end": 8}}, "invalid_job", "after"),
        ({"video_uri": VIDEO}, "invalid_job", "'video_uri' is not known"),
    ],
)
def test_what_cannot_be(fields: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(SplatError) as caught:
        parse(TARGET | fields)
    assert caught.value.code == code
    assert words in caught.value.message
    if not ("together" in words or "after" in words):  # what two numbers must be to each other no schema can say
        assert not SCHEMA.is_valid(TARGET | fields)


def test_options_are_words_of_the_command() -> None:
    assert parse(TARGET | {"video_url": VIDEO, "video": {"frames": 90, "start": 1.5}}).video.arguments() == [
        "--frames", "90", "--start", "1.5",
    ]  # fmt: skip
