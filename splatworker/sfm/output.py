"""Where the scene goes: looked at before any work, and filled when all is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from splatworker.errors import from_os_error
from splatworker.formats import filling, ownership
from splatworker.formats.folder_kinds import SCENE
from splatworker.stages.workspace import private_workspace

OVERWRITE_HINT = "Or add --overwrite: then it stays, and the scene that splatworker made is replaced."


@contextmanager
def scene_to_write(scene: Path, images: Path, *, beside: bool = False) -> Iterator[Path]:
    """A folder whose files go into `scene` when the block ends well, and that is removed when it does not.

    An older scene of ours there is replaced then. The folder lies on the same disk, in `scene` where that is there.

    Args:
        images: the photos, which are never written to.
        beside: whether other things may be in `scene`, where no part of a scene is written.

    Raises:
        InvalidJob, DiskFull: `scene` cannot be filled, or holds what is not ours.
        SplatError: the system refused.
    """
    ownership.demand_usable(scene, "-o", "sfm")
    ownership.demand_apart(scene, images, "-o", "sfm")
    ownership.demand_free(scene, SCENE, "-o", "sfm", beside=beside, hint="" if beside else OVERWRITE_HINT)
    place = scene.absolute() if scene.is_dir() else scene.absolute().parent
    with filling.folder_to_fill(place, "sfm"), private_workspace(place, in_output=True) as workspace:
        part = workspace / "scene"
        try:
            part.mkdir()
            yield part
            filling.fill(scene, part, SCENE, "sfm")
        except OSError as error:
            raise from_os_error(error, "sfm") from error
