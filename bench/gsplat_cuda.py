"""gsplat 1.5.3's own CUDA trainer, for comparison: its rasterizer, its default or MCMC strategy, torch's fused Adam.

D-SSIM is our fused kernel behind torch's autograd, which only helps the peer: gsplat brings none of its own. Importing
gsplat compiles its kernels at first use, some minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import torch
from gsplat import DefaultStrategy, MCMCStrategy, rasterization

from splatworker.render.cuda import CudaRenderer
from splatworker.render.interface import GaussianTensors, LearningRates, LossTerms, View
from splatworker.train.options import Options

VERSION = version("gsplat")
NAMES = ("means", "quats", "scales", "opacities", "sh0", "shN")
"""gsplat's names of the tensors of `GaussianTensors`, in its order."""

MCMC_WEIGHT, MCMC_START_SCALE = 0.01, 0.1
"""Of the opacities' and sizes' means in the loss, and what sizes start as a share of; as gsplat's own MCMC preset."""


class _Loss(torch.autograd.Function):
    """(1 - lambda) L1 + lambda (1 - SSIM) of a (3, H, W) image."""

    @staticmethod
    def forward(ctx: Any, image: torch.Tensor, photo: torch.Tensor, weight: float, ours: CudaRenderer) -> torch.Tensor:
        loss, gradient = ours.loss(image.contiguous(), photo, LossTerms(weight))
        ctx.save_for_backward(gradient)
        total: torch.Tensor = loss.total
        return total

    @staticmethod
    def backward(ctx: Any, scale: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * scale, None, None, None


class Gsplat:
    """A model of gsplat's under training.

    Args:
        start: the Gaussians to start from.
        rates: Adam's step sizes.
        strategy: gsplat's density control, or None to keep the number of Gaussians.
        extent: the scene's extent, for the default strategy.
    """

    def __init__(
        self,
        start: GaussianTensors,
        rates: LearningRates,
        strategy: DefaultStrategy | MCMCStrategy | None = None,
        extent: float = 1.0,
    ) -> None:
        tensors = dict(zip(NAMES, start, strict=True))
        tensors["sh0"] = tensors["sh0"][:, None]
        self.parameters = torch.nn.ParameterDict({k: torch.nn.Parameter(v.cuda().clone()) for k, v in tensors.items()})
        self.optimizers = {
            name: torch.optim.Adam([{"params": self.parameters[name], "lr": rate, "name": name}], eps=1e-15, fused=True)
            for name, rate in zip(NAMES, rates, strict=True)
        }
        self.strategy = strategy
        self.state: dict[str, Any] = {}
        if isinstance(strategy, MCMCStrategy):
            self.state = strategy.initialize_state()
        elif strategy:
            self.state = strategy.initialize_state(scene_scale=extent)
        self.background = torch.zeros(1, 3, device="cuda")
        self.ours = CudaRenderer()
        self.cameras: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def step(self, view: View, sh_degree: int, lambda_dssim: float, iteration: int) -> None:
        """One iteration on a photo; `iteration` counts from 0."""
        p, camera = self.parameters, view.camera
        if id(view) not in self.cameras:
            pose = torch.eye(4)
            pose[:3] = torch.from_numpy(camera.camera_from_world)
            K = torch.tensor([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
            self.cameras[id(view)] = pose.cuda()[None], K.float().cuda()[None]
        pose, K = self.cameras[id(view)]
        image, _, info = rasterization(
            p["means"],
            p["quats"],
            p["scales"].exp(),
            p["opacities"].sigmoid(),
            torch.cat([p["sh0"], p["shN"]], 1),
            pose,
            K,
            camera.width,
            camera.height,
            sh_degree=sh_degree,
            packed=False,
            backgrounds=self.background,
        )
        if isinstance(self.strategy, DefaultStrategy):
            self.strategy.step_pre_backward(p, self.optimizers, self.state, iteration, info)
        loss = _Loss.apply(image[0].permute(2, 0, 1), view.photo, lambda_dssim, self.ours)  # type: ignore[no-untyped-call]
        if isinstance(self.strategy, MCMCStrategy):
            loss = loss + MCMC_WEIGHT * (p["opacities"].sigmoid().mean() + p["scales"].exp().mean())
        loss.backward()
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if isinstance(self.strategy, MCMCStrategy):
            rate = self.optimizers["means"].param_groups[0]["lr"]
            self.strategy.step_post_backward(p, self.optimizers, self.state, iteration, info, lr=rate)
        elif self.strategy:
            self.strategy.step_post_backward(p, self.optimizers, self.state, iteration, info, packed=False)

    def gaussians(self) -> GaussianTensors:
        """The model as it is now."""
        tensors = {name: tensor.detach() for name, tensor in self.parameters.items()}
        tensors["sh0"] = tensors["sh0"][:, 0]
        return GaussianTensors(*(tensors[name].contiguous() for name in NAMES))


def train(
    start: GaussianTensors, views: Sequence[View], rates: LearningRates, extent: float, options: Options
) -> Gsplat:
    """The default recipe of gsplat, its schedule of 30 000 iterations scaled to `options.iterations`."""
    strategy = DefaultStrategy(refine_stop_iter=15_000 * options.iterations // 30_000, verbose=False)
    return _trained(Gsplat(start, rates, strategy, extent), views, options)


def train_mcmc(
    start: GaussianTensors, views: Sequence[View], rates: LearningRates, extent: float, options: Options
) -> Gsplat:
    """The MCMC recipe of gsplat, scaled likewise: half opaque, small Gaussians at the start, a million at most."""
    strategy = MCMCStrategy(refine_stop_iter=25_000 * options.iterations // 30_000, verbose=False)
    start = start._replace(
        opacity_logits=torch.zeros_like(start.opacity_logits), log_scales=start.log_scales + math.log(MCMC_START_SCALE)
    )
    return _trained(Gsplat(start, rates, strategy, extent), views, options)


def _trained(model: Gsplat, views: Sequence[View], options: Options) -> Gsplat:
    iterations = options.iterations
    decay = torch.optim.lr_scheduler.ExponentialLR(model.optimizers["means"], 0.01 ** (1 / iterations))
    order: list[int] = []
    for iteration in range(iterations):
        order = order or torch.randperm(len(views)).tolist()
        degree = min(iteration // options.sh_degree_interval, options.sh_degree)
        model.step(views[order.pop()], degree, options.lambda_dssim, iteration)
        decay.step()
    if not math.isfinite(float(model.parameters["means"].sum())):
        raise RuntimeError("gsplat's model is not finite")
    return model
