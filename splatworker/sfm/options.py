"""What a caller may ask of the reconstruction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Matcher = Literal["auto", "exhaustive", "sequential", "retrieval"]
Device = Literal["auto", "cpu", "cuda"]

MATCHERS: tuple[Matcher, ...] = ("auto", "exhaustive", "sequential", "retrieval")
DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda")
CAMERA_MODELS = ("auto", "SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV")
"""Models that undistort to a pinhole camera; fisheye lenses are not among them."""


@dataclass(frozen=True)
class SfmOptions:
    """Options of one reconstruction.

    Attributes:
        camera_model: one of `CAMERA_MODELS`; "auto" takes one by how many photos share a camera.
        max_num_features: the most features of a photo; 0 takes what the preset says.
        max_image_size: photos are shrunk to this longest side, in pixels, to find features in; the first, quick look
            on a CPU shrinks them further (`features.FAST`).
        matcher: which pairs are matched; "auto" by how many photos there are.
        undistort_max_size: longest side of the photos written for training, in pixels; 0 keeps their size.
        threads: 0 takes what the process may use.
        device: where features are found and matched.
        keep_frame: leave COLMAP's arbitrary world frame instead of upright, centered and scaled.
        min_registered, min_share: a reconstruction with fewer photos, or a smaller share, is an error.
        warn_share: under this share of the photos the result carries a warning that names the missing ones.
        seed: of every random choice. On a CPU the same photos then give the same cameras but for rounding, up to
            `mapping.ONE_THREAD_PHOTOS` of them; with more, threads decide which pair is the first and in what order
            sums are added, and cameras agree as well as they are known.
    """

    camera_model: str = "auto"
    max_num_features: int = 0
    max_image_size: int = 1600
    matcher: Matcher = "auto"
    undistort_max_size: int = 0
    threads: int = 0
    device: Device = "auto"
    keep_frame: bool = False
    min_registered: int = 5
    min_share: float = 0.5
    warn_share: float = 0.8
    seed: int = 0
