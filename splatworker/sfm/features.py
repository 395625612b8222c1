"""Features: SIFT keypoints and descriptors of every photo."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache, partial

from splatworker.machine.gpu import find_gpus
from splatworker.sfm import extraction, sift
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo_features import AS_COLMAP_COUNTS, QUICK_LONGEST, QUICK_MOST
from splatworker.sfm.watch import Span, watch
from splatworker.sfm.workbench import Workbench


@dataclass(frozen=True)
class FeaturePreset:
    """How hard to look.

    Attributes:
        most: features a photo, unless the options say a number.
        longest: photos are shrunk to this longest side in pixels, if the options do not say less; 0: they alone do.
        first_octave: -1 doubles the photo first and finds the finest details; 0 starts at its own size.
        affine_shape: describe regions as ellipses: survives steeper views, on the CPU alone.
        guided: match a second time along the epipolar lines of the first.
        gpu: find and match on a GPU. Ellipses are found on the CPU in any case.
    """

    name: str
    first_octave: int
    most: int
    longest: int = 0
    affine_shape: bool = False
    guided: bool = False
    gpu: bool = False


MANY_THREADS = 12
"""With so many threads a CPU's quick look is as quick as a GPU's: beside an H100, 16 threads found and matched the
features of 50 photos in 3.2 s, the GPU in 2.4 to 4.4. And it is steady: a GPU's features differ from run to run, and
with them the cameras and the mapper's time (docs/benchmarks.md, "Cameras on a machine with a GPU")."""

FAST = FeaturePreset("fast", first_octave=0, most=QUICK_MOST, longest=QUICK_LONGEST)
"""Several times cheaper than COLMAP's default, and so is the mapping of half as many features. The example photos came
out as true at 1000 pixels as at their own 1200: cameras off by 0.03 % of the extent at most."""

FINE = FeaturePreset("fine", first_octave=-1, most=8192)
"""COLMAP's default: what photos with few matches need."""

THOROUGH = FeaturePreset("thorough", first_octave=-1, most=8192, affine_shape=True, guided=True)
"""For smooth surfaces and steep views."""


def presets(options: SfmOptions, threads: int) -> tuple[FeaturePreset, ...]:
    """The presets to try, one after the other, each on the device that is right for it."""
    gpu = options.device != "cpu" and has_cuda() and not may_use_own_gpu(options)
    fast = FAST
    if gpu and not (options.device == "auto" and has_many(threads)):
        # A GPU finds features in no time, so there is nothing to win by smaller photos; and the mapper, which would
        # take three times as long for as many features, starts with a draft on a part of them.
        fast = dataclasses.replace(FAST, longest=0, gpu=True)
    return fast, dataclasses.replace(FINE, gpu=gpu), dataclasses.replace(THOROUGH, gpu=gpu)


def may_use_own_gpu(options: SfmOptions) -> bool:
    """Whether our own kernels may use a GPU, and can: then COLMAP's are not asked to."""
    return options.wants_own_gpu and sift.has_kernel() and sift.has_gpu_kernel()


def has_many(threads: int) -> bool:
    """Whether the CPU does as well as a GPU where little is asked."""
    return threads >= MANY_THREADS


@cache
def has_cuda() -> bool:
    """Whether this build of COLMAP knows CUDA and the machine has a GPU."""
    return bool(pycolmap.has_cuda and find_gpus()["gpus"])


def extract(bench: Workbench, preset: FeaturePreset, span: Span) -> None:
    """Find the features of the photos in the database that have none yet, and write them to it."""
    size = bench.options.max_image_size
    longest = min(preset.longest or size, size)
    if is_ours(bench.options, preset):
        most = bench.options.max_num_features or int(preset.most * AS_COLMAP_COUNTS)
        with pycolmap.Database.open(bench.database) as seen:
            images = [image for image in seen.read_all_images() if not seen.exists_keypoints(image.image_id)]
        extraction.extract(bench, images, longest, preset.first_octave, most, span)
    _extract_by_colmap(
        bench, preset, longest, bench.options.max_num_features or preset.most, span
    )  # all, or what Pillow could not read


def is_ours(options: SfmOptions, preset: FeaturePreset) -> bool:
    """Whether our kernel finds the features: ellipses, and what a GPU finds, are COLMAP's."""
    by_colmap = options.engine == "colmap" or preset.gpu or preset.affine_shape or options.max_image_size > sift.LONGEST
    return sift.has_kernel() and not by_colmap


def _extract_by_colmap(bench: Workbench, preset: FeaturePreset, longest: int, most: int, span: Span) -> None:
    how = pycolmap.FeatureExtractionOptions()
    how.max_image_size = longest
    how.num_threads = bench.threads
    how.use_gpu = preset.gpu and not preset.affine_shape
    how.sift.max_num_features = most
    how.sift.first_octave = preset.first_octave
    how.sift.estimate_affine_shape = preset.affine_shape

    with pycolmap.Database.open(bench.database) as seen:
        images = [image for image in seen.read_all_images() if not seen.exists_keypoints(image.image_id)]
        # COLMAP leaves out a photo without a mask where there is a folder of them.
        masked = [image.name for image in images if (bench.masks / f"{image.name}.png").exists()]
        whole = [image.name for image in images if image.name not in set(masked)]
        for names, masks in ((whole, None), (masked, bench.masks)):
            if not names:
                continue
            reading = pycolmap.ImageReaderOptions()
            if masks is not None:
                reading.mask_path = masks
            watch(
                partial(
                    pycolmap.extract_features,
                    bench.database,
                    bench.photos,
                    names,
                    reader_options=reading,
                    extraction_options=how,
                    device=pycolmap.Device.cuda if how.use_gpu else pycolmap.Device.cpu,
                    cancellation_token=bench.cancellation.token,
                ),
                lambda: span.report(sum(seen.exists_keypoints(image.image_id) for image in images), len(images)),
                bench.cancellation,
            )
