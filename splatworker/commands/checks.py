"""Whether this machine can do a job at all: asked when a worker starts, and while the trainer warms up.

Each check runs as a stage in a process of its own (`splatworker check-colmap`, `check-kernels`): COLMAP and torch must
not share one, and a driver that hangs must not hang the worker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from splatworker.errors import GpuFailed
from splatworker.stages.progress import Reporter


def import_colmap(report: Reporter) -> dict[str, Any]:
    """COLMAP can be loaded; its version."""
    from splatworker.sfm.colmap import pycolmap  # noqa: PLC0415 - not in the worker's process

    return {"version": pycolmap.__version__}


def draw_something(report: Reporter) -> dict[str, Any]:
    """The kernels run on the device that a job would use: one Gaussian is drawn.

    Returns:
        device: its name.
        code, reason: why that is no GPU, or "" and "" where it is one; a code of `errors`.

    Raises:
        GpuFailed: they do not.
    """
    import numpy as np  # noqa: PLC0415 - not in the worker's process
    import torch  # noqa: PLC0415

    from splatworker.formats.camera import Camera  # noqa: PLC0415
    from splatworker.render.backend import cuda_refusal, renderer_for  # noqa: PLC0415
    from splatworker.render.interface import GaussianTensors  # noqa: PLC0415

    renderer = renderer_for("auto")
    device = renderer.device
    pose = np.hstack([np.eye(3), [[0.0], [0.0], [2.0]]])
    white = GaussianTensors(
        means=torch.zeros(1, 3, device=device),
        quaternions=torch.tensor([[1.0, 0.0, 0.0, 0.0]], device=device),
        log_scales=torch.full((1, 3), -1.0, device=device),
        opacity_logits=torch.full((1,), 4.0, device=device),
        sh_dc=torch.full((1, 3), 1.0, device=device),
        sh_rest=torch.zeros(1, 15, 3, device=device),
    )
    try:
        image = renderer.render(white, Camera(32, 32, 32.0, 32.0, 16.0, 16.0, pose), torch.zeros(3, device=device), 3)
        middle = float(image[:, 16, 16].min())
    except RuntimeError as error:
        raise GpuFailed(f"The kernels do not run on this machine: {error}".splitlines()[0]) from error
    if not middle > 0.5:
        raise GpuFailed("The kernels draw nothing on this machine.")
    code, reason = cuda_refusal() if device.type == "cpu" else ("", "")
    return {"device": str(device), "code": code, "reason": reason}


CHECKS: dict[str, Callable[[Reporter], dict[str, Any]]] = {
    "check-colmap": import_colmap,
    "check-kernels": draw_something,
}
