"""The light that photos were taken in: a gain for red, green and blue of each, found from the points that they share.

Cameras set exposure and white balance anew for every photo. A scene point that several photos see has one colour; what
its photos show of it differs by their gains and, a little, by where they stand. With many points the gains stand out
(as between the photos of a panorama: Brown & Lowe 2007, "Automatic panoramic image stitching", section 6):

    log I[photo, point] = log colour[point] + log gain[photo] + noise,   sum over photos of log gain = 0

solved by robust least squares, each channel for itself, over values as they are stored: a gain of the light is one of
these, too, where they are a power of it. Photos divided by their gains are as if all had been taken in the same,
their mean, light.

That is worth it where light differs from photo to photo without rule, as between photos of many people or days: a
splat of such photos is a mean of them all. Where it follows the camera, as a phone's exposure does on a walk around
something, colours that depend on the direction learn it by themselves and show new views in the light that a photo
would have there; there it is left alone (docs/lab-log/cameras-and-cpu.md, "Light").
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.observations import read_observations
from splatworker.formats.scene import Photo
from splatworker.train.falloff import Falloff, light_of, squared_radii, stored_of
from splatworker.train.own_options import LightMode
from splatworker.train.sightings import Array, Overlap, RobustFit, Sightings, all_within, numbered, sample
from splatworker.train.vignetting import Lines, fallen, lines_of

DARKEST, BRIGHTEST = 0.04, 0.96
"""Of the range of a channel: what is darker is noise, what is brighter may have been cut off."""

_BETWEEN = np.nextafter(DARKEST, 1), np.nextafter(BRIGHTEST, 0)
"""The least and the most between these."""

NOISE = 0.1
"""In logarithms: sightings that differ by more count for little (Cauchy's weights)."""

ROUNDS = 10

PRIOR = 0.01
"""Sightings that would say that a photo's gain is 1: so little that they decide only where nothing else does."""

FEWEST_SIGHTINGS = 50
"""Of shared points by a photo: of fewer its light is not told."""

SAME = 0.02
"""In logarithms: with gains of a smaller root mean square the light was the same, and photos stay as they are."""

WITHOUT_RULE = 0.15
"""In logarithms: so far, root mean square, gains without rule are from what the nearest photos let expect."""

NEIGHBOURS = 3
"""The nearest photos: so many, with the most points in common."""

_PHOTOS_AT_ONCE = 1000
"""Of more photos one channel is solved after the other: a system of theirs takes 24 bytes for each two."""

MOST = 1.0
"""In logarithms: a gain is never more than e, or less than 1 / e."""


_NO_LINES = Lines(np.zeros(0, np.bool_), np.zeros((0, 3)), np.zeros(0))


class Correction(NamedTuple):
    """What is to be taken out of N photos.

    Attributes:
        gains: (N, 3) by how much too bright red, green and blue of each are, as they are stored; None where photos keep
            the light that they were taken in.
        falloffs: (N) how each one's lens darkens it; None where it does not, or that is not told.
        lenses: of each lens that darkens how many photos it took, and the share of the light that its corners lack.
    """

    gains: Array | None
    falloffs: list[Falloff | None]
    lenses: list[tuple[int, float]]

    def in_figures(self) -> dict[str, Any]:
        """What the account says of it: the least and the most gain, and the lenses that darken."""
        told: dict[str, Any] = {}
        if self.gains is not None:
            told["light"] = {"least": round(self.gains.min(), 3), "most": round(self.gains.max(), 3)}
        if self.lenses:
            told["vignetting"] = [{"photos": photos, "corner": round(fall, 3)} for photos, fall in self.lenses]
        return told


class Light:
    """What photos show of the points they share, gathered as they are decoded.

    Args:
        observed: the scene's file of observations; None if it has none, and the light is not known.
    """

    def __init__(self, observed: Path | None) -> None:
        self._observed = {} if observed is None else read_observations(observed)
        self._nothing = Sightings(np.zeros(0, np.uint64), np.zeros((0, 3)))
        self._sightings: dict[str, Sightings] = {}
        self._lines: dict[str, Lines] = {}

    def aim(self, photos: Sequence[Photo]) -> None:
        """Work out what cameras tell of where photos see points, which needs no pixel; `correction` does else."""
        for photo in photos:
            if photo.name in self._observed:
                self._lines[photo.name] = lines_of(photo.camera, self._observed[photo.name].xy * photo.shrunk)

    def look(self, photo: Photo, pixels: npt.NDArray[np.uint8]) -> None:
        """Look at a photo's (3, H, W) pixels, of any size; any thread may, at any photo."""
        seen = self._observed.get(photo.name)
        if seen is None:
            return
        factor = photo.shrunk * pixels.shape[2] / photo.camera.width
        self._sightings[photo.name] = sample(pixels, seen.xy * factor, seen.points)

    def correction(self, mode: LightMode, photos: Sequence[Photo], *, learnt: bool = False) -> Correction | None:
        """What is to be taken out of N photos; None where they stay as they are.

        Args:
            photos: they have been looked at.
            mode: as_taken, nothing; common, whatever differs; auto, what differs without rule. Both the fall of lenses.
            learnt: the training itself finds out about gains.
        """
        if mode == "as_taken":
            return None
        sightings, places = self.seen_in(photos)
        self.aim([photo for photo in photos if photo.name not in self._lines])
        lines = [self._lines[photo.name] if photo.name in self._sightings else _NO_LINES for photo in photos]
        falloffs: list[Falloff | None] = [None] * len(photos)
        with ThreadPoolExecutor(1) as beside:  # most lenses do not darken, and then gains are of what is stored
            soon = None if learnt else beside.submit(self._gains, mode, [*sightings])
            lenses = fallen(photos, sightings, places, lines)
            for lens, falloff in lenses:
                for index in lens:
                    falloffs[index] = falloff
                    arrived = falloff.at(squared_radii(photos[index].camera, places[index]))
                    light = light_of(sightings[index].colours) / arrived[:, None]
                    sightings[index] = Sightings(sightings[index].points, stored_of(light))
            if lenses and soon:
                soon = beside.submit(self._gains, mode, sightings)
            found = soon.result() if soon else None
        if found is None and not lenses:
            return None
        return Correction(found, falloffs, [(len(lens), falloff.corner) for lens, falloff in lenses])

    def seen_in(self, photos: Sequence[Photo]) -> tuple[list[Sightings], list[Array]]:
        """What each of these photos, which have been looked at, shows; and where, (M, 2) pixels at its full size."""
        sightings = [self._sightings.get(photo.name, self._nothing) for photo in photos]
        places = [
            self._observed[photo.name].xy * photo.shrunk if photo.name in self._sightings else np.zeros((0, 2))
            for photo in photos
        ]
        return sightings, places

    @staticmethod
    @np.errstate(all="ignore")  # as in the trainer; each thread has its own
    def _gains(mode: LightMode, sightings: Sequence[Sightings]) -> Array | None:
        found = gains(sightings)
        least = WITHOUT_RULE if mode == "auto" else 0.0
        differ = (found != 1).any() and unexpected(sightings, np.log(found)) >= least
        return found if differ else None


def unexpected(photos: Sequence[Sightings], log_gains: Array) -> float:
    """By how much photos' gains differ from those of the photos with which they share most: the root mean square."""
    point = numbered(np.concatenate([seen.points for seen in photos]))
    photo = np.repeat(np.arange(len(photos)), [len(seen.points) for seen in photos])
    shared = Overlap(photo, point, len(photos)).shared(np.ones(len(point)))
    np.fill_diagonal(shared, 0)
    nearest = np.argsort(-shared, axis=1, kind="stable")[:, :NEIGHBOURS]
    weight = np.take_along_axis(shared, nearest, 1)
    total = weight.sum(axis=1)
    known = total > 0
    expected = (weight[:, :, None] * log_gains[nearest]).sum(axis=1)[known] / total[known, None]
    return float(np.sqrt(np.mean((log_gains[known] - expected) ** 2))) if known.any() else 0.0


def gains(photos: Sequence[Sightings]) -> Array:
    """(N, 3) by how much brighter each photo is than the same scene in the mean light; 1 where that is not told.

    All are 1 where the photos' light was the same.
    """
    photo = np.repeat(np.arange(len(photos)), [len(seen.points) for seen in photos])
    if not len(photo):
        return np.ones((len(photos), 3))
    colours = np.concatenate([seen.colours for seen in photos])
    point = numbered(np.concatenate([seen.points for seen in photos]))
    clear = all_within(colours, *_BETWEEN)
    photo, point, logs = photo[clear], point[clear], np.log(colours[clear])
    shared = np.bincount(point)[point] > 1
    photo, point, logs = photo[shared], point[shared], logs[shared]
    enough = np.bincount(photo, minlength=len(photos)) >= FEWEST_SIGHTINGS
    told = enough[photo]
    photo, point, logs = photo[told], point[told], logs[told]
    if np.count_nonzero(enough) < 2:
        return np.ones((len(photos), 3))
    overlap, fit = Overlap(photo, point, len(photos)), RobustFit(ROUNDS, PRIOR, NOISE)
    with ThreadPoolExecutor(3 if len(photos) <= _PHOTOS_AT_ONCE else 1) as pool:
        channels = pool.map(lambda channel: overlap.robust_gains(channel, enough, fit), logs.T.copy())
        found = np.stack([*channels], axis=1)
    if np.sqrt(np.mean(found[enough] ** 2)) < SAME:
        return np.ones((len(photos), 3))
    return np.asarray(np.exp(np.clip(found, -MOST, MOST)))
