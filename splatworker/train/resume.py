"""Where a training begins: with nothing, or where a checkpoint was written."""

from __future__ import annotations

from splatworker.errors import InvalidScene
from splatworker.formats.subset import finite
from splatworker.render.arrays import Device
from splatworker.render.tensors import to_gaussians
from splatworker.stages.progress import Reporter
from splatworker.train.checkpoint import load_checkpoint
from splatworker.train.exposures import ExposureState
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.randomness import Randomness


def resumed(
    options: Options, random: Randomness, device: Device, report: Reporter
) -> tuple[int, Model | None, ExposureState | None]:
    """(0, None, None), or the iteration that `options.start_checkpoint` was written after, its model on `device`, and
    the exposures that it has.

    `random` goes on as it stood then; `report` is told where it cannot.

    Raises:
        InvalidScene: the file is not a checkpoint of this trainer, or not one that these options go on from.
        SplatError: it cannot be opened.
    """
    if not options.start_checkpoint:
        return 0, None, None
    first, model, random_state, exposures = load_checkpoint(options.start_checkpoint, device)
    _check_resumable(options, first, model)
    try:
        random.restore(random_state)
    except ValueError:
        report.warning("The checkpoint comes from another kind of device: other random numbers follow than there.")
    return first, model, exposures


def _check_resumable(options: Options, first: int, model: Model) -> None:
    if first >= options.iterations:
        raise InvalidScene(
            f"The checkpoint was written after iteration {first}, and iterations is {options.iterations}.",
            hint="Ask for more iterations.",
        )
    if not finite(to_gaussians(model.parameters)).any():
        raise InvalidScene("The checkpoint has no Gaussian that is made of numbers: its training had diverged.")
    coefficients = 1 + model.parameters.sh_rest.shape[1]
    if coefficients != (options.sh_degree + 1) ** 2:
        raise InvalidScene(f"The checkpoint is not of the degree {options.sh_degree} that is asked for.")
    if model.antialiased != options.antialiasing:
        begun, goes_on = ("with", "Give") if model.antialiased else ("without", "Leave out")
        raise InvalidScene(
            f"The checkpoint is of a training {begun} antialiasing.", hint=f"{goes_on} --antialiasing, as it was begun."
        )
