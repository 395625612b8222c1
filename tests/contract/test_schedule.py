"""What a run trains by: our own schedule, or the original's, and what a job asks for."""

from __future__ import annotations

from typing import Any

import pytest

from splatworker.contract.params import Params
from splatworker.contract.schedule import THRESHOLDS, resolve


def test_what_is_not_given_follows_what_is() -> None:
    values = resolve(Params(iterations=12_000), preview=False, trainer="inria")
    assert values["position_lr_max_steps"] == 12_000
    assert values["densify_until_iter"] == 6000
    assert values["coarse_iterations"] == 0
    assert resolve(Params(iterations=60_000), preview=False)["densify_until_iter"] == 10_000
    given = Params(iterations=1000, position_lr_max_steps=30_000, densify_until_iter=900, schedule="original")
    values = resolve(given, preview=False)
    assert (values["position_lr_max_steps"], values["densify_until_iter"]) == (30_000, 900)


@pytest.mark.parametrize(
    ("iterations", "coarse", "until"), [(7000, 2333, 4666), (600, 200, 400), (1, 0, 0), (30_000, 4000, 10_000)]
)
def test_our_trainer_goes_from_coarse_to_fine_on_a_gpu(iterations: int, coarse: int, until: int) -> None:
    values = resolve(Params(iterations=iterations), preview=False)
    assert (values["coarse_iterations"], values["densify_until_iter"]) == (coarse, until)


@pytest.mark.parametrize(
    ("iterations", "overlap", "dropout", "final_rate", "rotation_lr"),
    [
        (3000, None, 0.0, 0.1, 0.002),  # too short to learn photos by heart
        (3000, 4.0, 0.2, 0.1, 0.002),  # but not those that overlap with few
        (7000, 20.0, 0.2, 0.1, 0.0015),
        (30_000, 20.0, 0.2, 0.03, 0.0015),
        (30_000, 4.0, 0.2, 0.1, 0.002),
    ],
)
def test_long_runs_and_few_photos_are_kept_from_overfitting(
    iterations: int, overlap: float | None, dropout: float, final_rate: float, rotation_lr: float
) -> None:
    values = resolve(Params(iterations=iterations), preview=False, overlap=overlap)
    assert (values["dropout"], values["final_rate"]) == (dropout, final_rate)
    assert values["rotation_lr"] == pytest.approx(rotation_lr)
    assert resolve(Params(iterations=iterations, dropout=0.5), preview=False, overlap=overlap)["dropout"] == 0.5
    assert resolve(Params(iterations=iterations, schedule="original"), preview=False, overlap=overlap)["dropout"] == 0


def test_gradients_are_absolute_where_photos_overlap() -> None:
    for overlap, gradients in ((None, "absolute"), (20.0, "absolute"), (4.0, "net")):
        assert resolve(Params(), preview=False, overlap=overlap)["gradients"] == gradients
    assert resolve(Params(gradients="absolute"), preview=False, overlap=4.0)["gradients"] == "absolute"
    assert resolve(Params(), preview=True)["gradients"] == "net"


@pytest.mark.parametrize(
    ("iterations", "overlap", "threshold"), [(7000, 20.0, 0.9), (15_000, 20.0, 0.8), (15_000, 4.0, 1.0)]
)
def test_small_errors_count_by_their_squares_and_thresholds_follow(
    iterations: int, overlap: float, threshold: float
) -> None:
    values = resolve(Params(iterations=iterations), preview=False, overlap=overlap)
    assert values["huber_delta"] == 0.05
    assert values["densify_grad_threshold"] == pytest.approx(0.0002 * threshold)
    told = resolve(Params(iterations=iterations, huber_delta=0), preview=False, overlap=overlap)
    assert told["huber_delta"] == 0
    original = resolve(Params(iterations=iterations, schedule="original"), preview=False, overlap=overlap)
    assert (original["huber_delta"], original["densify_grad_threshold"]) == (0, 0.0002)


def test_density_control_is_the_revised_one_unless_told() -> None:
    values = resolve(Params(), preview=False)
    assert (values["density"], values["final_rate"]) == ("revised", 0.1)
    told = resolve(Params(density="original", final_rate=1.0), preview=False)
    assert (told["density"], told["final_rate"]) == ("original", 1.0)
    assert told["coarse_iterations"] == 2333
    both = resolve(Params(density="revised", densify_grad_threshold=0.0004), preview=False)
    threshold = THRESHOLDS[0] * 0.0004  # our own is scaled
    assert (both["density"], both["densify_grad_threshold"], both["coarse_iterations"]) == ("revised", threshold, 2333)
    assert resolve(Params(), preview=False, trainer="inria")["density"] == "original"


def test_a_preview_is_shorter_unless_told() -> None:
    assert resolve(Params(), preview=True)["iterations"] < 7000
    assert resolve(Params(iterations=9000), preview=True)["iterations"] == 9000
    assert resolve(Params(), preview=False)["iterations"] == 7000


def test_a_previews_schedule_follows_its_iterations_unless_told() -> None:
    values = resolve(Params(iterations=1200), preview=True)
    assert (values["coarse_iterations"], values["densify_until_iter"]) == (600, 840)
    given = resolve(Params(densify_until_iter=700, max_gaussians=5, coarse_iterations=0), preview=True)
    assert (given["densify_until_iter"], given["max_gaussians"], given["coarse_iterations"]) == (700, 5, 0)


@pytest.mark.parametrize(("iterations", "rate_factor"), [(4000, 2.0), (7000, 1.5), (30_000, 1.5)])
def test_a_training_on_a_gpu_learns_faster_than_the_originals(iterations: int, rate_factor: float) -> None:
    values = resolve(Params(iterations=iterations), preview=False)
    for name in ("feature_lr", "scaling_lr", "rotation_lr"):
        assert values[name] == pytest.approx(rate_factor * getattr(Params(), name))
    assert values["position_lr_init"] == pytest.approx((2 * rate_factor - 1) * Params().position_lr_init)
    for original in (
        resolve(Params(iterations=iterations, schedule="original"), preview=False),
        resolve(Params(iterations=iterations), preview=False, trainer="inria"),
    ):
        assert original["scaling_lr"] == Params().scaling_lr
        assert original["position_lr_init"] == Params().position_lr_init


@pytest.mark.parametrize(
    ("iterations", "rate_factor"), [(500, 3.0), (1500, 3.0), (3000, 1.5), (4500, 1.0), (7000, 1.0)]
)
def test_a_short_preview_learns_faster(iterations: int, rate_factor: float) -> None:
    values = resolve(Params(iterations=iterations), preview=True)
    for name in ("feature_lr", "scaling_lr", "rotation_lr"):
        assert values[name] == pytest.approx(rate_factor * getattr(Params(), name))
    assert values["position_lr_init"] == pytest.approx(2 * rate_factor * Params().position_lr_init)
    assert resolve(Params(iterations=iterations, scaling_lr=0.001), preview=True)["scaling_lr"] == 0.001


def test_our_own_schedule_leaves_dense_start_points_to_the_photos() -> None:
    assert resolve(Params(), preview=False)["start_points"] == "auto"
    assert resolve(Params(), preview=True)["start_points"] == "auto"
    assert resolve(Params(schedule="original"), preview=False)["start_points"] == "sparse"
    assert resolve(Params(start_points="dense"), preview=True)["start_points"] == "dense"


def test_what_is_behind_everything_is_looked_for_by_our_own_schedule() -> None:
    assert resolve(Params(), preview=False)["backdrop"] == "auto"
    assert resolve(Params(), preview=True)["backdrop"] == "auto"
    assert resolve(Params(schedule="original"), preview=False)["backdrop"] == "off"
    assert resolve(Params(backdrop="off"), preview=True)["backdrop"] == "off"


def test_teachers_of_photos_that_overlap_also_show_what_lies_a_little_beyond_them() -> None:
    many, few = (resolve(Params(iterations=30_000), preview=False, overlap=overlap) for overlap in (20.0, 4.0))
    assert (many["teachers"], many["taught_views"], many["taught_beyond"]) == (2, 24, 0.5)
    assert (few["teachers"], few["taught_views"], few["taught_beyond"]) == (4, 24, 0.0)
    assert resolve(Params(iterations=30_000, taught_beyond=0.25), preview=False)["taught_beyond"] == 0.25


def test_structure_counts_for_more_where_photos_that_overlap_have_teachers() -> None:
    def share(overlap: float | None = 20.0, **given: Any) -> float:
        return float(resolve(Params(**given), preview=False, overlap=overlap)["lambda_dssim"])

    assert share(iterations=30_000) == share(iterations=30_000, lambda_dssim=0.2) == 0.3
    assert share(iterations=15_000) == share(iterations=30_000, overlap=4.0) == 0.2
    assert share(iterations=30_000, teachers=0) == 0.2
    assert share(iterations=7000, teachers=2) == 0.3
    assert share(iterations=30_000, schedule="original") == 0.2
    assert share(iterations=30_000, lambda_dssim=0.1) == 0.1


def test_passers_by_are_looked_for_by_our_own_schedule() -> None:
    assert resolve(Params(), preview=False)["passers_by"] == "auto"
    assert resolve(Params(), preview=True)["passers_by"] == "auto"
    assert resolve(Params(schedule="original"), preview=False)["passers_by"] == "off"
    assert resolve(Params(passers_by="off"), preview=False)["passers_by"] == "off"
    assert resolve(Params(passers_by="on", schedule="original"), preview=True)["passers_by"] == "on"
