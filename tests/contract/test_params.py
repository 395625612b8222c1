"""A job's training parameters: what is given, what follows from it, and that the trainer takes it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.job_texts import GOOD

from splatworker.contract import overrides
from splatworker.contract.job import parse
from splatworker.contract.params import Params, arguments, ignored
from splatworker.contract.schedule import MOST_USEFUL_ITERATIONS, resolve
from splatworker.train import options as train_options


def test_a_whole_number_may_come_as_a_float_param() -> None:
    assert parse(GOOD | {"params": {"opacity_lr": 1}}).params.opacity_lr == 1.0


def test_nothing_given_means_the_documented_defaults() -> None:
    job = parse(GOOD)
    assert job.params == Params()
    assert (job.params.iterations, job.params.opacity_lr) == (7000, 0.05)
    assert (job.trainer, job.webhook_url, job.project_id) == ("native", None, None)
    assert parse(GOOD | {"params": None, "sfm": None, "webhook_url": None}) == job


def test_the_defaults_are_the_trainers_but_for_two() -> None:
    trainer = {
        option.dest: option.default for option in train_options.build_parser()._actions if option.dest != "help"
    } | train_options.UNUSED
    different = {
        name for name, field in Params.model_fields.items() if name in trainer and field.get_default() != trainer[name]
    }
    assert different == {
        "iterations",
        "opacity_lr",
        "source_path",
        "model_path",
        "save_iterations",
        "test_iterations",
        "disable_viewer",
    }


def test_the_trainer_understands_the_command_line() -> None:
    params = Params(iterations=900, save_iterations=[100, 5000], eval=True, white_background=True, resolution=2)
    words = arguments(resolve(params, preview=False))
    options, unused = train_options.parse(["-s", "scene", "-m", "model", *words])
    assert unused == []
    for name in ("iterations", "opacity_lr", "eval", "white_background", "resolution", "position_lr_max_steps"):
        assert getattr(options, name) == resolve(params, preview=False)[name]
    assert options.save_iterations == [100, 900]


@given(
    st.fixed_dictionaries(
        {
            "iterations": st.integers(1, 200_000),
            "opacity_lr": st.floats(0, 1),
            "sh_degree": st.integers(0, 3),
            "eval": st.booleans(),
            "lambda_dssim": st.floats(0, 1),
            "save_iterations": st.lists(st.integers(1, 200_000), max_size=100),
        }
    )
)
@example(params={"iterations": 1, "opacity_lr": 0.025, "save_iterations": []})
def test_every_valid_job_is_a_valid_command_line(params: dict[str, Any]) -> None:
    values = resolve(parse(GOOD | {"params": params}).params, preview=False)
    options, _ = train_options.parse(["-s", "scene", "-m", "model", *arguments(values)])
    for name in params.keys() - {"save_iterations", "iterations"}:
        says_nothing = overrides.ORIGINALS.get(name) == params[name]  # as presets send it: our own value is taken
        assert getattr(options, name) == (getattr(Params(), name) if says_nothing else params[name])
    assert options.iterations == min(params["iterations"], MOST_USEFUL_ITERATIONS)


def test_params_without_use_are_those_that_ask_for_something() -> None:
    params = Params.model_validate({"source_path": "/x", "depths": "", "iterations": 5})
    assert ignored(params, {"source_path", "depths", "iterations"}) == ["iterations", "source_path"]


@pytest.mark.parametrize("other", ["white_background", "random_background"])
def test_two_backgrounds_are_refused(other: str) -> None:
    with pytest.raises(ValidationError, match=f"backdrop on and {other} both say what is behind the scene"):
        Params.model_validate({"backdrop": "on", other: True})


def test_one_thing_is_done_about_light() -> None:
    with pytest.raises(ValidationError, match="light common and train_test_exp both even out the photos' light"):
        Params(light="common", train_test_exp=True)
    own = resolve(Params(train_test_exp=True), preview=False)
    assert (own["light"], own["train_test_exp"]) == ("auto", True)
    assert "--train_test_exp" in arguments(own)


def test_nobody_is_asked_for_plugins_of_pydantics() -> None:
    """That would read every installed distribution, at the start of every worker and of every command."""
    code = (
        "import importlib.metadata as metadata, sys\n"
        "metadata.entry_points = lambda **asked: sys.exit(f'asked for {asked}')\n"
        "import splatworker.contract.job"
    )
    clean = {name: value for name, value in os.environ.items() if name != "PYDANTIC_DISABLE_PLUGINS"}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
