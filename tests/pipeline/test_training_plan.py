"""What a run trains on its machine, and what its sender is told about that before it begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from splatworker.contract import params
from splatworker.contract.job import Job, parse, recipe
from splatworker.pipeline import training_plan
from splatworker.pipeline.training_plan import Plan, plan

PRESETS = json.loads((Path(__file__).parents[2] / "bench" / "presets.json").read_text())
URLS = {
    "image_urls": [f"https://photos.example/{number}.jpg" for number in range(6)],
    "upload_url": "https://s.example/a",
}
PHOTOS = [(1600, 1200)] * 24


def job(**more: Any) -> Job:
    return parse(URLS | more)


def remark(planned: Plan, word: str) -> str:
    said: str
    (said,) = [sentence for sentence in planned.remarks if word in sentence]
    return said


def test_a_job_saves_no_splat_and_scores_nothing_that_nobody_gets() -> None:
    for name, preset in PRESETS.items():
        values = plan(job(params=preset | {"eval": True}), PHOTOS).values
        assert values["save_iterations"] == values["test_iterations"] == [values["iterations"]], name


def test_what_is_shown_is_scored_and_what_is_kept_is_saved() -> None:
    asked = {"iterations": 3000, "eval": True, "save_iterations": [1000], "test_iterations": [500]}
    shown = plan(job(params=asked, outputs={"report": "https://s.example/r"}), PHOTOS).values
    assert (shown["save_iterations"], shown["test_iterations"]) == ([3000], [500, 3000])
    kept = plan(recipe({"params": asked}), PHOTOS, keeps_model=True).values
    assert (kept["save_iterations"], kept["test_iterations"]) == ([1000, 3000], [500, 3000])
    original = plan(job(params=asked, trainer="inria"), PHOTOS)
    assert (original.values["save_iterations"], original.schedule) == ([1000, 3000], "original")


@pytest.mark.parametrize("name", PRESETS)
def test_without_a_gpu_a_jobs_preset_stays_a_preview(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_plan, "available_cpus", lambda: 2)  # of which the time depends that is told
    preset = PRESETS[name]
    planned = plan(job(params=preset), PHOTOS, gpu=False)
    assert planned.iterations == {"asked": preset["iterations"], "trained": 1500, "stopped_early": False}
    assert "1500 iterations, photos of about 640 px), in about 2 minutes" in remark(planned, "no GPU")
    whole = plan(job(params=preset, preview=False), PHOTOS, gpu=False)
    on_a_gpu = plan(job(params=preset), PHOTOS).values
    assert params.arguments(whole.values) == params.arguments(on_a_gpu | {"deterministic": False})
    assert f"{whole.values['iterations']} iterations take about" in remark(whole, "no GPU")
    assert plan(job(params=preset | {"preview": False}), PHOTOS, gpu=False).values == whole.values


def test_fewer_iterations_than_a_previews_are_a_wish_and_so_are_a_persons() -> None:
    assert plan(job(params={"iterations": 300}), PHOTOS, gpu=False).values["iterations"] == 300
    assert plan(recipe({"params": {"iterations": 7000}}), PHOTOS, gpu=False).values["iterations"] == 7000
    few = remark(plan(recipe({}), PHOTOS, gpu=False), "no GPU")
    assert few.endswith("More is trained with the params 'iterations' and 'resolution', for example 7000 and 1.")
    asked = {"iterations": 7000, "preview": True}
    assert plan(recipe({"params": asked}), PHOTOS, gpu=False).values["iterations"] == 1500
    letter = {"iterations": 7000, "schedule": "original"}
    assert plan(job(params=letter), PHOTOS, gpu=False).values["iterations"] == 7000


def test_schedule_and_preview_may_stand_beside_params() -> None:
    assert job(schedule="original").params.schedule == "original"
    assert job(schedule="original", params={"schedule": "own"}).params.schedule == "own"
    assert recipe({"preview": False}).params.preview is False


@pytest.mark.parametrize(
    ("overlap", "trained", "teachers", "taught"),
    [
        (None, 15_000, 2, 15_000),
        (20.0, 15_000, 2, 15_000),
        (9.0, 15_000, 2, 15_000),
        (8.9, 3000, 4, 12_000),
        (0, 3000, 4, 12_000),
    ],
)
def test_a_training_that_stops_early_says_so_and_who_teaches_it(
    overlap: float | None, trained: int, teachers: int, taught: int
) -> None:
    planned = plan(job(params=PRESETS["ultra"]), PHOTOS, overlap=overlap)
    assert planned.iterations == {
        "asked": 30_000,
        "trained": trained,
        "teachers": teachers,
        "taught": taught,
        "stopped_early": trained + taught < 30_000,
    }
    assert planned.values["position_lr_max_steps"] == trained
    assert planned.values["teachers"] * planned.values["teacher_iterations"] == taught
    assert f"{trained} of 30000 iterations" in remark(planned, "stops early")
    assert f"{taught} go to {teachers} trainings before" in remark(planned, "stops early")
    whole = plan(job(params=PRESETS["ultra"], schedule="original"), PHOTOS, overlap=overlap)
    assert (whole.values["iterations"], whole.values["teachers"], whole.remarks) == (30_000, 0, [])


@pytest.mark.parametrize(
    ("overlap", "asked", "teachers"),
    [(5.0, 3000, 0), (5.0, 7000, 1), (5.0, 11_999, 2), (5.0, 15_000, 4), (30.0, 15_000, 0), (30.0, 22_500, 1)],
)
def test_iterations_that_would_not_help_go_to_teachers(overlap: float, asked: int, teachers: int) -> None:
    planned = plan(job(params={"iterations": asked}), PHOTOS, overlap=overlap)
    assert planned.values["teachers"] == teachers
    told = planned.iterations
    assert told["trained"] + told.get("taught", 0) <= asked
    assert ("one training before" in " ".join(planned.remarks)) == (teachers == 1)


def test_who_asks_for_teachers_has_as_many_and_a_preview_has_none_by_itself() -> None:
    asked = {"iterations": 7000, "teachers": 3, "teacher_iterations": 1000}
    assert plan(job(params=asked), PHOTOS).iterations["taught"] == 3000
    assert plan(job(params={"iterations": 30_000, "teachers": 0}), PHOTOS).values["teachers"] == 0
    assert plan(recipe({"params": {"iterations": 30_000}}), PHOTOS, overlap=5.0, gpu=False).values["teachers"] == 0


def test_presets_that_train_as_long_deliver_the_same_splat() -> None:
    """To the bit: they are the same command, which repeats itself; whoever says how it shall be is heeded."""
    few = [plan(job(params=preset), PHOTOS, overlap=5.0) for preset in PRESETS.values()]
    assert [planned.values["deterministic"] for planned in few] == [True] * 4
    assert [planned.values["teachers"] for planned in few] == [0, 1, 4, 4]
    assert params.arguments(few[2].values) == params.arguments(few[3].values)
    many = [plan(job(params=preset), PHOTOS, overlap=30.0) for preset in PRESETS.values()]
    assert [planned.values["deterministic"] for planned in many] == [False, False, True, True]
    longest = [planned.values | {"teachers": 0, "lambda_dssim": 0.2} for planned in many[2:]]  # and what these change
    assert params.arguments(longest[0]) == params.arguments(longest[1])
    asked = plan(job(params=PRESETS["ultra"] | {"deterministic": False}), PHOTOS, overlap=5.0)
    assert not asked.values["deterministic"]
    assert not plan(job(params={"schedule": "original"}), PHOTOS, overlap=5.0).values["deterministic"]
    assert not plan(job(params={}, preview=False), PHOTOS, overlap=5.0, gpu=False).values["deterministic"]


def test_presets_never_train_less_than_the_one_before() -> None:
    for overlap in (None, 30.0, 3.0):
        trained = [plan(job(params=PRESETS[name]), PHOTOS, overlap=overlap) for name in PRESETS]
        for name in ("iterations", "teachers"):
            values = [planned.values[name] for planned in trained]
            assert values == sorted(values)
        assert not trained[0].iterations["stopped_early"]


def test_what_would_never_end_is_limited_with_a_word() -> None:
    planned = plan(job(params={"scaling_lr": 1, "densify_grad_threshold": 1e-9, "feature_lr": 0.01}), PHOTOS)
    assert planned.values["scaling_lr"] == pytest.approx(0.05)
    assert planned.values["densify_grad_threshold"] == pytest.approx(0.000018)
    assert planned.values["feature_lr"] == 0.01
    assert [
        word for word in ("scaling_lr", "densify_grad_threshold", "feature_lr") if word in str(planned.remarks)
    ] == [
        "scaling_lr",
        "densify_grad_threshold",
    ]
    letter = plan(job(params={"scaling_lr": 1, "schedule": "original"}), PHOTOS)
    assert (letter.values["scaling_lr"], letter.remarks) == (1.0, [])
