"""Photos of rooms that nobody has photographed: three, rendered as people walk through them, for bench/few_photos.py.

    pip install bpy==5.0.1 pillow numpy                     # Python 3.11
    python examples/make_rooms.py FOLDER [across corner bare] [--photos 32] [--scale 0.6]
    splatworker sfm FOLDER/across -o SCENES/across          # likewise the others

The room is the one around the desk of the example photos (desk_scene/), painted and furnished by other random numbers.
`across` is walked along its walls, looking over to the other side; `corner` is looked at from one side, in two rows;
`bare` is walked as `across` is, its walls are plain, without pictures, and each photo has an exposure of its own.
Twenty seconds a photo on two processors.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy
import make_photos
import numpy as np
from desk_scene.meshes import aim, material
from mathutils import Matrix, Vector
from PIL import Image

EYES = (1.25, 1.6)
"""Metres above the floor: of who sits and of who stands."""

EXPOSURES = 0.3
"""Stops that automatic exposures differ by: the standard deviation."""

PAINT = (214, 206, 190)

QUALITY = 92


@dataclass(frozen=True)
class Room:
    """A room and a walk through it.

    Attributes:
        seed: of all that is random in it.
        walk: of the number of photos, from where to where each looks.
        bare: its walls are painted, and nothing hangs there.
        automatic: exposures differ from photo to photo.
    """

    seed: int
    walk: Callable[[int], Iterator[tuple[Vector, Vector]]]
    bare: bool = False
    automatic: bool = False


def across(photos: int) -> Iterator[tuple[Vector, Vector]]:
    """Once around the room along its walls, looking past the middle to the other side."""
    for number in range(photos):
        angle = math.tau * number / photos
        eye = Vector((1.5 * math.cos(angle), -0.25 + 1.4 * math.sin(angle), EYES[number % 2]))
        far = angle + math.pi + 0.35 * math.sin(2.3 * number)
        yield eye, Vector((1.3 * math.cos(far), -0.25 + 1.3 * math.sin(far), 0.85 + 0.2 * math.cos(1.7 * number)))


def corner(photos: int) -> Iterator[tuple[Vector, Vector]]:
    """Along an arc before the corner with the bookcase, there sitting and back standing."""
    there = (photos + 1) // 2
    for number in range(photos):
        share = number / max(1, there - 1) if number < there else (photos - 1 - number) / max(1, photos - there - 1)
        angle = math.radians(-110 + 130 * share)
        eye = Vector((1.45 * math.cos(angle), -0.2 + 1.55 * math.sin(angle), EYES[number >= there]))
        yield eye, Vector((-1.2, 0.7, 0.8 + 0.15 * math.sin(1.9 * number)))


ROOMS = {
    "across": Room(20241, across),
    "corner": Room(20242, corner),
    "bare": Room(20243, across, bare=True, automatic=True),
}


def main() -> None:
    """Render the rooms that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"{', '.join(ROOMS)}; by default all of them")
    parser.add_argument("--photos", type=int, default=32, help="of each")
    parser.add_argument("--scale", type=float, default=0.6, help="of the photos' size, 1 is 1200x900")
    given = parser.parse_args()
    if unknown := set(given.rooms) - set(ROOMS):
        parser.error(f"there is no room {', '.join(sorted(unknown))}")
    for name in given.rooms or ROOMS:
        photograph(ROOMS[name], given.folder / name, given.photos, given.scale)


def photograph(room: Room, folder: Path, photos: int, scale: float) -> None:
    """Build a room, and write the photos of it that are not in the folder yet."""
    make_photos.build_scene(room.seed)
    if room.bare:
        strip()
    make_photos.set_up_renderer(make_photos.SAMPLES, scale, room.seed)
    folder.mkdir(parents=True, exist_ok=True)
    scene = bpy.context.scene
    with tempfile.TemporaryDirectory() as scratch:
        scene.render.filepath = str(Path(scratch) / "frame.png")
        for number, (eye, target) in enumerate(room.walk(photos)):
            path = folder / f"{number + 1:03d}.jpg"
            if path.exists():
                continue
            random = np.random.default_rng((room.seed, number))
            scene.camera.matrix_world = held_by_hand(eye, target, random)
            stops = EXPOSURES * random.standard_normal() if room.automatic else 0.0
            scene.view_settings.exposure = make_photos.EXPOSURE + stops
            bpy.ops.render.render(write_still=True)
            with Image.open(scene.render.filepath) as frame:
                frame.convert("RGB").save(path, quality=QUALITY, exif=make_photos.exif(number))
            print(path, flush=True)


def held_by_hand(eye: Vector, target: Vector, random: np.random.Generator) -> Matrix:
    """The camera, some centimetres and degrees off."""
    place, towards = eye + Vector(0.03 * random.standard_normal(3)), target + Vector(0.05 * random.standard_normal(3))
    return aim(place, towards, 1.5 * random.standard_normal())


def strip() -> None:
    """Paint the walls in one colour, and take down what hangs there."""
    paint = material(PAINT, (0.6, 0.9), 0.2)
    for thing in list(bpy.data.objects):
        kind = thing.name.partition(".")[0]
        if kind in ("print", "frame"):
            bpy.data.objects.remove(thing)
        elif kind == "wall":
            thing.data.materials.clear()
            thing.data.materials.append(paint)


if __name__ == "__main__":
    main()
