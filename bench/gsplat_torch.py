"""A training step on gsplat 1.5.3's own plain-torch path, for comparison.

`gsplat.rendering._rasterization` is the version of gsplat's renderer that "relies on PyTorch's autograd". Some steps of
it still call CUDA kernels, so they are given here in torch, to the same numbers and as fast as we could make them:

- `isect_tiles`: gsplat's torch twin is a Python loop over Gaussians and tiles; here it is vectorised.
- `rasterize_to_indices_in_range` (which splat paints which pixel) has no torch twin: here, dense over each tile.
- nerfacc's `render_weight_from_alpha` and `accumulate_along_rays` (transmittance along rays, and sums over them):
  scans over all intersections at once, with hand-written derivatives.

Everything else (projection, covariance, harmonics, `accumulate`) is gsplat's code, untouched. The time spent finding
indices, all of it in our stand-ins, is kept apart so that it can be left out of the comparison.
"""

from __future__ import annotations

import math
import sys
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import torch
import torch.nn.functional as F
from gsplat import rendering
from gsplat.cuda import _torch_impl, _wrapper

from splatworker.formats.camera import Camera
from splatworker.render import interface as spec
from splatworker.render.interface import GaussianTensors, LearningRates, View

VERSION = version("gsplat")

ALPHA_CAP = 0.999
"""gsplat's; ours is 0.99, the original's. The only difference between the two pictures beside rounding."""


class Stopwatch:
    """Seconds by name since the last `take`, and how many (splat, pixel) pairs the last frame blended."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self.blended = 0

    def measured(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, timed under `name`."""

        def timed(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = function(*arguments, **options)
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start
            return result

        return timed

    def take(self) -> dict[str, float]:
        """The times so far, and start over."""
        seconds, self._seconds = self._seconds, {}
        return seconds


@torch.no_grad()
def isect_tiles(
    means2d: torch.Tensor,
    radii: torch.Tensor,
    depths: torch.Tensor,
    tile_size: int,
    tile_width: int,
    tile_height: int,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`gsplat.isect_tiles` for one image: every Gaussian's tiles, sorted by tile and then by depth."""
    center, reach = means2d[0] / tile_size, radii[0] / tile_size
    limit = torch.tensor([tile_width, tile_height])
    low = torch.minimum((center - reach).floor().long().clamp_min(0), limit)
    high = torch.minimum((center + reach).ceil().long().clamp_min(0), limit)
    drawn = (radii[0] > 0).all(dim=-1)
    size = (high - low) * drawn[:, None]
    counts = size.prod(dim=-1)
    ids = torch.repeat_interleave(torch.arange(len(counts)), counts)
    within = torch.arange(len(ids)) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    columns = size[ids, 0]
    row = low[ids, 1] + torch.div(within, columns, rounding_mode="floor")
    tile = row * tile_width + low[ids, 0] + within % columns
    # Depths are positive, so their bits sort as integers.
    keys = (tile << 32) | depths[0].contiguous().view(torch.int32)[ids].long()
    keys, order = torch.sort(keys, stable=True)
    return counts.int()[None], keys, ids[order].int()


@torch.no_grad()
def rasterize_to_indices_in_range(
    range_start: int,
    range_end: int,
    transmittances: torch.Tensor,
    means2d: torch.Tensor,
    conics: torch.Tensor,
    opacities: torch.Tensor,
    image_width: int,
    image_height: int,
    tile_size: int,
    isect_offsets: torch.Tensor,
    flatten_ids: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`gsplat.rasterize_to_indices_in_range` for one image: (Gaussian, pixel, image) of every splat blended.

    Grouped by pixel, front to back; a splat is left out under alpha 1/255, and a pixel ends before the splat that
    would take its transmittance to 1e-4.
    """
    offsets = [*isect_offsets.flatten().tolist(), len(flatten_ids)]
    tiles_x, block = isect_offsets.shape[-1], tile_size * tile_size
    centers = torch.arange(max(image_width, image_height)) + 0.5
    splats = torch.cat([means2d[0], conics[0], opacities[0][:, None]], dim=-1).T.contiguous()  # (6, N)

    @torch.no_grad()
    def indices_of(tile: int) -> tuple[torch.Tensor, torch.Tensor] | None:
        begin = offsets[tile] + range_start * block
        end = min(offsets[tile + 1], offsets[tile] + range_end * block)
        if begin >= end:
            return None
        ids = flatten_ids[begin:end].long()
        x, y, a, b, c, opacity = splats[:, ids]
        x0, y0 = tile % tiles_x * tile_size, tile // tiles_x * tile_size
        x1, y1 = min(x0 + tile_size, image_width), min(y0 + tile_size, image_height)
        dx, dy = centers[x0:x1, None] - x, centers[y0:y1, None] - y  # (columns, L), (rows, L)
        sigmas = (b * dy)[:, None] * dx  # (rows, columns, L)
        sigmas += 0.5 * a * dx * dx
        sigmas += (0.5 * c * dy * dy)[:, None]
        alphas = torch.exp(-sigmas).mul_(opacity).clamp_max_(ALPHA_CAP)
        alphas.masked_fill_((sigmas < 0) | (alphas < spec.ALPHA_MIN), 0.0)
        after = torch.cumprod(1 - alphas, dim=-1).mul_(transmittances[0, y0:y1, x0:x1, None])
        rows, columns, entries = ((alphas > 0) & (after > spec.TRANSMITTANCE_MIN)).nonzero(as_tuple=True)
        return ids[entries], (rows + y0) * image_width + columns + x0

    found = [pair for pair in _in_parallel(indices_of, range(len(offsets) - 1)) if pair is not None]
    if not found:
        nothing = torch.empty(0, dtype=torch.long)
        return nothing, nothing, nothing
    pixels = torch.cat([pixel_ids for _, pixel_ids in found])
    return torch.cat([gaussian_ids for gaussian_ids, _ in found]), pixels, torch.zeros_like(pixels)


def _in_parallel(function: Callable[[int], Any], arguments: range) -> list[Any]:
    """`function` of each argument: one Python thread a processor, and torch within each on one (tiles are small)."""
    threads = torch.get_num_threads()
    if threads == 1:
        return [function(argument) for argument in arguments]
    with ThreadPoolExecutor(threads, initializer=lambda: torch.set_num_threads(1)) as pool:
        results = list(pool.map(function, arguments))
    torch.set_num_threads(threads)  # the threads above have changed some of it for the process
    return results


def _ray_ends(ray_indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For M intersections grouped by ray: how many each group has, and the ray that it is of."""
    rays, counts = torch.unique_consecutive(ray_indices, return_counts=True)
    return counts, rays


class _Transmittance(torch.autograd.Function):
    """T_i = product of (1 - alpha_j) over the j before i on the same ray, by a scan of logarithms in float64."""

    @staticmethod
    def forward(ctx: Any, alphas: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        logs = torch.log1p(-alphas.double())
        before = logs.cumsum(0).sub_(logs)
        start = torch.repeat_interleave(before[counts.cumsum(0) - counts], counts)
        transmittance = before.sub_(start).exp_().float()
        ctx.save_for_backward(alphas, transmittance, counts)
        return transmittance

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        alphas, transmittance, counts = ctx.saved_tensors
        # d T_i / d alpha_j = -T_i / (1 - alpha_j) for j before i: a sum over what comes after, ray by ray.
        sums = (gradients[0] * transmittance).double().cumsum(0)
        end = torch.repeat_interleave(sums[counts.cumsum(0) - 1], counts)
        return end.sub_(sums).float().div_(alphas - 1), None


class _RaySums(torch.autograd.Function):
    """Sums of (M, D) over the groups of `counts`, scattered to `rays` of (n_rays, D)."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, counts: torch.Tensor, rays: torch.Tensor, n_rays: int) -> torch.Tensor:
        ctx.save_for_backward(counts, rays)
        sums = values.new_zeros(n_rays, values.shape[1])
        sums[rays] = torch.segment_reduce(values, "sum", lengths=counts)
        return sums

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        counts, rays = ctx.saved_tensors
        return torch.repeat_interleave(gradients[0][rays], counts, dim=0), None, None, None


def render_weight_from_alpha(
    alphas: torch.Tensor, *, ray_indices: torch.Tensor, n_rays: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """nerfacc's: alpha times transmittance, and the transmittance, of each intersection."""
    counts, _ = _ray_ends(ray_indices)
    transmittance = _Transmittance.apply(alphas, counts)  # type: ignore[no-untyped-call]
    return alphas * transmittance, transmittance


def accumulate_along_rays(
    weights: torch.Tensor, values: torch.Tensor | None, *, ray_indices: torch.Tensor, n_rays: int
) -> torch.Tensor:
    """nerfacc's: (n_rays, D) weighted sums of values, or of the weights alone."""
    source = weights[:, None] if values is None else weights[:, None] * values
    counts, rays = _ray_ends(ray_indices)
    result: torch.Tensor = _RaySums.apply(source, counts, rays, n_rays)  # type: ignore[no-untyped-call]
    return result


def spherical_harmonics(
    degree: int, directions: torch.Tensor, coefficients: torch.Tensor, masks: torch.Tensor | None = None
) -> torch.Tensor:
    """The torch function of gsplat, which has no masks: it evaluates Gaussians that are not drawn, too."""
    result: torch.Tensor = _torch_impl._spherical_harmonics(degree, directions, coefficients)
    return result


def install(stopwatch: Stopwatch) -> None:
    """Put the functions above where gsplat looks for the CUDA ones."""

    def counted(*arguments: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        found = rasterize_to_indices_in_range(*arguments)
        stopwatch.blended = len(found[0])
        return found

    rendering.isect_tiles = stopwatch.measured("indices", isect_tiles)
    rendering.isect_offset_encode = stopwatch.measured("indices", _torch_impl._isect_offset_encode)
    rendering.spherical_harmonics = spherical_harmonics
    _wrapper.rasterize_to_indices_in_range = stopwatch.measured("indices", counted)
    nerfacc = types.ModuleType("nerfacc")
    nerfacc.render_weight_from_alpha = render_weight_from_alpha  # type: ignore[attr-defined]
    nerfacc.accumulate_along_rays = accumulate_along_rays  # type: ignore[attr-defined]
    sys.modules["nerfacc"] = nerfacc


def ssim(image: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
    """Mean SSIM of (3, H, W) images by two one-dimensional convolutions (the fastest way that torch has)."""
    offsets = torch.arange(-5, 6, dtype=torch.float32)
    line = torch.exp(-(offsets**2) / (2 * 1.5**2))
    line = line / line.sum()

    def blurred(stack: torch.Tensor) -> torch.Tensor:
        rows = F.conv2d(stack.flatten(0, 1)[:, None], line.view(1, 1, 1, 11), padding=(0, 5))
        return F.conv2d(rows, line.view(1, 1, 11, 1), padding=(5, 0)).view(stack.shape)

    mean_x, square_x, product = blurred(torch.stack([image, image * image, image * photo]))
    mean_y, square_y = blurred(torch.stack([photo, photo * photo]))  # no gradient is wanted of these
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * (product - mean_x * mean_y) + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (square_x - mean_x**2 + square_y - mean_y**2 + c2)
    )
    mean: torch.Tensor = similarity.mean()
    return mean


def training_loss(image: torch.Tensor, photo: torch.Tensor, lambda_dssim: float) -> torch.Tensor:
    """(1 - lambda) L1 + lambda (1 - SSIM) of a (3, H, W) image against a uint8 photo."""
    target = photo.float() / 255
    return (1 - lambda_dssim) * (image - target).abs().mean() + lambda_dssim * (1 - ssim(image, target))


class GsplatTorch:
    """Gaussians in training on gsplat's torch path. `seconds` holds the stages of the last step."""

    def __init__(self, gaussians: GaussianTensors, rates: LearningRates) -> None:
        self.stopwatch = Stopwatch()
        install(self.stopwatch)
        self.parameters = GaussianTensors(*(torch.nn.Parameter(tensor.clone()) for tensor in gaussians))
        groups = [{"params": [p], "lr": rate} for p, rate in zip(self.parameters, rates, strict=True)]
        self._adam = torch.optim.Adam(groups, eps=spec.ADAM_EPSILON, fused=True)
        self.seconds: dict[str, float] = {}

    def render(self, camera: Camera, background: torch.Tensor, sh_degree: int) -> torch.Tensor:
        """(3, H, W), attached to the parameters."""
        p = self.parameters
        viewmat = torch.eye(4)
        viewmat[:3] = torch.from_numpy(camera.camera_from_world)
        matrix = torch.tensor([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
        image, _, _ = rendering._rasterization(
            p.means,
            p.quaternions,
            p.log_scales.exp(),
            p.opacity_logits.sigmoid(),
            torch.cat([p.sh_dc[:, None], p.sh_rest], dim=1),
            viewmat[None],
            matrix[None],
            camera.width,
            camera.height,
            near_plane=spec.NEAR_PLANE,
            eps2d=spec.DILATION,
            sh_degree=sh_degree,
            backgrounds=background[None],
            batch_per_iter=math.ceil(len(p.means) / 256),  # all in one go: fewest passes over the image
        )
        picture: torch.Tensor = image[0].permute(2, 0, 1)
        return picture

    def step(self, view: View, background: torch.Tensor, sh_degree: int, lambda_dssim: float) -> float:
        """One training iteration; returns the loss."""
        clock = [time.perf_counter()]
        self._adam.zero_grad(set_to_none=True)
        image = self.render(view.camera, background, sh_degree)
        clock.append(time.perf_counter())
        loss = training_loss(image, view.photo, lambda_dssim)
        clock.append(time.perf_counter())
        loss.backward()  # type: ignore[no-untyped-call]
        clock.append(time.perf_counter())
        self._adam.step()
        clock.append(time.perf_counter())
        names = ["render", "loss", "backward", "adam"]
        self.seconds = {name: end - start for name, start, end in zip(names, clock, clock[1:], strict=False)}
        self.seconds |= {"indices": 0.0, "total": clock[-1] - clock[0]} | self.stopwatch.take()
        return loss.item()
