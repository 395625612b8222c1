"""A param that repeats a default or a preset leaves our schedule as it is; an override changes that alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from splatworker.contract.params import DEFAULTS, NATIVE_ONLY, Params
from splatworker.contract.schedule import THRESHOLDS, resolve
from splatworker.train import options as train_options

PRESETS = json.loads((Path(__file__).parents[2] / "bench" / "presets.json").read_text())
RUN = {"save_iterations", "test_iterations"}


def own(preview: bool = False, **params: Any) -> dict[str, Any]:
    return resolve(Params(**params), preview=preview)


def differing(values: dict[str, Any], others: dict[str, Any]) -> set[str]:
    return {name for name in values.keys() | others.keys() if values.get(name) != others.get(name)} - RUN


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_word_for_word_is_our_own_schedule(name: str, preview: bool) -> None:
    preset = PRESETS[name]
    assert differing(own(preview, **preset), own(preview, iterations=preset["iterations"])) == set()


@pytest.mark.parametrize("preview", [False, True])
def test_so_is_every_default_of_the_original(preview: bool) -> None:
    ours = {option.dest: option.default for option in train_options.build_parser()._actions}
    optimisation = {
        name: ours[name]
        for name in Params.model_fields.keys()
        & ours.keys() - NATIVE_ONLY - RUN - {"source_path", "model_path", "disable_viewer"}
        if ours[name] is not None
    }
    assert (optimisation["opacity_lr"], optimisation["iterations"]) == (0.025, 30_000)
    assert differing(own(preview, **optimisation), own(preview, iterations=30_000)) == set()


@pytest.mark.parametrize(
    ("override", "becomes"),
    [
        ({"densify_until_iter": 2000}, {}),
        ({"densify_until_iter": 6500}, {}),
        ({"densify_from_iter": 1000}, {}),
        ({"densification_interval": 200}, {}),
        ({"percent_dense": 0.05}, {}),
        ({"densify_grad_threshold": 0.0004}, {"densify_grad_threshold": THRESHOLDS[0] * 0.0004}),
        ({"opacity_reset_interval": 1000}, {"opacity_resets": True}),
        ({"position_lr_max_steps": 5000}, {}),
        ({"position_lr_init": 0.001}, {}),
        ({"feature_lr": 0.01}, {}),
        ({"opacity_lr": 0.1}, {}),
        ({"scaling_lr": 0.001}, {}),
        ({"sh_degree": 1}, {}),
        ({"white_background": True}, {}),
        ({"lambda_dssim": 0.5}, {}),
        ({"max_gaussians": 1000}, {}),
        ({"coarse_iterations": 0}, {}),
        ({"density": "original"}, {}),
    ],
)
@pytest.mark.parametrize("preset", [{"iterations": 7000}, PRESETS["standard"]], ids=["alone", "preset"])
def test_an_override_is_applied_and_changes_nothing_else(
    preset: dict[str, Any], override: dict[str, Any], becomes: dict[str, Any]
) -> None:
    values = own(**preset | override)
    assert values.items() >= (override | becomes).items()
    assert differing(values, own(iterations=7000)) == (override | becomes).keys()


@pytest.mark.parametrize(
    "nothing",
    [
        {"densify_until_iter": 15_000},
        {"densify_until_iter": 3500},
        {"densify_until_iter": 7000},
        {"densify_until_iter": 9999},
        {"densify_until_iter": 5600},
        {"position_lr_max_steps": 7000},
        {"position_lr_max_steps": 30_000},
        {"position_lr_max_steps": 15_000, "densify_until_iter": 12_000},
        {"opacity_lr": 0.05},
        {"opacity_lr": 0.025},
        {"position_lr_final": 1.6e-6},
    ],
)
def test_what_follows_from_defaults_and_iterations_is_no_override(nothing: dict[str, Any]) -> None:
    assert differing(own(iterations=7000, **nothing), own(iterations=7000)) == set()


@pytest.mark.parametrize("iterations", [2000, 9000, 20_000])
@pytest.mark.parametrize("name", PRESETS)
def test_iterations_that_a_person_put_into_a_preset_leave_our_schedule_as_it_is(name: str, iterations: int) -> None:
    values = own(**PRESETS[name] | {"iterations": iterations})
    assert differing(values, own(iterations=iterations)) == set()


def test_a_threshold_multiplies_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from splatworker.contract import schedule

    chosen = schedule.coarse_to_fine_schedule
    ours = {"densify_grad_threshold": 0.0006}
    monkeypatch.setattr(schedule, "coarse_to_fine_schedule", lambda *given: chosen(*given) | ours)
    assert own()["densify_grad_threshold"] == 0.0006
    assert own(densify_grad_threshold=0.0002)["densify_grad_threshold"] == 0.0006
    assert own(densify_grad_threshold=0.0001)["densify_grad_threshold"] == pytest.approx(0.0003)


def test_moments_come_sooner_where_fewer_iterations_are_trained() -> None:
    job = Params(**PRESETS["ultra"] | {"densify_until_iter": 10_000})
    values = resolve(job, preview=True, at_most=1500)
    assert (values["iterations"], values["densify_until_iter"]) == (1500, 500)
    assert values["position_lr_max_steps"] == 1500
    assert resolve(Params(iterations=300), preview=True, at_most=1500)["iterations"] == 300


def test_the_originals_schedule_takes_every_value_to_the_letter() -> None:
    for preset in PRESETS.values():
        values = own(**preset, schedule="original")
        assert {name: values[name] for name in preset if name not in RUN} == {
            name: value for name, value in preset.items() if name not in RUN
        }
        assert {name: values[name] for name in NATIVE_ONLY} == {name: getattr(DEFAULTS, name) for name in NATIVE_ONLY}
        letter = resolve(Params(**preset), preview=False, trainer="inria")
        assert letter | {"schedule": "original"} == values
