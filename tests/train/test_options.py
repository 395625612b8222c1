"""The command line is the original trainer's."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from splatworker.train.options import EXPOSURE_RATES, build_parser, parse

ORIGINAL_DEFAULTS = {
    "images": "images",
    "resolution": -1,
    "white_background": False,
    "sh_degree": 3,
    "eval": False,
    "iterations": 30_000,
    "position_lr_init": 0.00016,
    "position_lr_final": 0.0000016,
    "position_lr_max_steps": 30_000,
    "feature_lr": 0.0025,
    "opacity_lr": 0.025,
    "scaling_lr": 0.005,
    "rotation_lr": 0.001,
    "percent_dense": 0.01,
    "lambda_dssim": 0.2,
    "densification_interval": 100,
    "opacity_reset_interval": 3000,
    "densify_from_iter": 500,
    "densify_until_iter": 15_000,
    "densify_grad_threshold": 0.0002,
    "random_background": False,
    "test_iterations": [7000, 30_000],
    "save_iterations": [7000, 30_000],
    "checkpoint_iterations": [],
    "start_checkpoint": None,
    "quiet": False,
}


def test_defaults_are_the_originals() -> None:
    options, unused = parse(["-s", "scene", "-m", "model"])
    assert {name: getattr(options, name) for name in ORIGINAL_DEFAULTS} == ORIGINAL_DEFAULTS
    assert unused == []
    assert options.source_path == Path.cwd() / "scene"
    assert options.model_path == Path.cwd() / "model"


def test_short_forms_and_lists() -> None:
    options, _ = parse(shlex.split("-s a -m b -i shots -r 4 -w --save_iterations 10 20 --test_iterations 5"))
    assert (options.images, options.resolution, options.white_background) == ("shots", 4, True)
    assert (options.save_iterations, options.test_iterations) == ([10, 20], [5])


def test_a_model_path_is_made_up_when_none_is_given() -> None:
    first, second = (parse(["-s", "a"])[0].model_path for _ in range(2))
    assert first.parent == Path.cwd() / "output"
    assert first != second


def test_every_option_of_the_original_is_accepted_and_the_useless_are_named() -> None:
    useless = shlex.split(
        "-d depth --data_device cpu --convert_SHs_python --compute_cov3D_python --debug "
        "--position_lr_delay_mult 0.5 --depth_l1_weight_init 2 "
        "--depth_l1_weight_final 1 --optimizer_type sparse_adam --disable_viewer --ip 0.0.0.0 --port 1 "
        "--debug_from 3 --detect_anomaly"
    )
    _, unused = parse(["-s", "a", *useless])
    given = {word.removeprefix("--") for word in useless if word.startswith("--")} | {"depths"}
    assert set(unused) == given - {"disable_viewer"}
    assert parse(["-s", "a", "--position_lr_delay_mult", "0.01"])[1] == []


def test_how_exposures_are_learnt() -> None:
    words = shlex.split(
        "--train_test_exp --exposure_lr_init 0.1 --exposure_lr_final 0.2 --exposure_lr_delay_steps 1 "
        "--exposure_lr_delay_mult 0.3"
    )
    options, unused = parse(["-s", "a", *words])
    assert unused == []
    assert options.train_test_exp
    assert [getattr(options, name) for name in EXPOSURE_RATES] == [0.1, 0.2, 1, 0.3]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "source_path"),
        (["-s", "a", "--iterations", "0"], "--iterations must be at least 1"),
        (["-s", "a", "--iterations", "many"], "invalid int"),
        (["-s", "a", "--feature_lr", "nan"], "--feature_lr must be finite"),
        (["-s", "a", "--feature_lr", "-1"], "--feature_lr must be at least 0"),
        (["-s", "a", "--position_lr_final", "0"], "must be positive"),
        (["-s", "a", "--lambda_dssim", "1.5"], "--lambda_dssim must be at most 1"),
        (["-s", "a", "--sh_degree", "4"], "--sh_degree must be at most 3"),
        (["-s", "a", "--resolution", "0"], "--resolution"),
        (["-s", "a", "--density", "best"], "--density must be original or revised"),
        (["-s", "a", "--final_rate", "0"], "--final_rate must be above 0"),
        (["-s", "a", "--final_rate", "1.1"], "--final_rate must be above 0 and at most 1"),
        (["-s", "a", "--learning_rate", "1"], "unrecognized arguments"),
        (["-s", "a", "--device", "tpu"], "invalid choice"),
    ],
)
def test_wrong_command_lines_exit_with_two(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_options_need_no_torch() -> None:
    code = "import sys, splatworker.train.options; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_explains_every_option() -> None:
    for action in build_parser()._actions:
        assert action.help
        assert len(action.help.strip()) > 10, action.dest
    words = " ".join(build_parser().format_help().split())
    assert "--iterations N Steps of training. (steps, at least 1; default 30000)" in words
