"""The one interface to the renderers, and the constants of the method that every backend must share.

The model is that of Kerbl et al. 2023, "3D Gaussian Splatting for Real-Time Radiance Field Rendering". A Gaussian
has a mean, a covariance R S S^T R^T (R from a quaternion, S from log scales), an opacity (logistic of a logit) and a
colour in spherical harmonics. Seen by a camera its covariance is projected with the Jacobian of the perspective map
(Zwicker et al. 2001, "EWA splatting") and dilated by `DILATION`; at pixel offset d its alpha is
`min(ALPHA_MAX, opacity * exp(-d^T conic d / 2))`, skipped under `ALPHA_MIN`. Splats are blended front to back by
the depth of their means until a pixel's transmittance would fall under `TRANSMITTANCE_MIN`.

With antialiasing a splat's opacity is multiplied by sqrt(det before / det after the dilation) of its projected
covariance: what is smaller than a pixel is drawn as large as a pixel and as much fainter, from far away as from near
(Yu et al. 2024, "Mip-Splatting", section 5.2, with `DILATION` for its filter).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from splatworker.formats.camera import Camera
from splatworker.render.arrays import Array, Device

NEAR_PLANE = 0.2
"""Gaussians whose mean is nearer than this (in camera z, world units) are not drawn."""

DILATION = 0.3
"""Added to both diagonal entries of a projected covariance, in square pixels: a splat is never thinner than a pixel."""

FRUSTUM_MARGIN = 1.3
"""The Jacobian is taken at a point clamped to this multiple of the image's half extent seen from its center."""

ALPHA_MAX = 0.99
ALPHA_MIN = 1.0 / 255.0
TRANSMITTANCE_MIN = 1e-4

SH_C0 = 0.28209479177387814
"""The constant spherical harmonic, 1 / (2 sqrt(pi)): RGB = 0.5 + SH_C0 * sh_dc."""


class GaussianTensors(NamedTuple):
    """N Gaussians as arrays (`render.arrays`): parameters, their gradients, or their Adam moments, all of one layout.

    K = (degree + 1)^2 spherical-harmonics coefficients a channel, of which `sh_dc` holds the first.
    """

    means: Array
    """(N, 3) centers in the world."""
    quaternions: Array
    """(N, 4) rotations as w, x, y, z; need not be of unit length."""
    log_scales: Array
    """(N, 3) natural logarithms of the standard deviations along the Gaussian's own axes."""
    opacity_logits: Array
    """(N,) logits of the opacities."""
    sh_dc: Array
    """(N, 3) constant spherical-harmonics coefficient of red, green, blue."""
    sh_rest: Array
    """(N, K - 1, 3) the other coefficients."""


class LearningRates(NamedTuple):
    """Adam's step sizes, one for each tensor of `GaussianTensors`, at one iteration."""

    means: float
    quaternions: float
    log_scales: float
    opacity_logits: float
    sh_dc: float
    sh_rest: float


class AdamState(NamedTuple):
    """First and second moments, and the number of steps taken (Kingma & Ba 2015; beta 0.9 and 0.999)."""

    first: GaussianTensors
    second: GaussianTensors


ADAM_BETA1 = 0.9
ADAM_BETA2 = 0.999
ADAM_EPSILON = 1e-15


class DensityStatistics(NamedTuple):
    """What density control gathers over iterations, one number a Gaussian (float32)."""

    gradient_norm_sum: Array
    """(N,) sum over the views that drew it of |d loss / d projected mean|, in normalised device coordinates:
    the pixel gradient times half the image's width and height. By `Step.absolute` of a view it is the sum over the
    image's blocks of what each block's pixels alone would say."""
    view_count: Array
    """(N,) in how many views it was drawn."""


class Ignored(NamedTuple):
    """Pixels of a photo that say nothing: somebody has walked through the picture.

    The loss is that of the image and the photo with 0 in both where pixels are ignored, L1 and 1 - SSIM times `weight`;
    its gradient is exactly 0 there. A view whose photo is ignored at a Gaussian's projected mean does not count in the
    statistics of that Gaussian (`render.ignored.hides`).
    """

    pixels: Array
    """(H, W) uint8 on the backend's device, not 0 where the photo is ignored."""
    weight: float = 1.0
    """The means over all pixels of a picture become, by this, those over the pixels that count."""


@dataclass(frozen=True)
class View:
    """A photo and its camera, ready for a training step: `photo` is (3, H, W) uint8 on the backend's device.

    Where pixels are `ignored` the photo is 0.
    """

    camera: Camera
    photo: Array
    ignored: Ignored | None = None


class Dropout(NamedTuple):
    """Gaussians that one step leaves out at random, while the others are the more opaque.

    A Gaussian that may be missing cannot be the only one to explain what few photos show: the others have to be right
    without it (Park et al. 2025, "DropGaussian: Structural Regularization for Sparse-view Gaussian Splatting").
    Gaussian i is left out where the hash of i and `seed` falls under `share` (`render.reference.left_out`), so every
    backend leaves out the same; opacities of the others are divided by 1 - `share`, which keeps what a ray meets on
    average. An opacity may so exceed 1; alpha is capped as ever.
    """

    share: float = 0.0
    """Of all Gaussians, from 0 to below 1."""
    seed: int = 0
    """32 bits."""


class Exposure(NamedTuple):
    """How a photo's light differs from that of the splat: what a step's picture goes through before the loss.

    A pixel's colour becomes `matrix[:, :3]` times it plus `matrix[:, 3]`, also what is behind the Gaussians, and is
    not cut off. Gradients of the Gaussians go through it.
    """

    matrix: Array
    """(3, 4) float32 on the backend's device: what red, green and blue become, each of all three, and an offset."""
    gradient: Array
    """(3, 4) float32 beside it: the step writes d loss / d matrix here. The same to the bit every time on a CPU, and
    on a GPU of one picture and its gradient, since sums are taken in a fixed order."""


class LossTerms(NamedTuple):
    """What the loss of a picture against a photo is: (1 - lambda) l1 + lambda (1 - ssim)."""

    lambda_dssim: float
    """The weight of 1 - SSIM, from 0 to 1."""
    huber_delta: float = 0.0
    """Values, from 0 to 1, that differ by less count by e^2 / (2 delta), others by e - delta / 2 (Huber 1964, "Robust
    estimation of a location parameter"); 0: all by how much they differ."""

    def in_single_precision(self) -> tuple[float, float]:
        """The same two for kernels, which multiply by 1 / delta: below the normal numbers that is infinite, so 0."""
        return self.lambda_dssim, self.huber_delta if self.huber_delta >= 2.0**-126 else 0.0


class Step(NamedTuple):
    """What one training step takes beside the Gaussians and what is gathered of them."""

    view: View
    background: Array
    """float32 on the backend's device, as in `Renderer.render`."""
    sh_degree: int
    """Spherical harmonics up to this degree are used."""
    loss: LossTerms
    rates: LearningRates
    number: int
    """Counts from 1; Adam's bias correction depends on it."""
    dropout: Dropout = Dropout()
    absolute: bool = False
    """Whether the statistics sum the norms of each `ABSOLUTE_BLOCK`'s gradients, not the norm of their sum: two edges
    that pull a Gaussian apart then count, which else cancel out (Ye et al. 2024, "AbsGS: Recovering Fine Details for 3D
    Gaussian Splatting", whose blocks are single pixels)."""
    exposure: Exposure | None = None
    """Of the view's photo; None where its picture is compared as it is. Contributions to a batch know none."""


ABSOLUTE_BLOCK = 8
"""Pixels along the side of such a block; the first one is at the image's first pixel."""


class Loss(NamedTuple):
    """The training loss of one view: total = (1 - lambda) l1 + lambda (1 - ssim), l1 as `LossTerms.huber_delta` says;
    zero-dimensional tensors, or on a CPU plain numbers.
    """

    total: Array
    l1: Array
    ssim: Array


def background_degree(background: Array) -> int:
    """Of the harmonics that a background has; 0 of a colour.

    Raises:
        ValueError: it is neither.
    """
    for degree in range(4):
        if tuple(background.shape) == ((3,) if degree == 0 else ((degree + 1) ** 2, 3)):
            return degree
    raise ValueError(f"a background is a colour (3,) or harmonics (4, 9 or 16, 3), not {tuple(background.shape)}")


CONTRIBUTION_HEADER = 4
"""Floats that every backend puts first into a contribution: 1 (or 0: to be left out), and the loss's three."""


class Renderer(Protocol):
    """A backend. It owns scratch memory, serves one model at a time, and is not safe for threads."""

    antialiasing: bool
    """Whether it draws and trains with antialiasing, as the model that it serves wants it; False until somebody says
    so (`tensors.for_renderer`)."""

    @property
    def device(self) -> Device:
        """Where it wants its arrays."""

    def render(self, gaussians: GaussianTensors, camera: Camera, background: Array, sh_degree: int) -> Array:
        """(3, H, W) float32 image over `background`; spherical harmonics up to `sh_degree` are used.

        The background is (3,) a colour, or (K, 3) the harmonics of degree 1, 2 or 3 of one that depends on where a
        pixel looks: 0.5 plus `spherical_harmonics.basis` of its ray's direction in the world, cut off at 0, as a
        Gaussian's colour is made; as if it were infinitely far away.
        """

    def backward(self, grad_image: Array) -> tuple[GaussianTensors, Array]:
        """Gradients of the last `render`: of every parameter, and (N, 2) of the projected means in pixels."""

    def loss(self, image: Array, photo: Array, terms: LossTerms, ignored: Ignored | None = None) -> tuple[Loss, Array]:
        """The loss of a rendered image against a uint8 photo, both (3, H, W), and its gradient in the image.

        SSIM (Wang et al. 2004) as the mean over pixels and channels, with an 11 x 11 Gaussian window of standard
        deviation 1.5, data range 1, and zeros outside the image. `ignored` as in `View`.
        """

    def adam_step(
        self,
        parameters: GaussianTensors,
        gradients: GaussianTensors,
        state: AdamState,
        rates: LearningRates,
        step: int,
        sh_degree: int,
    ) -> None:
        """One Adam step in place; `step` counts from 1. Coefficients above `sh_degree` have no gradient yet."""

    def training_step(
        self,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        step: Step,
    ) -> Loss:
        """Render, loss, backward, statistics and Adam in one: all that an iteration does to the Gaussians."""

    def contribution_size(self, parameters: GaussianTensors) -> int:
        """How many floats a contribution to a batch's step on these Gaussians has."""

    def contribute(self, parameters: GaussianTensors, step: Step, contribution: Array) -> None:
        """Write all that a step on a batch of photos has to know of one of them; the photos may be on other devices.

        `contribution` is (`contribution_size`,) float32. Behind `CONTRIBUTION_HEADER` its layout is the backend's own.
        """

    def batch_step(
        self,
        parameters: GaussianTensors,
        state: AdamState,
        statistics: DensityStatistics,
        contributions: Array,
        step: Step,
    ) -> None:
        """`training_step` on the mean of several photos' losses, from (photos, `contribution_size`) contributions.

        All are of these very Gaussians and of steps like this one but for the view. The same contributions in the
        same order give the same to the bit. If the first number of any of them is 0, nothing changes.
        """
