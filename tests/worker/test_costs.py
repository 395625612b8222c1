"""What a caller may ask for is bounded by whoever pays the worker."""

from __future__ import annotations

from typing import Any

import pytest

from splatworker.contract.job import Job, parse
from splatworker.errors import InvalidJob, InvalidParam, SplatError
from splatworker.worker.costs import FEATURES, FRAMES, NEIGHBOURS, check_costs, comparisons, photos_of

VIDEO = "https://videos.example/clip.mov"


def job(photos: int = 5, **more: Any) -> Job:
    urls = [f"https://photos.example/{number}.jpg" for number in range(photos)]
    return parse({"image_urls": urls, "upload_url": "https://store.example/a", **more})


@pytest.mark.parametrize(
    ("asked", "variable", "limit", "error"),
    [
        ({"photos": 6}, "SPLATWORKER_MOST_PHOTOS", "5", InvalidJob),
        ({"video_url": VIDEO, "video": {"frames": 90}}, "SPLATWORKER_MOST_PHOTOS", "80", InvalidJob),
        ({"video_url": VIDEO, "sfm": {"matcher": "exhaustive"}}, "SPLATWORKER_MOST_COMPARISONS", "1e11", InvalidJob),
        ({"params": {"iterations": 101}}, "SPLATWORKER_MOST_ITERATIONS", "100", InvalidParam),
        ({"params": {"max_gaussians": 101}}, "SPLATWORKER_MOST_GAUSSIANS", "100", InvalidParam),
        ({"sfm": {"max_num_features": 20_000}}, "SPLATWORKER_MOST_COMPARISONS", "1e9", InvalidJob),
    ],
)
def test_each_limit_is_kept_and_named(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], variable: str, limit: str, error: type[SplatError]
) -> None:
    check_costs(job(**asked))
    monkeypatch.setenv(variable, limit)
    if "ITERATIONS" not in variable:
        check_costs(job(params={"iterations": 100}))
    with pytest.raises(error) as refused:
        check_costs(job(**asked))
    assert variable in refused.value.hint


def test_comparisons_are_those_of_every_pair_or_of_neighbours() -> None:
    exhaustive = job(photos=101, sfm={"matcher": "exhaustive", "max_num_features": 1000})
    assert comparisons(exhaustive) == 101 * 100 / 2 * 1000**2
    assert comparisons(job(photos=101)) == 101 * NEIGHBOURS / 2 * FEATURES**2


@pytest.mark.parametrize(
    ("fields", "photos"),
    [
        ({}, 5 + FRAMES),
        ({"video": {"frames": 30}}, 35),
        ({"video": {"fps": 2}}, 500),
        ({"video_urls": [VIDEO] * 9}, 500),
    ],
)
def test_frames_of_videos_count_as_photos(fields: dict[str, Any], photos: int) -> None:
    assert photos_of(job(video_url=VIDEO, **fields)) == photos
