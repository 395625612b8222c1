"""What a caller may ask of the reconstruction, each option said once: for the command line and for jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from splatworker.stages.options import COUNT, NATURAL, SHARE, InJob, Option, Range, demand_valid

Matcher = Literal["auto", "exhaustive", "sequential", "retrieval"]
Device = Literal["auto", "cpu", "cuda"]
Engine = Literal["own", "colmap"]
CameraModel = Literal[
    "auto", "SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "OPENCV_FISHEYE"
]
"""Models that undistort to a pinhole camera: of a fisheye, what one can hold."""

MATCHERS: tuple[Matcher, ...] = get_args(Matcher)
CAMERA_MODELS: tuple[CameraModel, ...] = get_args(CameraModel)

MOST_REGISTERED = 500
"""That a job may demand: as many as it may have photos."""


def _number(range_: Range) -> InJob:
    """What a job may say of a number: null, or nothing, leaves it to the stage."""
    return InJob(range_, default=None, null=True)


@dataclass(frozen=True)
class SfmOptions:
    """Options of one reconstruction.

    Attributes:
        warn_share: under this share of the photos the result carries a warning that names the missing ones.
        seed: of every random choice. On a CPU the same photos then give the same cameras but for rounding, up to
            `mapping.ONE_THREAD_PHOTOS` of them; with more, threads decide which pair is the first and in what order
            sums are added, and cameras agree as well as they are known.

    Raises:
        ValueError: a number is out of its range, or a choice is none.
    """

    camera_model: Annotated[
        CameraModel,
        Option(
            "COLMAP's camera model; auto: SIMPLE_RADIAL, or its fisheye where header and photos speak for one, and at "
            "the end RADIAL or OPENCV, or their fisheyes, where the photos that share a camera speak for it.",
            job=InJob(),
        ),
    ] = "auto"
    max_num_features: Annotated[
        int,
        Option(
            "The most SIFT features of a photo; by default as the step needs.",
            NATURAL,
            job=_number(Range(256, 65_536)),
        ),
    ] = 0
    max_image_size: Annotated[
        int,
        Option(
            "Features are found in photos shrunk to this longest side; a first look on a CPU takes 1000 at most.",
            COUNT,
            unit="pixels",
            job=_number(Range(320, 8192)),
        ),
    ] = 1600
    engine: Annotated[
        Engine,
        Option(
            "Whose code finds the cameras: this package's own, each step where it is as good as COLMAP's (own), or "
            "COLMAP's throughout.",
            job=InJob(),
        ),
    ] = "own"
    matcher: Annotated[
        Matcher,
        Option(
            "Which pairs of photos are matched: all (exhaustive), those taken one after another (sequential), or those "
            "that look alike (retrieval); auto: exhaustive for few photos, else retrieval.",
            job=InJob(),
        ),
    ] = "auto"
    undistort_max_size: Annotated[
        int,
        Option(
            "Longest side of the photos written for training; by default as they are.",
            NATURAL,
            unit="pixels",
            job=_number(Range(64, 8192)),
        ),
    ] = 0
    threads: Annotated[int, Option("Threads; 0: as many as this process may use.", NATURAL)] = 0
    device: Annotated[Device, Option("Where features are found and matched.")] = "auto"
    keep_frame: Annotated[
        bool,
        Option(
            "Keep COLMAP's arbitrary world frame, instead of one that is upright, centered and scaled.", job=InJob()
        ),
    ] = False
    min_registered: Annotated[
        int,
        Option(
            "Fewer registered photos (those that got a camera) are an error.",
            COUNT,
            unit="photos",
            job=_number(Range(3, MOST_REGISTERED)),
        ),
    ] = 5
    min_share: Annotated[
        float, Option("A smaller share of registered photos is an error.", SHARE, job=_number(SHARE))
    ] = 0.5
    warn_share: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        demand_valid(self, dashes=True)

    @property
    def wants_own_gpu(self) -> bool:
        """Our own kernels are to use a GPU, if there is one."""
        return self.engine == "own" and self.device != "cpu"
