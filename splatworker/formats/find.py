"""What a path that a person gives stands for: the splat in it, the scene in it, the model folder in it.

The folder that `splatworker run` writes holds all three, and every command takes it:

OUT/splat.ply      OUT/scene/      OUT/model/
"""

from __future__ import annotations

from pathlib import Path

from splatworker.errors import InvalidScene
from splatworker.formats import transforms
from splatworker.formats.folder_kinds import OBJECT_IN_OUT
from splatworker.formats.model_folder import find_splat as find_splat_of_model
from splatworker.formats.presence import is_there

SPLAT_IN_OUT = "splat.ply"
SCENE_IN_OUT = "scene"
MODEL_IN_OUT = "model"

SOG_FOLDER = "meta.json"
"""What an unbundled SOG is known by."""


def find_splat(path: Path) -> Path:
    """The file of the splat that `path` means.

    A file means itself (of whatever format); a folder its splat.ply as `run` leaves it, its latest iteration as a
    trainer does, or its meta.json, which an unbundled SOG has.

    Raises:
        InvalidScene: there is none.
    """
    if not is_there(path):
        raise InvalidScene(f"{path} is not there: it is neither a PLY nor a model folder, nor any other splat.")
    if path.is_dir():
        for name in (SPLAT_IN_OUT, SOG_FOLDER):
            if (path / name).is_file():
                return path / name
        if (path / "lod-meta.json").is_file():
            raise InvalidScene(
                f"{path} is a streamed SOG, which is not read.", hint="Turn it into a PLY with splat-transform first."
            )
    return find_splat_of_model(find_model(path))


def find_splat_of_scene(path: Path) -> Path:
    """The file of the splat that stands as the scene in `path` does: as `find_splat`, but never an object alone.

    An object that `run` has cut out has a frame of its own, which object.json beside it tells; the whole scene's splat
    is in the model folder.
    """
    if is_there(path) and path.is_dir() and (path / OBJECT_IN_OUT).is_file() and (path / MODEL_IN_OUT).is_dir():
        return find_splat_of_model(path / MODEL_IN_OUT)
    return find_splat(path)


def find_model(path: Path) -> Path:
    """The model folder that `path` means: that in a folder of `run`, or itself."""
    inside = path / MODEL_IN_OUT
    return inside if inside.is_dir() and not (path / "point_cloud").is_dir() else path


def find_scene(path: Path) -> Path:
    """The scene folder that `path` means: that in a folder of `run`, or itself.

    Raises:
        InvalidScene: there is no such folder.
    """
    if not (is_there(path) and path.is_dir()):
        raise InvalidScene(f"The scene folder {path} does not exist.")
    inside = path / SCENE_IN_OUT
    return inside if inside.is_dir() and not holds_scene(path) else path


def holds_scene(path: Path) -> bool:
    """Whether a folder looks like a scene: of COLMAP or of transforms.json."""
    if (path / "sparse").is_dir():
        return True
    return any((path / name).is_file() for name in ("cameras.bin", "cameras.txt", *transforms.FILES))
