"""How well a model shows photos: PSNR and SSIM, photo by photo."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from splatworker.formats.atomic import write_text
from splatworker.render.arrays import Array
from splatworker.render.ignored import alone
from splatworker.render.interface import GaussianTensors, LossTerms, Renderer, View
from splatworker.render.metrics import psnr
from splatworker.train.exposures import Comparable, Exposures, in_light_of, of_right_half
from splatworker.train.views import Views

TRAIN_PHOTOS_SCORED = 5
"""So many of the training photos are scored beside the held-out ones: their distance shows overfitting."""


@dataclass(frozen=True)
class PhotoScore:
    """One photo's scores: PSNR in dB, and SSIM as the loss measures it."""

    name: str
    psnr: float
    ssim: float


def score_views(
    renderer: Renderer,
    gaussians: GaussianTensors,
    names: list[str],
    views: Sequence[View],
    background: Array,
    sh_degree: int,
    see: Callable[[str, View, Array], None] | None = None,
    compared: Callable[[int, View, Array], Comparable] | None = None,
) -> list[PhotoScore]:
    """Draw every view and compare it with its photo; `see` gets each name, view and (3, H, W) image in [0, 1].

    What is ignored of a photo is not compared.

    Args:
        compared: of the number of a view, it, and (3, H, W) its image, the part that is compared, with its exposure;
            `see` gets that. None: all of it, as it is drawn.
    """
    scores = []
    for index, (name, whole) in enumerate(zip(names, views, strict=True)):
        drawn = renderer.render(gaussians, whole.camera, background, sh_degree)
        view, image = (whole, drawn.clip(0, 1)) if compared is None else compared(index, whole, drawn)
        loss, _ = renderer.loss(image, view.photo, LossTerms(1.0), alone(view.ignored))
        score = psnr(image, view.photo, None if view.ignored is None else view.ignored.pixels)
        scores.append(PhotoScore(name, round(score, 4), round(float(loss.ssim), 5)))
        if see is not None:
            see(name, view, image)
    return scores


class Quality:
    """Scores of one run as it goes on, kept in the model folder's `results.json` when photos are held out.

    Args:
        renderer: draws.
        names, views: all photos, those to train on first.
        train_count: how many of them are trained on.
        background: (3,) colour.
        model_path: the model folder.
        exposures: of the photos to train on, where they are learnt; of those held out the right half is scored then.
    """

    def __init__(
        self,
        renderer: Renderer,
        names: list[str],
        views: Views,
        train_count: int,
        background: Array,
        model_path: Path,
        exposures: Exposures | None = None,
    ) -> None:
        self._renderer, self._background, self._model_path = renderer, background, model_path
        self._exposures = exposures
        self._held_out = names[train_count:], views[train_count:]
        self._some = some = sorted({index * train_count // TRAIN_PHOTOS_SCORED for index in range(TRAIN_PHOTOS_SCORED)})
        self._trained = [names[index] for index in some], views.at(some)
        self._history: list[dict[str, Any]] = []

    def measure(self, iteration: int, gaussians: GaussianTensors, sh_degree: int) -> dict[str, Any]:
        """Score the model after an iteration: the held-out photos, if any, and some of those trained on."""
        result: dict[str, Any] = {"iteration": iteration, "gaussians": len(gaussians.means)}
        exposed = self._exposures is not None
        for kind, (names, views), compared in (
            ("test", self._held_out, right_half if exposed else None),
            ("train", self._trained, self._in_its_light if exposed else None),
        ):
            scores = score_views(
                self._renderer, gaussians, names, views, self._background, sh_degree, compared=compared
            )
            result[kind] = summary(scores) if scores else None
        if self._held_out[0]:
            means = {"iteration": iteration, "psnr": result["test"]["psnr"], "ssim": result["test"]["ssim"]}
            self._history.append(means)
            results = {**means, **result, "history": self._history}
            write_text(self._model_path / "results.json", json.dumps(results, indent=1) + "\n", "train")
        return result

    def _in_its_light(self, index: int, view: View, image: Array) -> Comparable:
        """One of the photos trained on, and its picture with the exposure that was learnt."""
        assert self._exposures is not None
        return in_light_of(view, image, self._exposures.matrices[self._some[index]])


def right_half(index: int, view: View, image: Array) -> Comparable:
    """`score_views`'s `compared` for photos held out whose exposure nobody has learnt."""
    return of_right_half(view, image)


def summary(scores: list[PhotoScore]) -> dict[str, Any]:
    """The means, and every photo's scores, ready for JSON."""
    return {
        "psnr": round(sum(score.psnr for score in scores) / len(scores), 4),
        "ssim": round(sum(score.ssim for score in scores) / len(scores), 5),
        "photos": [asdict(score) for score in scores],
    }
