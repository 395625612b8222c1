"""The error tree: every failure a user can meet, with a stable code, its stage and a hint.

    SplatError                       code                    stage
    ├── InputError                                           input
    │   ├── InvalidJob               invalid_job                       a field is missing, of the wrong type, or unknown
    │   ├── UnknownParam             unknown_param                     a param nobody knows; the hint names the nearest
    │   └── InvalidParam             invalid_param                     a param out of range, NaN, or of the wrong type
    ├── PhotoError                                           photos
    │   ├── NoPhotos                 no_photos                         nothing that could be a photo was given
    │   ├── TooFewPhotos             too_few_photos                    fewer than five could be decoded
    │   └── InvalidMasks             invalid_masks                     masks of other photos, or ones that hide all
    ├── VideoError                                           frames
    │   ├── NoVideo                  no_video                          a file without moving pictures that are read here
    │   ├── VideoNotSupported        video_not_supported               a codec, or a kind of colours, that is not read
    │   ├── VideoEncrypted           video_encrypted                   it is protected, and there is no key
    │   ├── VideoDamaged             video_damaged                     truncated, or not what its header says
    │   ├── VideoTooLong             video_too_long                    more minutes than are read
    │   ├── VideoTooLarge            video_too_large                   more pixels, bytes or time than it may take
    │   ├── VideoTooShort            video_too_short                   a handful of frames
    │   ├── VideoTooStill            video_too_still                   the picture hardly moves
    │   └── VideoLeftOver            video_left_over                   there are enough photos without it
    ├── ReconstructionError                                  sfm
    │   ├── NoFeatures               no_features                       blank or blurred photos
    │   ├── NoOverlap                no_overlap                        no three photos show the same thing
    │   └── NoReconstruction         no_reconstruction                 pairs match, but no consistent cameras exist
    ├── TrainingError                                        train
    │   ├── InvalidScene             invalid_scene                     the scene folder is missing, broken or empty
    │   ├── TrainingDiverged         training_diverged                 the loss is not a number
    │   └── TrainerMissing           trainer_missing                   the trainer asked for is not installed
    ├── NoSingleSubject              no_single_subject       object    photos of no one thing that could be cut out
    ├── SegmentationMissing          segmentation_missing    object    the network asked for is not installed
    ├── DeliveryError                                        deliver
    │   ├── UploadRefused            upload_refused                    the store said no for good (403, 404, ...)
    │   └── UploadFailed             upload_failed                     every try ended in a fault of server or network
    └── MachineError                                         any
        ├── DiskFull                 disk_full
        ├── NoWorkspace              no_workspace                      there is no folder to work in
        ├── OutOfMemory              out_of_memory
        ├── GpuFailed                gpu_failed                        the GPU or its driver gave up
        │   ├── NoDriver             no_driver                         no NVIDIA driver is installed
        │   ├── DriverTooOld         driver_too_old                    older than 525.60.13, or than the GPU needs
        │   ├── NoGpu                no_gpu                            the driver shows none
        │   ├── GpuTooOld            gpu_too_old                       under compute capability 7.5
        │   └── GpuUnsupported       gpu_unsupported                   nothing for it in this installation
        │       └── TorchMissing     torch_missing                     torch was asked for
        ├── StageCrashed             stage_crashed                     a stage's process died without a word
        ├── DeadlineExceeded         deadline_exceeded
        └── Cancelled                cancelled

A stage that runs as a child process sends its error as one JSON line (`to_event`), and the parent raises the same
class again (`from_event`), so that a caller sees one tree whichever process failed.
"""

from __future__ import annotations

import errno
from typing import Any, ClassVar


class SplatError(Exception):
    """A failure with one clear sentence for the person who sent the photos.

    Args:
        message: one sentence that names the photo or field at fault.
        hint: what to do about it, one sentence, or "".
        stage: which room of the house failed; each class has its own, machine errors are told.

    Attributes:
        rejected: photos of the job that had been left out by then, as {"index", "reason"} and perhaps "name".
    """

    code: ClassVar[str] = "internal_error"
    default_stage: ClassVar[str] = "pipeline"

    def __init__(self, message: str, *, hint: str = "", stage: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.stage = stage or self.default_stage
        self.rejected: list[dict[str, Any]] = []

    def to_event(self) -> dict[str, str]:
        """The error as a JSON-serialisable event."""
        return {
            "event": "error",
            "code": self.code,
            "stage": self.stage,
            "message": self.message,
            "hint": self.hint,
        }


class InputError(SplatError):
    """The job itself is at fault."""

    code = "invalid_job"
    default_stage = "input"


class InvalidJob(InputError):
    """A field of the job is missing, of the wrong type, or unknown."""

    code = "invalid_job"


class UnknownParam(InputError):
    """A training parameter that nobody knows."""

    code = "unknown_param"


class InvalidParam(InputError):
    """A training parameter out of its range or of the wrong type."""

    code = "invalid_param"


class PhotoError(SplatError):
    """The photos could not be fetched or decoded."""

    code = "no_photos"
    default_stage = "photos"


class NoPhotos(PhotoError):
    """Nothing that could be a photo was given."""

    code = "no_photos"


class TooFewPhotos(PhotoError):
    """Fewer photos than a reconstruction needs could be decoded."""

    code = "too_few_photos"


class InvalidMasks(PhotoError):
    """No mask is of any use: all are of other photos, or hide everything."""

    code = "invalid_masks"


class VideoError(SplatError):
    """No photos could be made of a video."""

    code = "video_damaged"
    default_stage = "frames"


class NoVideo(VideoError):
    """The file holds no moving pictures, or none that are read here."""

    code = "no_video"


class VideoNotSupported(VideoError):
    """The video is of a codec, or of a kind of colours, that is not read."""

    code = "video_not_supported"


class VideoEncrypted(VideoError):
    """The video is protected, and there is no key."""

    code = "video_encrypted"


class VideoDamaged(VideoError):
    """The video is truncated, or not what its header says."""

    code = "video_damaged"


class VideoTooLong(VideoError):
    """The video has more minutes than are read."""

    code = "video_too_long"


class VideoTooLarge(VideoError):
    """The video has more pixels or bytes than it may have, or takes more memory or time to read."""

    code = "video_too_large"


class VideoTooShort(VideoError):
    """The video has only a handful of frames."""

    code = "video_too_short"


class VideoTooStill(VideoError):
    """The picture of the video hardly moves."""

    code = "video_too_still"


class VideoLeftOver(VideoError):
    """There is no room for frames of the video beside the photos and the other videos."""

    code = "video_left_over"


class ReconstructionError(SplatError):
    """COLMAP found no cameras that deserve the name."""

    code = "no_reconstruction"
    default_stage = "sfm"


class NoFeatures(ReconstructionError):
    """The photos are blank or too blurred to find anything in them again."""

    code = "no_features"


class NoOverlap(ReconstructionError):
    """No three photos show the same thing."""

    code = "no_overlap"


class NoReconstruction(ReconstructionError):
    """Some photos match, but no consistent set of cameras explains them."""

    code = "no_reconstruction"


class TrainingError(SplatError):
    """The splat could not be trained."""

    default_stage = "train"


class InvalidScene(TrainingError):
    """The scene folder is missing, broken or empty."""

    code = "invalid_scene"


class TrainingDiverged(TrainingError):
    """The loss is not a number any more."""

    code = "training_diverged"


class TrainerMissing(TrainingError):
    """The trainer asked for is not installed here."""

    code = "trainer_missing"


class NoSingleSubject(SplatError):
    """The photos show no one thing that could be cut from what is around it."""

    code = "no_single_subject"
    default_stage = "object"


class SegmentationMissing(SplatError):
    """The segmentation network was asked for, and is not installed."""

    code = "segmentation_missing"
    default_stage = "object"


class DeliveryError(SplatError):
    """The result could not be handed over."""

    code = "upload_failed"
    default_stage = "deliver"


class UploadRefused(DeliveryError):
    """The store refused the upload for good: trying again cannot help."""

    code = "upload_refused"


class UploadFailed(DeliveryError):
    """Every try of the upload ended in a fault of the server or the network."""

    code = "upload_failed"


class MachineError(SplatError):
    """The machine, not the job, is at fault."""

    worker_is_broken: ClassVar[bool] = False
    """Whether the next job on this worker would most probably fail too."""


class DiskFull(MachineError):
    """No space is left where the workspace lives."""

    code = "disk_full"


class NoWorkspace(MachineError):
    """There is no folder to work in, or it may not be written."""

    code = "no_workspace"


class OutOfMemory(MachineError):
    """The machine or its GPU has too little memory for this job."""

    code = "out_of_memory"


class GpuFailed(MachineError):
    """The GPU or its driver gave up: no job can succeed on this worker any more."""

    code = "gpu_failed"
    worker_is_broken = True


class NoDriver(GpuFailed):
    """No NVIDIA driver is installed, or this process cannot see it."""

    code = "no_driver"


class DriverTooOld(GpuFailed):
    """The NVIDIA driver is older than our kernels can do with, or than the GPU needs."""

    code = "driver_too_old"


class NoGpu(GpuFailed):
    """There is an NVIDIA driver, and it shows no GPU."""

    code = "no_gpu"


class GpuTooOld(GpuFailed):
    """The GPU is older than all that our kernels are compiled for."""

    code = "gpu_too_old"


class GpuUnsupported(GpuFailed):
    """There are no kernels for the GPU in this installation."""

    code = "gpu_unsupported"


class TorchMissing(GpuUnsupported):
    """Torch, which was asked for or by which several processes train together, is not installed."""

    code = "torch_missing"


class StageCrashed(MachineError):
    """A stage's process died without saying why."""

    code = "stage_crashed"


class DeadlineExceeded(MachineError):
    """The job's time is used up."""

    code = "deadline_exceeded"


class Cancelled(MachineError):
    """Somebody asked for the job to be stopped."""

    code = "cancelled"


def _family(cls: type[SplatError]) -> list[type[SplatError]]:
    return [cls, *(leaf for child in cls.__subclasses__() for leaf in _family(child))]


def from_event(event: dict[str, Any]) -> SplatError:
    """The error that a child sent as an event; the most derived class with its code."""
    by_code = {cls.code: cls for cls in _family(SplatError) if "code" in vars(cls)}
    cls = by_code.get(str(event.get("code")), SplatError)
    return cls(
        str(event.get("message", "")), hint=str(event.get("hint", "")), stage=str(event.get("stage", "")) or None
    )


_LONGEST_SHOWN = 100
"""Letters of a path that no file can have."""


def from_os_error(error: OSError, stage: str) -> SplatError:
    """The clear sentence for an operating-system error that a stage met."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("The disk is full.", hint="Free some space, or give the workspace a larger disk.", stage=stage)
    if error.errno == errno.ENOMEM:
        return OutOfMemory(
            "The machine has too little memory.", hint="Use a larger machine or fewer, smaller photos.", stage=stage
        )
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        shown = str(error.filename)[:_LONGEST_SHOWN]
        words = "is too long" if error.errno == errno.ENAMETOOLONG else "leads back to itself"
        return InvalidJob(f"The path '{shown}' {words}.", hint="Give another path.", stage=stage)
    name = f" ({error.filename})" if error.filename else ""
    return SplatError(f"{error.strerror or error}{name}", stage=stage)
