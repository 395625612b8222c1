"""A job that cannot end well is refused before it costs anything, and its time is shared out among the stages."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta

import pytest

from splatworker import preflight
from splatworker.errors import InvalidJob, SplatError
from splatworker.job import parse
from splatworker.pipeline import SHARES, stage_deadline


def job(upload_url: str = "https://store.example/a.ply", **more):
    photos = [f"https://photos.example/{number}.jpg" for number in range(5)]
    return parse({"image_urls": photos, "upload_url": upload_url, **more})


def presigned(left_s: float) -> str:
    """A URL that ends in so many seconds."""
    signed = (datetime.now(UTC) - timedelta(seconds=1000)).strftime("%Y%m%dT%H%M%SZ")
    return f"https://store.example/a.ply?X-Amz-Date={signed}&X-Amz-Expires={1000 + round(left_s)}"


def seconds_left(checked) -> float:
    return preflight.check(checked, local=False) - time.monotonic()


def test_without_a_limit_there_is_no_deadline(monkeypatch):
    monkeypatch.delenv(preflight.DEADLINE, raising=False)
    assert preflight.check(job(), local=False) is None


@pytest.mark.parametrize(("own", "environments", "wanted"), [(100.0, "", 100), (None, "200", 200), (300.0, "200", 200)])
def test_the_soonest_deadline_counts(monkeypatch, own, environments, wanted):
    monkeypatch.setenv(preflight.DEADLINE, environments)
    assert seconds_left(job(deadline_s=own)) == pytest.approx(wanted, abs=5)


def test_a_job_is_given_up_when_its_upload_url_ends(monkeypatch):
    monkeypatch.setenv(preflight.DEADLINE, "1740")
    assert seconds_left(job(presigned(600))) == pytest.approx(600, abs=10)
    assert seconds_left(job(presigned(7200))) == pytest.approx(1740, abs=10)


def test_an_upload_url_that_ends_too_early_is_refused():
    with pytest.raises(InvalidJob, match=r"'upload_url'.*before the job can"):
        preflight.check(job(presigned(100)), local=False)
    with pytest.raises(InvalidJob, match=r"'outputs\.spz'"):
        preflight.check(job(outputs={"spz": presigned(100)}), local=False)
    preflight.check(job(presigned(100), deadline_s=60.0), local=False)  # time enough for a job that takes a minute


@pytest.mark.parametrize("told", ["soon", "0", "-5", "nan", "inf"])
def test_an_environment_that_says_no_number_is_an_error(monkeypatch, told):
    monkeypatch.setenv(preflight.DEADLINE, told)
    with pytest.raises(SplatError, match=preflight.DEADLINE):
        preflight.check(job(), local=False)


def test_every_stage_leaves_time_for_those_after_it(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    deadline = now + 1000
    ends = [now, *(stage_deadline(stage, deadline) for stage in SHARES), deadline]  # all told when the job starts
    assert all(later - sooner >= 90 for sooner, later in itertools.pairwise(ends))
    assert stage_deadline("sfm", None) is None
    assert stage_deadline("sfm", now - 1) == now
