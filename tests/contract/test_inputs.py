"""Every kind of input as jobs of the product: masks, transparent photos, panoramas, videos, all of them mixed, and the
object alone; and what is wrong with each, by its code.

Everything between the queue and the product's route is real, and so is all that looks at the files. One worker, with an
instant trainer that makes a ball, does the jobs that are quick; another one, with the real stages, those that are slow.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import clips, container_bombs, photo_sets
from support.caller import Caller
from support.inputs import HEIGHT, WIDTH, as_png, mask, sphere, with_alpha
from support.jobs import write_photos
from support.platform_server import Platform
from support.s3 import Store
from support.waiting import PATIENCE_S

_numbers = itertools.count()


class Product:
    """The caller, its store and its endpoint, with one worker.

    Attributes:
        folder: for files that are made once.
    """

    def __init__(self, folder: Path, store: Store, caller: Caller, platform: Platform) -> None:
        self.folder, self.store, self.caller, self.platform = folder, store, caller, platform

    def url(self, content: bytes | Path, name: str = "file") -> str:
        """Where something can be fetched."""
        key = f"{next(_numbers)}/{content.name if isinstance(content, Path) else name}"
        self.store.objects[key] = content.read_bytes() if isinstance(content, Path) else content
        return self.store.presign("GET", key)

    def urls(self, contents: list[Any]) -> list[str]:
        return [self.url(content) for content in contents]

    def do(self, seconds: float = PATIENCE_S, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Order a job with these fields; its answer, and the one message that the product heard of it."""
        job = f"inputs-{next(_numbers)}"
        told = self.caller.order(job, "preview", []) | fields
        self.platform.submit(job, told)
        (result,) = self.platform.wait_for(job, seconds=seconds)
        (message,) = self.caller.heard(job)
        assert (message["job_id"], message["project_id"]) == (job, told["project_id"])
        answer: dict[str, Any] = result["output"] | {"error": result.get("error")}
        splat = self.store.objects.get(f"models/project-of-{job}.ply")
        if answer["status"] == "success":
            assert splat is not None
            assert splat.startswith(b"ply\n")
            assert len(splat) == answer["file_size"] == message["file_size"]
            assert (message["status"], message["model_url"]) == ("completed", answer["model_url"])
        else:
            assert splat is None  # nothing half made is delivered
            assert (message["status"], message["code"]) == ("failed", answer["code"])
            assert message["error"] == answer["error"]
            assert answer["hint"]
        return answer, message


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """With instant cameras and a trainer that makes a ball."""
    yield from _product(tmp_path_factory.mktemp("inputs"), 'train=tune:stand_in_stages:SPLAT="ball"')


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """With the real stages, on processors."""
    yield from _product(tmp_path_factory.mktemp("inputs"), real_stages="yes", CUDA_VISIBLE_DEVICES="")


def _product(folder: Path, *faults: str, **environment: str) -> Iterator[Product]:
    workspaces = folder / "workspaces"
    workspaces.mkdir()
    with Store() as store, Caller(store) as caller, Platform() as platform:
        rule = f"{store.url}/splats/ https://pub.example/"
        platform.start_worker(
            "w1", *faults, SPLATWORKER_PUBLIC_URL=rule, SPLATWORKER_WORKSPACE=str(workspaces), **environment
        )
        yield Product(folder, store, caller, platform)
        assert list(workspaces.iterdir()) == []


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_photos(tmp_path_factory.mktemp("photos"), size=(WIDTH, HEIGHT))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds and a half of a pan."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "walk.mp4", clips.pan(range(0, 150, 3), (WIDTH, HEIGHT)))


@pytest.mark.parametrize("mode", [{"mask_mode": "cutout"}, {"invert_masks": True}])
def test_masks(product: Product, photos: list[Path], mode: dict[str, Any]) -> None:
    """Of two photos none, of one in another size: scaled, and said."""
    masks = [*product.urls([mask()] * 3), product.url(mask(width=2 * WIDTH, height=2 * HEIGHT)), None, None]
    answer, _ = product.do(image_urls=product.urls(photos), mask_urls=masks, **mode)
    assert answer["status"] == "success", answer
    assert answer["photos"] == {"given": 6, "used": 6, "registered": 6, "rejected": [], "masked": 4}
    assert any(f"{2 * WIDTH}x{2 * HEIGHT}" in warning for warning in answer["warnings"])


def test_transparent_photos(product: Product, photos: list[Path]) -> None:
    answer, _ = product.do(image_urls=product.urls([with_alpha(photo) for photo in photos]))
    assert answer["status"] == "success", answer
    assert answer["photos"] == {"given": 6, "used": 6, "registered": 6, "rejected": [], "masked": 6}


def test_photos_and_a_video_and_masks(product: Product, photos: list[Path], clip: Path) -> None:
    answer, _ = product.do(
        image_urls=product.urls([*photos[:2], with_alpha(photos[2])]),
        mask_urls=[product.url(mask()), None, None],
        video_url=product.url(clip),
        video={"frames": 9},
    )
    assert answer["status"] == "success", answer
    assert answer["photos"] == {"given": 12, "used": 12, "registered": 12, "rejected": [], "masked": 2}
    assert [(video["name"], video["frames"]) for video in answer["videos"]] == [("walk.mp4", 9)]


def test_the_object_alone(product: Product, photos: list[Path]) -> None:
    answer, _ = product.do(image_urls=product.urls(photos), subject="object")
    assert answer["status"] == "success", answer
    told = answer["subject"]
    assert told["delivered"] == "object"
    assert 0 < answer["gaussians"] <= told["gaussians_of_scene"] == 600
    assert len(told["size"]) == 3


def test_what_cannot_be_used_beside_what_can_is_left_out_by_name(
    product: Product, photos: list[Path], clip: Path, tmp_path: Path
) -> None:
    """One of each kind: a mask of another shape, one that hides all, one that is none, one that is missing, a photo
    that shows nothing, a panorama of another projection, two circles, a video of two frames, and one whose container is
    a trap.
    """
    more = write_photos(tmp_path / "more", 8, (WIDTH, HEIGHT), seed=1)
    trap = tmp_path / "trap.mp4"
    container_bombs.nested(b"moov", 100_000)(trap, b"")
    cube = sphere(0, tmp_path)
    cube.write_bytes(cube.read_bytes().replace(b"equirectangular", b"cylindrical____"))
    given: list[tuple[Any, Any, str]] = [
        (more[0], mask(width=HEIGHT), "another shape"),
        (more[1], mask(keep=0), "hides all of it"),
        (more[2], b"<html>expired</html>", "cannot be read as a picture"),
        (more[3], None, "its mask is missing"),
        (with_alpha(more[4], opaque=0), mask(), "wholly transparent"),
        (cube, mask(), "not equirectangular"),
        (two_circles(), mask(), "two fisheye circles"),
    ]
    masks = [mask_url(product, content) for _, content, _ in given]
    answer, _ = product.do(
        image_urls=product.urls([*photos, *(photo for photo, _, _ in given)]),
        mask_urls=[None] * len(photos) + masks,
        video_url=product.url(clips.write_clip(tmp_path / "two.mp4", clips.pan([0, 9], (WIDTH, HEIGHT)))),
        video_urls=[product.url(trap)],
    )
    assert answer["status"] == "success", answer
    reasons = {photo["index"] - len(photos): photo["reason"] for photo in answer["photos"]["rejected"]}
    assert sorted(reasons) == list(range(len(given)))
    for number, (_, _, words) in enumerate(given):
        assert words in reasons[number], (number, reasons[number])
    assert (answer["photos"]["given"], answer["photos"]["used"]) == (len(photos) + len(given), len(photos))
    assert [(video["code"], video["frames"]) for video in answer["videos"]] == [
        ("video_too_short", 0),
        ("video_damaged", 0),
    ]


def mask_url(product: Product, content: bytes | None) -> str:
    return product.url(content) if content is not None else product.store.presign("GET", "none.png")


def two_circles(side: int = 256) -> bytes:
    """As a camera with two fisheyes stores what it sees."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    circle = np.where(np.hypot(x, y) < 0.5, np.random.default_rng(0).integers(60, 255, (side, side)), 0)
    return as_png(np.hstack([circle, circle[:, ::-1]]).astype(np.uint8))


BAD_MASKS: dict[str, tuple[Callable[[], list[Any]], str, str]] = {
    "for other photos": (lambda: [mask(width=HEIGHT)] * 6, "invalid_masks", "another shape"),
    "all black": (lambda: [mask(keep=0)] * 6, "invalid_masks", "hides all of it"),
    "no pictures": (lambda: [b"nothing"] * 6, "invalid_masks", "cannot be read as a picture"),
    "too many": (lambda: [mask()] * 7, "invalid_job", "mask_urls"),
    "too few": (lambda: [mask()] * 5, "invalid_job", "mask_urls"),
}


@pytest.mark.parametrize("kind", BAD_MASKS)
def test_masks_of_no_use(product: Product, photos: list[Path], kind: str) -> None:
    make, code, words = BAD_MASKS[kind]
    answer, _ = product.do(image_urls=product.urls(photos), mask_urls=product.urls(make()))
    assert (answer["status"], answer["code"]) == ("error", code)
    assert words in answer["error"]


def test_photos_in_which_nothing_is_left(product: Product, photos: list[Path]) -> None:
    answer, _ = product.do(image_urls=product.urls([with_alpha(photo, opaque=0) for photo in photos]))
    assert (answer["status"], answer["code"]) == ("error", "no_photos")
    assert "transparent" in answer["error"]


def test_panoramas_of_no_use(product: Product, tmp_path: Path) -> None:
    """Cropped after their header was written, of another projection, and as the camera stores them."""
    spheres = [sphere(number, tmp_path) for number in range(6)]
    for path in spheres[:2]:
        with Image.open(path) as image:
            xmp = image.info["xmp"]
            image.crop((0, 0, 300, 256)).save(path, xmp=xmp)
    for path in spheres[2:5]:
        path.write_bytes(path.read_bytes().replace(b"equirectangular", b"cylindrical____"))
    spheres[5].write_bytes(two_circles())
    answer, _ = product.do(image_urls=product.urls(spheres))
    assert (answer["status"], answer["code"]) == ("error", "no_photos")
    reasons = [photo["reason"] for photo in answer["photos"]["rejected"]]
    assert ["was it cropped later?" in reason for reason in reasons] == [True] * 2 + [False] * 4
    assert ["not equirectangular" in reason for reason in reasons] == [False] * 2 + [True] * 3 + [False]
    assert "two fisheye circles" in reasons[5]


def cut_short(clip: Path) -> bytes:
    """Without its end, where telephones write the index."""
    return clip.read_bytes()[:-2000]


def with_a_lying_header(clip: Path) -> bytes:
    """One that counts four thousand million frames."""
    content = bytearray(clip.read_bytes())
    sizes = content.index(b"stsz")
    content[sizes + 12 : sizes + 16] = b"\xff\xff\xff\xf0"
    return bytes(content)


def sound(clip: Path) -> bytes:
    folder = clip.parent
    return clips.made_by(folder, "sound.m4a", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac").read_bytes()


def of_two_frames(clip: Path) -> bytes:
    return clips.write_clip(clip.with_name("two.mp4"), clips.pan([0, 9], (WIDTH, HEIGHT))).read_bytes()


def that_stands_still(clip: Path) -> bytes:
    return clips.write_clip(clip.with_name("still.mp4"), clips.pan([5] * 30, (WIDTH, HEIGHT))).read_bytes()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (cut_short, "video_damaged"),
        (with_a_lying_header, "video_damaged"),
        (sound, "no_video"),
        (of_two_frames, "video_too_short"),
        (that_stands_still, "video_too_still"),
    ],
)
def test_videos_of_no_use(product: Product, clip: Path, make: Callable[[Path], bytes], code: str) -> None:
    answer, _ = product.do(video_url=product.url(make(clip), "my-clip.mp4"))
    assert (answer["status"], answer["code"], answer["stage"]) == ("error", code, "frames")
    assert "'my-clip.mp4'" in answer["error"]


def room(folder: Path, count: int = 8) -> list[Path]:
    """Small photos of a room, from an arc."""
    folder.mkdir()
    rays = photo_sets.pinhole_rays(320, 240, 280.0)
    paths = [folder / f"{number}.jpg" for number in range(count)]
    for path, pose in zip(paths, photo_sets.arc(count, 40), strict=True):
        photo_sets.save(photo_sets.photograph(photo_sets.room(), pose, rays), path)
    return paths


REAL = {"params": {"iterations": 60, "eval": True}, "preview": False}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["ignore", "cutout"])
def test_masks_by_the_real_stages(real: Product, tmp_path: Path, mode: str) -> None:
    masks = real.urls([mask(0.8, 320, 240)] * 8)
    quality = real.store.presign("PUT", f"{mode}.json")
    answer, _ = real.do(
        600,
        image_urls=real.urls(room(tmp_path / "room")),
        mask_urls=masks,
        mask_mode=mode,
        outputs={"quality": quality},
        **REAL,
    )
    assert answer["status"] == "success", answer
    assert answer["photos"] == {"given": 8, "used": 8, "registered": 8, "rejected": [], "masked": 8}
    assert answer["quality"]["held_out_photos"] == 1
    assert json.loads(real.store.objects[f"{mode}.json"])["photos"]["registered"] == 8


@pytest.mark.slow
def test_transparent_photos_by_the_real_stages(real: Product, tmp_path: Path) -> None:
    photos = [with_alpha(photo, 0.8) for photo in room(tmp_path / "room")]
    answer, _ = real.do(600, image_urls=real.urls(photos), **REAL)
    assert answer["status"] == "success", answer
    assert answer["photos"] == {"given": 8, "used": 8, "registered": 8, "rejected": [], "masked": 8}


@pytest.mark.slow
def test_panoramas_photos_and_a_video_by_the_real_stages(real: Product, tmp_path: Path) -> None:
    """One hall, seen by a panorama camera, by photos of which one has a mask, and by a video."""
    spheres = [sphere(number, tmp_path, 1200) for number in range(6)]
    rays = photo_sets.pinhole_rays(320, 240, 280.0)
    poses = photo_sets.arc(36, 40, radius=2.0)
    frames = [photo_sets.photograph(photo_sets.hall(), pose, rays) for pose in poses[::3]]
    photos = [tmp_path / f"{number}.jpg" for number in range(4)]
    for path, frame in zip(photos, frames[::3], strict=True):
        photo_sets.save(frame, path)
    moving = clips.write_clip(tmp_path / "walk.mp4", frames, ["-crf", "12", "-g", "3"], rate=10)
    answer, _ = real.do(
        900,
        image_urls=real.urls([*spheres, *photos]),
        mask_urls=[None] * 6 + [real.url(mask(0.8, 320, 240))] + [None] * 3,
        video_url=real.url(moving),
        **REAL,
    )
    assert answer["status"] == "success", answer
    counted = answer["photos"]
    frames_taken = answer["videos"][0]["frames"]
    assert frames_taken >= 5
    assert (counted["given"], counted["panoramas"], counted["views"]) == (10 + frames_taken, 6, 36)
    assert counted["registered"] >= counted["given"] - 2
    assert counted["masked"] == 1


@pytest.mark.slow
def test_fisheyes_by_the_real_stages(real: Product, tmp_path: Path) -> None:
    """Of each photo several pictures are trained on; photos are counted as photos."""
    rays = photo_sets.fisheye_rays(480, 360, 190.0, -0.02)
    photos = []
    for number, angle in enumerate(np.radians(np.linspace(-50, 50, 9))):
        center = np.array([1.2 * np.sin(angle), 1.2 + 0.3 * (number % 2), 0.9 + 0.6 * np.cos(angle)])
        pose = photo_sets.look_at(center, np.array([0.3 * np.sin(3 * number), 0.9, -1.2]), roll=0.05 * np.sin(number))
        photos.append(tmp_path / f"{number}.jpg")
        photo_sets.save(photo_sets.photograph(photo_sets.hall(), pose, rays), photos[-1])
    quality = real.store.presign("PUT", "fisheyes.json")
    answer, _ = real.do(900, image_urls=real.urls(photos), outputs={"quality": quality}, **REAL)
    assert answer["status"] == "success", answer
    assert answer["photos"] == {"given": 9, "used": 9, "registered": 9, "rejected": []}
    assert any("beside it in pictures of their own" in warning for warning in answer["warnings"])
    assert answer["quality"]["held_out_photos"] > 2  # of more than twice as many pictures as photos
    told = json.loads(real.store.objects["fisheyes.json"])["photos"]
    assert {name: told[name] for name in ("given", "used", "registered")} == {"given": 9, "used": 9, "registered": 9}


@pytest.mark.slow
def test_the_object_alone_by_the_real_stages(real: Product) -> None:
    """The example photos show a cluttered desk: no single thing. The scene arrives, and the answer says why."""
    photos = sorted(clips.EXAMPLES.glob("*.jpg"))[:12]
    answer, _ = real.do(900, image_urls=real.urls(photos), subject="object", **REAL)
    assert answer["status"] == "success", answer
    assert (answer["subject"]["delivered"], answer["subject"]["code"]) == ("scene", "no_single_subject")
    assert any("The whole scene is delivered." in warning for warning in answer["warnings"])
