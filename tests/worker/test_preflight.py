"""A job that cannot end well is refused before it costs anything, and its time is shared out among the stages."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from splatworker.contract.job import Job, parse
from splatworker.errors import InputError, InvalidJob, SplatError
from splatworker.machine import operator_limits
from splatworker.worker import preflight


def job(upload_url: str = "https://store.example/a.ply", **more: Any) -> Job:
    photos = [f"https://photos.example/{number}.jpg" for number in range(5)]
    return parse({"image_urls": photos, "upload_url": upload_url, **more})


def presigned(left_s: float) -> str:
    """A URL that ends in so many seconds."""
    signed = (datetime.now(UTC) - timedelta(seconds=1000)).strftime("%Y%m%dT%H%M%SZ")
    return f"https://store.example/a.ply?X-Amz-Date={signed}&X-Amz-Expires={1000 + round(left_s)}"


def seconds_left(checked: Job) -> float:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: 1000.0)
        ends = preflight.check(checked, local=False)
    assert ends is not None
    return ends - 1000.0


def test_a_strangers_job_has_a_deadline_and_ones_own_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(preflight.DEADLINE, raising=False)
    assert seconds_left(job()) == 1800
    assert seconds_left(job(deadline_s=7200.0)) == 1800
    assert preflight.check(job(), local=True) is None
    monkeypatch.setenv(preflight.DEADLINE, "7200")
    assert seconds_left(job()) == 7200
    assert seconds_left(job(deadline_s=300.0)) == 300


@pytest.mark.parametrize(
    ("more", "variable"),
    [
        ({"params": {"iterations": 200_000}}, "SPLATWORKER_MOST_ITERATIONS"),
        ({"params": {"max_gaussians": 50_000_000}}, "SPLATWORKER_MOST_GAUSSIANS"),
        ({"sfm": {"matcher": "exhaustive", "max_num_features": 65_536}}, "SPLATWORKER_MOST_COMPARISONS"),
        ({"sfm": {"max_num_features": 65_536}}, "SPLATWORKER_MOST_COMPARISONS"),
        ({}, "SPLATWORKER_MOST_PHOTOS"),
    ],
)
def test_what_costs_much_is_the_operators_to_allow(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], variable: str
) -> None:
    photos = [f"https://photos.example/{number}.jpg" for number in range(400)]
    dear = parse({"image_urls": photos, "upload_url": "https://store.example/a.ply", **more})
    monkeypatch.setenv("SPLATWORKER_MOST_PHOTOS", "399" if not more else "500")
    with pytest.raises(InputError, match="at most") as caught:
        preflight.check(dear, local=False)
    assert variable in caught.value.hint
    preflight.check(dear, local=True)
    monkeypatch.setenv(variable, "1e15" if variable.endswith("COMPARISONS") else "100000000")
    preflight.check(dear, local=False)


@pytest.mark.parametrize("iterations", [3000, 7000, 15_000, 30_000])
def test_what_callers_send_is_never_too_dear(iterations: int) -> None:
    photos = [f"https://photos.example/{number}.jpg" for number in range(500)]
    for sfm in ({}, {"matcher": "exhaustive"}, {"max_num_features": 16_384}):
        common = parse(
            {
                "image_urls": photos,
                "upload_url": "https://store.example/a.ply",
                "params": {"iterations": iterations, "max_gaussians": 5_000_000},
                "sfm": sfm,
            }
        )
        preflight.check(common, local=False)


@pytest.mark.parametrize("variable", list(operator_limits.LIMITS))
@pytest.mark.parametrize("told", ["many", "0", "-1", "nan"])
def test_a_limit_that_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch, variable: str, told: str) -> None:
    monkeypatch.setenv(variable, told)
    with pytest.raises(SplatError, match=f"{variable} is '{told}'"):
        preflight.check(job(), local=False)
    assert operator_limits.value(variable) == operator_limits.LIMITS[variable].default


SPLAT = "https://store.example/a.ply?X-Amz-Signature=1"


@pytest.mark.parametrize(
    "same",
    [
        SPLAT, SPLAT[:-1] + "2", SPLAT + "&versionId=3", "https://store.example/a.ply", "https://STORE.example/a.ply",
        "https://store.example:443/a.ply", "http://store.example/a.ply", "https://store.example./a.ply",
        "https://store.example/%61.ply", "https://store.example/b/../a.ply", "https://store.example//a.ply",
        "https://store.example/./a.ply#x", "https://store.example/a.ply/",
    ],
)  # fmt: skip
def test_two_targets_in_one_place(same: str) -> None:
    with pytest.raises(InvalidJob, match=r"'upload_url' and 'outputs\.spz'"):
        preflight.check(job(SPLAT, outputs={"spz": same}), local=False)
    with pytest.raises(InvalidJob, match=r"'outputs\.spz' and 'outputs\.sog'"):
        preflight.check(
            job(
                outputs={"spz": SPLAT.replace("a.ply", "b"), "sog": same.replace("a.ply", "b").replace("%61.ply", "b")}
            ),
            local=False,
        )


def test_a_target_that_is_a_photo() -> None:
    with pytest.raises(InvalidJob, match=r"'image_urls\[3\]' and 'upload_url'"):
        preflight.check(job("https://photos.example/3.jpg?X-Amz-Signature=9"), local=False)


def test_two_local_targets_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for same in (str(tmp_path / "a.ply"), (tmp_path / "a.ply").as_uri(), str(tmp_path / "link" / "a.ply")):
        with pytest.raises(InvalidJob, match="same place"):
            preflight.check(job(str(tmp_path / "a.ply"), outputs={"spz": same}), local=True)


def test_targets_in_different_places() -> None:
    others = {
        "spz": "https://store.example/A.ply",
        "sog": "https://store.example:8443/a.ply",
        "report": "https://b.example/a.ply",
    }
    preflight.check(job(SPLAT, outputs=others), local=False)


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "blob:x", "javascript://a.example/%0aalert(1)",
        "https://a.example/\x1b]0;owned\x07", "https://a.example/\u009b31m", "https://user:pw@a.example/", "https:///a.ply",
        "https://a.example\\@b.example/", " https://a.example/", "\x01javascript:alert(1)", "java\nscript:x", "ftp://a.example/",
    ],
)  # fmt: skip
def test_a_public_url_that_nobody_should_be_shown(url: str, local: bool) -> None:
    with pytest.raises(InvalidJob, match="'public_url'"):
        preflight.check(job(public_url=url), local=local)


@pytest.mark.parametrize("url", ["https://cdn.example/a.ply", "http://10.0.0.1:9000/a.ply?x=1"])
def test_a_public_url_is_not_fetched(url: str) -> None:
    preflight.check(job(public_url=url), local=False)


@pytest.mark.parametrize(("own", "environments", "wanted"), [(100.0, "", 100), (None, "200", 200), (300.0, "200", 200)])
def test_the_soonest_deadline_counts(
    monkeypatch: pytest.MonkeyPatch, own: float | None, environments: str, wanted: int
) -> None:
    monkeypatch.setenv(preflight.DEADLINE, environments)
    assert seconds_left(job(deadline_s=own)) == wanted


def test_a_job_is_given_up_when_its_upload_url_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(preflight.DEADLINE, "1740")
    assert seconds_left(job(presigned(600))) == pytest.approx(600, abs=60)
    assert seconds_left(job(presigned(7200))) == 1740


def test_an_upload_url_that_ends_too_early_is_refused() -> None:
    with pytest.raises(InvalidJob, match=r"'upload_url'.*before the job can"):
        preflight.check(job(presigned(100)), local=False)
    with pytest.raises(InvalidJob, match=r"'outputs\.spz'"):
        preflight.check(job(outputs={"spz": presigned(100)}), local=False)
    preflight.check(job(presigned(100), deadline_s=60.0), local=False)  # time enough for a job that takes a minute


@pytest.mark.parametrize("told", ["soon", "0", "-5", "nan", "inf"])
def test_an_environment_that_says_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv(preflight.DEADLINE, told)
    with pytest.raises(SplatError, match=preflight.DEADLINE):
        preflight.check(job(), local=False)


def test_masks_are_checked_as_photos_are() -> None:
    masks = [None, "file:///etc/passwd", *[None] * 3]
    with pytest.raises(InvalidJob, match=r"mask_urls\[1\]"):
        preflight.check(job(mask_urls=masks), local=False)
    with pytest.raises(InvalidJob, match=r"'mask_urls\[4\]' and 'upload_url'"):
        preflight.check(job(SPLAT, mask_urls=[*[None] * 4, "https://store.example/a.ply"]), local=False)
    over = "https://photos.example/m.png?X-Amz-Date=20200101T000000Z&X-Amz-Expires=60&X-Amz-Signature=1"
    with pytest.raises(InvalidJob, match=r"1 of 1 masks \(from 'mask_urls\[0\]' on\) have expired"):
        preflight.check(job(mask_urls=[over, *[None] * 4]), local=False)


@pytest.mark.parametrize("secret", ["whsec_", "my own password"])
def test_a_secret_that_signs_nothing_is_refused(secret: str) -> None:
    with pytest.raises(InvalidJob, match="is not a secret of Standard Webhooks") as caught:
        preflight.check(job(webhook_secret=secret), local=False)
    assert "whsec_$(openssl rand -base64 32)" in caught.value.hint


@pytest.mark.parametrize("size", [2, 16, 24, 32, 64])
def test_a_secret_of_any_length_is_taken(size: int) -> None:
    for prefix in ("whsec_", ""):
        preflight.check(job(webhook_secret=prefix + base64.b64encode(bytes(size)).decode()), local=False)
