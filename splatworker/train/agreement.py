"""What photos show that the others do not: evidence for somebody who passed by, from the model under training.

The model is looked at from all photos at once, on shrunk pictures. Three questions, each answered by the renderer:

1. Where does the picture of the model differ from the photo? Not where a fine edge is a pixel off: each pixel is
   compared with the least and the most of the 3 x 3 around it in the other picture.
2. Which Gaussians do several photos bear out? A Gaussian's weight in a pixel is how much of the pixel's colour is its
   own; the gradient of a picture by its colour is the sum of its weights. A photo is a witness for a Gaussian by the
   weight that it has there in pixels that agree, and against it by the rest. What stands before one camera to please
   one photo has no other witness, however well it pleases it: so what has been learnt by heart is found, too. What
   differs from several photos, gloss for one, has too many against it.
3. What do those Gaussians alone show to each camera? Where they hide what is behind, and the photo shows something
   else, all others who see that place agree with each other and not with it.

That what differs much is no part of the scene is the idea of robust estimators (Sabour et al. 2023, "RobustNeRF"); that
others must bear witness is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import Array, beside, constant_like, to_device, to_numpy
from splatworker.render.interface import SH_C0, GaussianTensors, Renderer
from splatworker.render.tensors import of_one_colour

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

AsTaken = Callable[[int, Map], Map]
"""Of a photo's number and (3, H, W) a picture of the model, this in the light that the photo was taken in."""

AGREES = 0.08
"""Of the range of a channel: a pixel that differs by less agrees."""

FEWEST_WITNESSES = 2.5
"""So many photos at least, counted by how much they see of a Gaussian, must agree with it..."""

FEWEST_OF_STRICT = 3.5
"""... and so many before somebody is left out for its sake: of few photos three agree on many a thing that is not
there."""

MOST_AGAINST = 0.25
"""Of the weight that a Gaussian has in photos that agree with it: so much at most may others have against it, beside
the one that has most, which may be the photo that somebody walked through."""

LEAST_BESIDE = 0.5
"""Photos beside the best witness must bear a Gaussian out with this share of the most weight that any photo gives it:
what is large before one camera is not borne out by a corner of it in others."""

UNUSUAL = 5.0
"""A photo differs as far as it does by more than this many times what others usually do in that place."""

COVERED = 0.9
"""Of a pixel, so much must be hidden by what several photos bear out, or nobody can say what belongs there."""

NOT_DRAWN = -20.0
"""The logit of an opacity under which nothing is drawn."""


class Look(NamedTuple):
    """A photo, shrunk: its camera, (3, H, W) float32 in [0, 1], and (H, W) which pixels its mask ignores, if any."""

    camera: Camera
    photo: Map
    ignored: Mask | None


class Evidence(NamedTuple):
    """What a look has found.

    Attributes:
        maps: (H, W) of each photo, by how much it differs, in shares of a channel's range; 0 where it agrees, and where
            nobody knows.
        weight: (N,) the sums of the Gaussians' weights over all photos.
    """

    maps: list[Map]
    weight: Map


class Witness(NamedTuple):
    """What photos say of N Gaussians, (N,) each.

    Attributes:
        held: several photos bear it out.
        sure: so many that a photo that shows something else is not believed.
        usual: by how much photos usually differ from it.
        weight: the sum of its weights over all photos.
    """

    held: Mask
    sure: Mask
    usual: Map
    weight: Map


def disagreement(
    renderer: Renderer,
    gaussians: GaussianTensors,
    looks: Sequence[Look],
    backgrounds: Sequence[Array],
    sh_degree: int,
    *,
    strict: bool = True,
    as_taken: AsTaken = lambda photo, picture: picture,
) -> Evidence:
    """By how much each photo shows something else than what several photos bear out.

    With `strict` more photos must bear a place out, and several against it keep it from that. The model is drawn on the
    background of each photo.
    """

    def pictures(of: GaussianTensors, on: Sequence[Array], degree: int) -> Iterator[Map]:
        cameras = [look.camera for look in looks]
        return (to_numpy(renderer.render(of, camera, under, degree)) for camera, under in zip(cameras, on, strict=True))

    def lit(of: GaussianTensors) -> Iterator[Map]:
        return (as_taken(photo, picture) for photo, picture in enumerate(pictures(of, backgrounds, sh_degree)))

    with ThreadPoolExecutor(available_cpus()) as pool:  # compares what is drawn while the next is
        photos = [look.photo for look in looks]
        differences = list(pool.map(difference, lit(gaussians), photos))
        held, sure, usual, weight = witnessed(renderer, gaussians, looks, differences, backgrounds, strict=strict)
        shown = only(gaussians, held)
        tellers = in_colour(shown, np.stack([np.where(sure, np.float32(0.5), np.float32(0)), usual, usual], axis=1))
        told = pictures(tellers, len(looks) * [to_device(np.zeros(3, np.float32), renderer.device)], 0)
        maps = list(pool.map(_unusual, lit(shown), told, looks))
    return Evidence(maps, weight)


def _unusual(picture: Map, told: Map, look: Look) -> Map:
    """(H, W) by how much a photo differs from a picture, less what others usually do.

    Args:
        told: (3, H, W) half of how much of a pixel is covered by what is sure, and twice what is usual.
    """
    cover, usual, _ = told
    found: Map = np.maximum(difference(picture, look.photo) - UNUSUAL * usual, 0)
    found[2 * cover < COVERED] = 0
    if look.ignored is not None:
        found[look.ignored] = 0
    return found


def witnessed(
    renderer: Renderer,
    gaussians: GaussianTensors,
    looks: Sequence[Look],
    differences: Sequence[Map],
    backgrounds: Sequence[Array],
    *,
    strict: bool = True,
) -> Witness:
    """Ask all photos about all Gaussians.

    Args:
        differences: (H, W) of each photo and its picture.
    """
    against, worst, agreed, best, squares, most, total, largest = np.zeros((8, len(gaussians.means)), np.float32)
    for look, differs, background in zip(looks, differences, backgrounds, strict=True):
        counted = np.ones_like(differs) if look.ignored is None else 1 - look.ignored.astype(np.float32)
        agrees = counted * (differs < AGREES)
        for_it, against_it, times = weights(
            renderer, gaussians, look.camera, [agrees, counted - agrees, counted * differs], background
        )
        agreed += for_it
        against += against_it
        total += times
        squares += for_it**2
        for sums, here in ((best, for_it), (worst, against_it), (most, for_it + against_it), (largest, times)):
            np.maximum(sums, here, out=sums)
    least = np.float32(1e-12)
    usual = (total - largest) / np.maximum(agreed + against - most, least)
    witnesses = agreed**2 / np.maximum(squares, least)
    held = (witnesses >= FEWEST_WITNESSES) & (agreed - best >= LEAST_BESIDE * most)
    if strict:
        held &= against - worst <= MOST_AGAINST * agreed
    sure = held & (witnesses >= FEWEST_OF_STRICT) if strict else held
    return Witness(held, sure, usual.clip(0, 1), agreed + against)


def weights(
    renderer: Renderer, gaussians: GaussianTensors, camera: Camera, factors: Sequence[Map], background: Array
) -> list[Map]:
    """(N,) sums of the Gaussians' weights over all pixels times a factor of each: one for each of three (H, W)."""
    renderer.render(in_colour(gaussians, None), camera, background, 0)
    counts = np.zeros((3, camera.height, camera.width), np.float32)
    for channel, factor in enumerate(factors):
        counts[channel] = factor
    gradients, _ = renderer.backward(to_device(counts, renderer.device))
    sums = to_numpy(gradients.sh_dc) / np.float32(SH_C0)
    return [np.ascontiguousarray(sums[:, channel]) for channel in range(len(factors))]


def in_colour(gaussians: GaussianTensors, colours: Map | None) -> GaussianTensors:
    """The same in (N, 3) colours, the same from everywhere; None: grey. Those under 0 would have no gradient."""
    if colours is None:
        return of_one_colour(gaussians, constant_like(gaussians.sh_dc, 0.0))
    return of_one_colour(gaussians, beside((colours - np.float32(0.5)) / np.float32(SH_C0), gaussians.sh_dc))


def only(gaussians: GaussianTensors, kept: Mask) -> GaussianTensors:
    """The Gaussians, those that are not kept too faint to be drawn."""
    logits = np.where(kept, to_numpy(gaussians.opacity_logits), np.float32(NOT_DRAWN))
    return gaussians._replace(opacity_logits=beside(logits, gaussians.opacity_logits))


def difference(picture: Map, photo: Map) -> Map:
    """(H, W) by how much two (3, H, W) pictures differ, in the channel that differs most, but for edges a pixel off."""
    differs: Map = np.minimum(_outside(picture, photo), _outside(photo, picture)).max(axis=0)
    return differs


def _outside(picture: Map, of: Map) -> Map:
    """How far each pixel lies from what the 3 x 3 pixels of another picture span."""
    least, most = _extreme(of, np.minimum), _extreme(of, np.maximum)
    outside: Map = np.maximum(np.maximum(least - picture, picture - most), 0)
    return outside


def _extreme(picture: Map, choose: np.ufunc) -> Map:
    """The least or the most of the 3 x 3 pixels around each."""
    rows = picture.copy()
    choose(rows[..., 1:, :], picture[..., :-1, :], out=rows[..., 1:, :])
    choose(rows[..., :-1, :], picture[..., 1:, :], out=rows[..., :-1, :])
    result = rows.copy()
    choose(result[..., 1:], rows[..., :-1], out=result[..., 1:])
    choose(result[..., :-1], rows[..., 1:], out=result[..., :-1])
    return result
