"""The specification of the renderer: plain torch in float64, dense over Gaussians and pixels, gradients by autograd.

Every other backend is held to this one, values and gradients. It is written to be read, not to be fast: memory grows
as Gaussians times pixels, so keep scenes to some hundreds of Gaussians and some thousands of pixels.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

try:
    import torch
    import torch.nn.functional as F
except ImportError as error:
    raise ImportError("The reference renderer needs torch: pip install 'torch>=2.8'.") from error

from splatworker.formats.camera import Camera
from splatworker.render import interface as spec
from splatworker.render.batch import PlainBatches
from splatworker.render.ignored import hides
from splatworker.render.interface import (
    AdamState,
    DensityStatistics,
    Dropout,
    GaussianTensors,
    Ignored,
    LearningRates,
    Loss,
    LossTerms,
    Step,
)
from splatworker.render.spherical_harmonics import basis

NO_DROPOUT = Dropout()


class Projection(NamedTuple):
    """What a camera sees of N Gaussians, before any pixel is drawn."""

    means: torch.Tensor
    """(N, 2) projected means in pixels."""
    conics: torch.Tensor
    """(N, 2, 2) inverses of the dilated projected covariances."""
    covariances: torch.Tensor
    """(N, 2, 2) dilated projected covariances, in square pixels."""
    depths: torch.Tensor
    """(N,) camera z of the means."""
    colors: torch.Tensor
    """(N, 3) colour towards the camera, not below 0."""
    opacities: torch.Tensor
    """(N,) with what a dropout adds and antialiasing takes."""
    visible: torch.Tensor
    """(N,) bool: not left out, in front of the near plane, and the box around all it could paint meets the image."""
    radii: torch.Tensor
    """(N,) three standard deviations along the longer axis, in pixels; 0 where not visible."""


def left_out(count: int, dropout: Dropout) -> torch.Tensor:
    """(N,) bool: which of so many Gaussians a step with this dropout leaves out.

    Gaussian i where mix(i xor mix(seed)) < share 2^32, with the finaliser of MurmurHash3 (Appleby, public domain) on 32
    bits: mix(h): h ^= h >> 16; h *= 0x85ebca6b; h ^= h >> 13; h *= 0xc2b2ae35; h ^= h >> 16.
    """
    index = torch.arange(count, dtype=torch.int64)
    return _mixed(index ^ _mixed(torch.tensor(dropout.seed & _BITS_32))) < int(dropout.share * 2**32)


_BITS_32 = 0xFFFFFFFF


def _mixed(h: torch.Tensor) -> torch.Tensor:
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _BITS_32
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _BITS_32
    return h ^ (h >> 16)


def rotation_matrices(quaternions: torch.Tensor) -> torch.Tensor:
    """(N, 3, 3) rotations of (N, 4) quaternions w, x, y, z of any positive length."""
    w, x, y, z = F.normalize(quaternions, dim=-1).unbind(-1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def colors_towards(center: torch.Tensor, gaussians: GaussianTensors, sh_degree: int) -> torch.Tensor:
    """(N, 3) colours seen from `center` (3,): 0.5 plus the harmonics of the viewing direction, cut off at 0."""
    directions = F.normalize(gaussians.means - center, dim=-1)
    count = (sh_degree + 1) ** 2
    coefficients = torch.cat([gaussians.sh_dc[:, None], gaussians.sh_rest], dim=1)[:, :count]
    harmonics = basis(directions, sh_degree)
    return (0.5 + torch.einsum("nk,nkc->nc", harmonics, coefficients)).clamp_min(0.0)


def project(
    gaussians: GaussianTensors,
    camera: Camera,
    sh_degree: int,
    dropout: Dropout = NO_DROPOUT,
    *,
    antialiasing: bool = False,
) -> Projection:
    """Project Gaussians into a camera (EWA splatting, Zwicker et al. 2001, equations 28 to 31)."""
    camera_from_world = torch.as_tensor(camera.camera_from_world, dtype=torch.float64)
    rotation, translation = camera_from_world[:, :3], camera_from_world[:, 3]
    points = gaussians.means @ rotation.T + translation
    in_front = points[:, 2] > spec.NEAR_PLANE
    # Gaussians behind the near plane are moved to a harmless depth, so that nothing below divides by zero.
    x, y = points[:, 0], points[:, 1]
    z = torch.where(in_front, points[:, 2], torch.ones_like(points[:, 2]))
    means = torch.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], dim=-1)

    # The perspective map is linearised at the mean, or at the edge of a widened frustum where the mean is beyond it.
    slope_x = _clamp_slope(x / z, camera.width, camera.fx, camera.cx)
    slope_y = _clamp_slope(y / z, camera.height, camera.fy, camera.cy)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [
            torch.stack([camera.fx / z, zero, -camera.fx * slope_x / z], dim=-1),
            torch.stack([zero, camera.fy / z, -camera.fy * slope_y / z], dim=-1),
        ],
        dim=-2,
    )
    axes = rotation_matrices(gaussians.quaternions) * gaussians.log_scales.exp()[:, None, :]
    factor = jacobian @ rotation @ axes  # (N, 2, 3): its product with its transpose is the projected covariance
    covariances = factor @ factor.transpose(1, 2) + spec.DILATION * torch.eye(2, dtype=torch.float64)

    opacities = torch.sigmoid(gaussians.opacity_logits) / (1 - dropout.share)
    if antialiasing:
        # The covariance before the dilation is F F^T, whose determinant is that of F's rows' squared cross product.
        area = torch.linalg.vector_norm(torch.linalg.cross(factor[:, 0], factor[:, 1]), dim=-1)
        opacities = opacities * area / torch.sqrt(torch.linalg.det(covariances))
    # opacity exp(-q / 2) >= ALPHA_MIN where q <= reach; the box around that ellipse has half sides sqrt(reach cov_ii).
    reach = 2 * torch.log(opacities / spec.ALPHA_MIN)
    half = torch.sqrt(reach.clamp_min(0)[:, None] * torch.diagonal(covariances, dim1=1, dim2=2))
    size = torch.tensor([camera.width, camera.height], dtype=torch.float64)
    on_image = ((means + half > 0) & (means - half < size)).all(dim=-1)
    visible = in_front & (reach > 0) & on_image & ~left_out(len(points), dropout)
    middle = 0.5 * (covariances[:, 0, 0] + covariances[:, 1, 1])
    largest = middle + torch.sqrt((middle**2 - torch.linalg.det(covariances)).clamp_min(0))
    center = torch.as_tensor(camera.center)
    return Projection(
        means,
        torch.linalg.inv(covariances),
        covariances,
        points[:, 2],
        colors_towards(center, gaussians, sh_degree),
        opacities,
        visible,
        torch.where(visible, 3 * torch.sqrt(largest), torch.zeros_like(largest)),
    )


def _clamp_slope(slope: torch.Tensor, size: int, focal: float, principal: float) -> torch.Tensor:
    middle, half = (size / 2 - principal) / focal, spec.FRUSTUM_MARGIN * size / 2 / focal
    return slope.clamp(middle - half, middle + half)


def behind_all(camera: Camera, background: torch.Tensor) -> torch.Tensor:
    """(3, H, W) what is seen where nothing is before it; see `Renderer.render`."""
    degree = spec.background_degree(background)
    if degree == 0:
        return background[:, None, None].expand(3, camera.height, camera.width)
    rows, columns = _pixel_centers(camera.width, camera.height)
    rays = [(columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, torch.ones_like(rows)]
    rotation = torch.as_tensor(camera.camera_from_world, dtype=torch.float64)[:, :3]
    directions = F.normalize(torch.stack(rays, dim=-1) @ rotation, dim=-1)
    return (0.5 + torch.einsum("hwk,kc->chw", basis(directions, degree), background)).clamp_min(0.0)


def _pixel_centers(width: int, height: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(H, W) each: y and x."""
    rows, columns = (torch.arange(size, dtype=torch.float64) + 0.5 for size in (height, width))
    return torch.meshgrid(rows, columns, indexing="ij")  # type: ignore[return-value]


def blend(projection: Projection, beyond: torch.Tensor) -> torch.Tensor:
    """(3, H, W) image: alpha blending front to back at every pixel center, over (3, H, W) what is beyond."""
    height, width = beyond.shape[1:]
    order = torch.argsort(projection.depths, stable=True)
    order = order[projection.visible[order]]
    rows, columns = _pixel_centers(width, height)
    pixels = torch.stack([columns.flatten(), rows.flatten()], dim=-1)  # (P, 2)
    offsets = pixels[None] - projection.means[order][:, None]  # (M, P, 2)
    distances = torch.einsum("mpi,mij,mpj->mp", offsets, projection.conics[order], offsets)
    alphas = (projection.opacities[order][:, None] * torch.exp(-0.5 * distances)).clamp_max(spec.ALPHA_MAX)
    alphas = torch.where(alphas >= spec.ALPHA_MIN, alphas, torch.zeros_like(alphas))
    # Transmittance never rises along a ray: cutting off where it would fall under the minimum drops all that follow.
    after = torch.cumprod(1 - alphas, dim=0)
    alphas = torch.where(after >= spec.TRANSMITTANCE_MIN, alphas, torch.zeros_like(alphas))
    after = torch.cumprod(1 - alphas, dim=0)
    before = torch.cat([torch.ones_like(after[:1]), after[:-1]])
    image = torch.einsum("mp,mc->cp", alphas * before, projection.colors[order])
    remaining = after[-1] if len(after) else torch.ones(width * height, dtype=torch.float64)
    return image.reshape(3, height, width) + beyond * remaining.reshape(height, width)


def ssim(image: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
    """Mean structural similarity of two (3, H, W) images in [0, 1] (Wang et al. 2004, equation 13).

    The window is an 11 x 11 Gaussian of standard deviation 1.5; outside the image there are zeros.
    """
    offsets = torch.arange(-5, 6, dtype=image.dtype)
    line = torch.exp(-(offsets**2) / (2 * 1.5**2))
    line = line / line.sum()
    window = (line[:, None] * line[None, :]).expand(3, 1, 11, 11)

    def smooth(values: torch.Tensor) -> torch.Tensor:
        return F.conv2d(values[None], window, padding=5, groups=3)[0]

    mean_x, mean_y = smooth(image), smooth(photo)
    variance_x = smooth(image * image) - mean_x**2
    variance_y = smooth(photo * photo) - mean_y**2
    covariance = smooth(image * photo) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    return similarity.mean()


def exposed(image: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """A (3, H, W) image with its colours as an exposure, (3, 4), has them; see `Exposure`."""
    return torch.einsum("ck,khw->chw", matrix[:, :3], image) + matrix[:, 3, None, None]


class ReferenceRenderer(PlainBatches):
    """The specification behind the `Renderer` interface. Everything it returns is float64, on the CPU."""

    device = torch.device("cpu")

    def __init__(self, *, antialiasing: bool = False) -> None:
        self.antialiasing = antialiasing
        self._leaves: GaussianTensors | None = None
        self._projection: Projection | None = None
        self._image: torch.Tensor | None = None

    def render(
        self, gaussians: GaussianTensors, camera: Camera, background: torch.Tensor, sh_degree: int
    ) -> torch.Tensor:
        """See `Renderer.render`."""
        return self._render(gaussians, camera, background, sh_degree, NO_DROPOUT)

    def _render(
        self,
        gaussians: GaussianTensors,
        camera: Camera,
        background: torch.Tensor,
        sh_degree: int,
        dropout: Dropout,
    ) -> torch.Tensor:
        leaves = GaussianTensors(*(t.detach().cpu().double().requires_grad_() for t in gaussians))
        projection = project(leaves, camera, sh_degree, dropout, antialiasing=self.antialiasing)
        projection.means.retain_grad()
        image = blend(projection, behind_all(camera, background.cpu().double()))
        self._leaves, self._projection, self._image = leaves, projection, image
        return image.detach()

    def backward(self, grad_image: torch.Tensor) -> tuple[GaussianTensors, torch.Tensor]:
        """See `Renderer.backward`."""
        if self._leaves is None or self._projection is None or self._image is None:
            raise RuntimeError("backward() needs a render() before it")
        self._image.backward(grad_image.cpu().double())  # type: ignore[no-untyped-call]
        gradients = GaussianTensors(*(torch.zeros_like(t) if t.grad is None else t.grad for t in self._leaves))
        means = self._projection.means
        return gradients, torch.zeros_like(means) if means.grad is None else means.grad

    def loss(
        self, image: torch.Tensor, photo: torch.Tensor, terms: LossTerms, ignored: Ignored | None = None
    ) -> tuple[Loss, torch.Tensor]:
        """See `Renderer.loss`."""
        leaf = image.detach().cpu().double().requires_grad_()
        counts = torch.ones(image.shape[1:], dtype=torch.float64) if ignored is None else ignored.pixels.cpu() == 0
        weight = 1.0 if ignored is None else ignored.weight
        shown, target = counts * leaf, counts * (photo.cpu().double() / 255)
        error = (shown - target).abs()
        if terms.huber_delta > 0:
            delta = terms.huber_delta
            error = torch.where(error < delta, error**2 / (2 * delta), error - delta / 2)
        l1 = weight * error.mean()
        similarity = 1 - weight * (1 - ssim(shown, target))
        total = (1 - terms.lambda_dssim) * l1 + terms.lambda_dssim * (1 - similarity)
        (gradient,) = torch.autograd.grad(total, leaf)
        return Loss(total.detach(), l1.detach(), similarity.detach()), gradient

    def adam_step(
        self,
        parameters: GaussianTensors,
        gradients: GaussianTensors,
        state: AdamState,
        rates: LearningRates,
        step: int,
        sh_degree: int,
    ) -> None:
        """See `Renderer.adam_step` (Kingma & Ba 2015, algorithm 1)."""
        b1, b2 = spec.ADAM_BETA1, spec.ADAM_BETA2
        for parameter, gradient, first, second, rate in zip(
            parameters, gradients, state.first, state.second, rates, strict=True
        ):
            first.mul_(b1).add_((1 - b1) * gradient)
            second.mul_(b2).add_((1 - b2) * gradient**2)
            corrected = first / (1 - b1**step), second / (1 - b2**step)
            parameter.sub_(rate * corrected[0] / (corrected[1].sqrt() + spec.ADAM_EPSILON))

    def _norms_in_blocks(self, grad_image: torch.Tensor, camera: Camera) -> torch.Tensor:
        """(N,) the sum over the image's blocks of |d loss / d projected mean|, each of its own pixels' loss alone."""
        assert self._projection is not None and self._image is not None
        means = self._projection.means
        norms = torch.zeros(len(means), dtype=torch.float64)
        for rows, columns in itertools.product(*(_blocks(side) for side in (camera.height, camera.width))):
            block = torch.zeros_like(self._image)
            block[:, rows, columns] = grad_image[:, rows, columns]
            (grad_means,) = torch.autograd.grad(self._image, means, block, retain_graph=True, allow_unused=True)
            if grad_means is not None:
                norms += (grad_means * _half_size(camera)).norm(dim=-1)
        return norms

    def training_step(
        self,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        step: Step,
    ) -> Loss:
        """See `Renderer.training_step`."""
        camera = step.view.camera
        image = self._render(parameters, camera, step.background, step.sh_degree, step.dropout)
        ignored = step.view.ignored
        if step.exposure is None:
            loss, grad_image = self.loss(image, step.view.photo, step.loss, ignored)
        else:
            leaves = [t.detach().cpu().double().requires_grad_() for t in (image, step.exposure.matrix)]
            shown = exposed(*leaves)
            loss, grad_shown = self.loss(shown, step.view.photo, step.loss, ignored)
            grad_image, grad_matrix = torch.autograd.grad(shown, leaves, grad_shown)
            step.exposure.gradient.copy_(grad_matrix)
        norms = self._norms_in_blocks(grad_image, camera) if step.absolute else None
        gradients, grad_means = self.backward(grad_image)
        assert self._projection is not None
        visible = self._projection.visible
        counted = visible if ignored is None else visible & ~hides(parameters.means, camera, ignored)
        norms = (grad_means * _half_size(camera)).norm(dim=-1) if norms is None else norms
        statistics.gradient_norm_sum.add_(norms * counted)
        statistics.view_count.add_(counted)
        self.adam_step(parameters, gradients, state, step.rates, step.number, step.sh_degree)
        return loss


def _half_size(camera: Camera) -> torch.Tensor:
    """(2,) what pixels are to be multiplied by for normalised device coordinates' gradients."""
    return torch.tensor([camera.width / 2, camera.height / 2], dtype=torch.float64)


def _blocks(side: int) -> list[slice]:
    """The blocks along one side of an image."""
    return [slice(begin, min(begin + spec.ABSOLUTE_BLOCK, side)) for begin in range(0, side, spec.ABSOLUTE_BLOCK)]
