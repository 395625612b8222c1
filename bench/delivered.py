"""A splat as a job delivers it: without what no photo that it was trained on supports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def cleaned(
    splat: Any, photos: Sequence[Any], points: Any, renderer: Any, options: Any, told: dict[str, Any] | None = None
) -> Any:
    """The splat that is left.

    Args:
        splat: as it was trained.
        photos: that it was trained on.
        points: (N, 3) the scene's points.
        options: of the training.
        told: what the training told of itself; its backdrop is kept.
    """
    from splatworker.export.clean import clean
    from splatworker.export.visibility import measure_visibility
    from splatworker.formats.subset import take
    from splatworker.render.tensors import to_tensors

    behind = (told or {}).get("backdrop", {}).get("gaussians", 0)
    cameras = [photo.camera for photo in photos]
    visibility = measure_visibility(renderer, to_tensors(splat, renderer.device), cameras)
    background = (float(options.white_background),) * 3
    return take(splat, clean(splat, visibility, photos, points, renderer, background, behind=behind).keep)
