"""Make the example photographs: a cluttered desk, rendered with Blender's Cycles on the CPU.

Everything in the scene is modelled and painted by this script and the ``desk_scene`` package
next to it; the seed is fixed, so the same scene comes out every time.

    pip install bpy==5.0.1 pillow numpy        # Python 3.11; only needed to make the photos again
    python examples/make_photos.py             # writes examples/photos/ and examples/ground_truth.json

For a quick look:

    python examples/make_photos.py --output /tmp/look --scale 0.4 --samples 12 --only 4
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from desk_scene import cameras, desk, room
from mathutils import Matrix, Vector
from PIL import ExifTags, Image

SEED = 20240607
SAMPLES = 8  # with the denoiser that is enough in this soft light
EXPOSURE = 0.35
LOOK = "AgX - Medium High Contrast"
PHOTO_BYTES = 236_000  # aimed at for each photo; all of them together stay below 8 MB
QUALITY_RANGE = (78, 95)
FIRST_TAKEN = datetime(2024, 6, 7, 10, 12, 8)
SENSOR_MM = 17.3  # the width of the imagined camera's sensor, for the EXIF focal length


def build_scene(seed: int = SEED) -> list[Matrix]:
    """Model the scene that the seed makes, and return the cameras' world matrices."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rng = np.random.default_rng(seed)
    desk.build(rng)
    room.build(rng)
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit = "HORIZONTAL"
    lens.sensor_width, lens.lens = cameras.SENSOR_WIDTH_MM, cameras.FOCAL_35MM
    lens.clip_start = 0.01
    camera = bpy.data.objects.new("camera", lens)
    scene = bpy.context.scene
    scene.collection.objects.link(camera)
    scene.camera = camera
    return cameras.poses(np.random.default_rng(seed + 1))


def set_up_renderer(samples: int, scale: float, seed: int = SEED) -> None:
    """Cycles on the CPU with a denoiser and a film-like tone curve."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = round(cameras.WIDTH * scale)
    scene.render.resolution_y = round(cameras.HEIGHT * scale)
    scene.render.resolution_percentage = 100
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "PNG"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.seed = seed
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.02
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    scene.cycles.use_light_tree = False  # two lamps and a sky gain nothing from it
    scene.cycles.max_bounces = 4
    scene.cycles.diffuse_bounces = 3
    scene.cycles.glossy_bounces = 2
    scene.cycles.blur_glossy = 0.6
    scene.cycles.sample_clamp_indirect = 4.0
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = LOOK
    scene.view_settings.exposure = EXPOSURE


def exif(index: int) -> Image.Exif:
    """What a camera would have noted; the focal length is the true one of the render."""
    tags = Image.Exif()
    taken = (FIRST_TAKEN + timedelta(seconds=index * 4 + index % 3)).strftime("%Y:%m:%d %H:%M:%S")
    tags[ExifTags.Base.Make] = "Rendered"
    tags[ExifTags.Base.Model] = "Cycles pinhole"
    tags[ExifTags.Base.Orientation] = 1
    tags[ExifTags.Base.DateTime] = taken
    details = tags.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.ExposureTime] = (1, 80)
    details[ExifTags.Base.FNumber] = (8, 1)
    details[ExifTags.Base.ISOSpeedRatings] = 400
    details[ExifTags.Base.DateTimeOriginal] = taken
    details[ExifTags.Base.FocalLength] = (
        round(cameras.FOCAL_35MM * SENSOR_MM / cameras.SENSOR_WIDTH_MM * 1000),
        1000,
    )
    details[ExifTags.Base.FocalLengthIn35mmFilm] = cameras.FOCAL_35MM
    details[ExifTags.Base.ExifImageWidth] = cameras.WIDTH
    details[ExifTags.Base.ExifImageHeight] = cameras.HEIGHT
    return tags


def save_photo(image: Image.Image, path: Path, index: int) -> None:
    """Write a JPEG at the best quality that keeps to the size aimed at."""
    worst, best = QUALITY_RANGE
    for quality in range(best, worst - 1, -1):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, subsampling="4:2:0", exif=exif(index))
        if buffer.tell() <= PHOTO_BYTES or quality == worst:
            break
    path.write_bytes(buffer.getvalue())


def check(truth: dict, worlds: list[Matrix]) -> float:
    """Largest difference in pixels between Blender's projection and that of the ground truth."""
    scene, k = bpy.context.scene, truth["intrinsics"]
    half = (desk.DESK_SIZE[0] / 2, desk.DESK_SIZE[1] / 2)
    points = [Vector((x, y, desk.DESK_TOP)) for x in (-half[0], half[0]) for y in (-half[1], half[1])]
    points += [
        Vector((0.3, -0.1, 1.0)),
        Vector((room.WEST, room.NORTH, 1.2)),
        Vector((room.EAST, room.SOUTH, 0.4)),
    ]
    worst = 0.0
    for photo, world in zip(truth["photos"].values(), worlds, strict=True):
        scene.camera.matrix_world = world
        bpy.context.view_layer.update()
        turn = np.asarray(photo["quaternion_wxyz"])
        for point in points:
            x, y, z = cameras.rotate(turn, np.asarray(point, np.float64)) + np.asarray(photo["translation"])
            seen = world_to_camera_view(scene, scene.camera, point)
            if z < 0.05 or not (0 < seen.x < 1 and 0 < seen.y < 1):
                continue
            ours = (k["fx"] * x / z + k["cx"], k["fy"] * y / z + k["cy"])
            theirs = (seen.x * k["width"], (1 - seen.y) * k["height"])
            worst = max(worst, abs(ours[0] - theirs[0]), abs(ours[1] - theirs[1]))
    return worst


def main() -> None:
    """Render the photographs that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parent
    parser.add_argument("--output", type=Path, default=here, help="folder for photos/ and ground_truth.json")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="light samples per pixel")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the photos, 1 is 1200x900")
    parser.add_argument("--only", type=int, nargs="+", help="only these photos, by number")
    options = parser.parse_args()

    worlds = build_scene()
    set_up_renderer(options.samples, options.scale)
    names = [f"IMG_{k + 1:04d}.jpg" for k in range(len(worlds))]
    truth = cameras.ground_truth(names, worlds)
    print(f"largest projection difference: {check(truth, worlds):.5f} px", flush=True)
    photos = options.output / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    (options.output / "ground_truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    scene = bpy.context.scene
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "frame.png")
        for index, (name, world) in enumerate(zip(names, worlds, strict=True)):
            if options.only and index + 1 not in options.only:
                continue
            scene.camera.matrix_world = world
            bpy.ops.render.render(write_still=True)
            with Image.open(scene.render.filepath) as frame:
                save_photo(frame.convert("RGB"), photos / name, index)
            print(name, (photos / name).stat().st_size, flush=True)


if __name__ == "__main__":
    main()
