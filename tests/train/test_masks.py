"""Masks in training: what is ignored teaches nothing, and what is cut out leaves nothing behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from support.colmap_files import ring_cameras, write_colmap
from support.gaussian_scenes import concatenate, random_gaussians
from support.scene_folders import truth

from splatworker.errors import InvalidMasks
from splatworker.formats.camera import Camera
from splatworker.formats.mask_names import MaskRules
from splatworker.formats.ply import read_ply
from splatworker.formats.scene import Photo, read_scene
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import SH_C0, GaussianTensors, Ignored, View
from splatworker.render.metrics import psnr
from splatworker.render.tensors import to_tensors
from splatworker.stages.progress import Silent
from splatworker.train.evaluate import score_views
from splatworker.train.options import Options
from splatworker.train.photos import load_views
from splatworker.train.resolution import Pyramid
from splatworker.train.silhouettes import Silhouettes
from splatworker.train.trainer import train
from splatworker.train.views import Views

CPU = torch.device("cpu")


def save(grey: npt.NDArray[np.uint8], path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(grey).save(path)
    return path


def values(tensor: torch.Tensor) -> list[int]:
    """The different numbers in a tensor."""
    return sorted(set(tensor.flatten().tolist()))


# ---------------------------------------------------------------------------------------------------------------------
# Photos and their masks as tensors


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """A grey photo of 128x128 pixels, whose right half its mask hides but for a bit."""
    save(np.full((128, 128), 200, np.uint8), tmp_path / "a.png")
    mask = np.full((128, 128), 255, np.uint8)
    mask[:, 64:] = 0
    return Photo(
        "a.png", tmp_path / "a.png", Camera(128, 128, 120.0, 120.0, 64.0, 64.0, np.eye(3, 4)),
        mask=save(mask, tmp_path / "masks" / "a.png"),
    )  # fmt: skip


def loaded(photo: Photo, tmp_path: Path, rules: MaskRules | None = None, **options: int | bool) -> Views:
    changed = Photo(photo.name, photo.path, photo.camera, mask=photo.mask, rules=rules or MaskRules())
    asked = Options(source_path=tmp_path, model_path=tmp_path, **{"resolution": 1, **options})  # type: ignore[arg-type]
    return load_views([changed], asked, CPU)


def test_ignored_pixels_are_black_and_weigh_nothing(photo: Photo, tmp_path: Path) -> None:
    (view,) = loaded(photo, tmp_path)
    assert view.ignored is not None
    assert (view.ignored.pixels != 0).float().mean() == 0.5
    assert view.ignored.weight == 2
    assert values(view.photo[:, :, :64]) == [200]
    assert values(view.photo[:, :, 64:]) == [0]
    assert loaded(photo, tmp_path).hole(0) is None


def test_a_mask_may_cut_out_and_may_be_inverted(photo: Photo, tmp_path: Path) -> None:
    views = loaded(photo, tmp_path, MaskRules("cutout", invert=True), white_background=True)
    hole = views.hole(0)
    assert hole is not None
    assert values(hole[:, :64]) == [255]
    assert values(hole[:, 64:]) == [0]
    assert views.ignored(0) is None
    assert views[0].photo[:, 5, [5, 100]].tolist() == [[255, 200]] * 3
    assert views.over(0, torch.tensor([0.2, 0.4, 1.0])).photo[:, 5, 5].tolist() == [51, 102, 255]


def test_alpha_may_be_ignored(photo: Photo, tmp_path: Path) -> None:
    rgba = np.full((128, 128, 4), 200, np.uint8)
    rgba[:, 64:, 3] = 0
    rgba[:, :64, 3] = 255
    Image.fromarray(rgba).save(photo.path)
    alone = Photo(photo.name, photo.path, photo.camera)
    views = loaded(alone, tmp_path, MaskRules("ignore"))
    ignored = views.ignored(0)
    assert views.hole(0) is None
    assert ignored is not None
    assert ignored.pixels[0].tolist() == [0] * 64 + [255] * 64


def test_a_shrunk_pixel_counts_only_where_all_of_it_does(photo: Photo, tmp_path: Path) -> None:
    assert photo.mask is not None
    mask = np.full((128, 128), 255, np.uint8)
    mask[:, 63:] = 0
    save(mask, photo.mask)
    (view,) = loaded(photo, tmp_path, resolution=2)
    assert view.ignored is not None
    assert (view.ignored.pixels[0] != 0).nonzero()[0].item() == 31  # pixels 62 and 63, of which one is hidden
    halves = Pyramid(loaded(photo, tmp_path), 10).view(0, 6)
    assert halves.ignored is not None
    assert torch.equal(halves.ignored.pixels != 0, view.ignored.pixels != 0)
    assert values(halves.photo[:, :, 31:]) == [0]


def test_a_new_background_leaves_ignored_pixels_black(photo: Photo, tmp_path: Path) -> None:
    rgba = np.full((128, 128, 4), 200, np.uint8)
    rgba[:32, :, 3] = 0
    rgba[32:, :, 3] = 255
    Image.fromarray(rgba).save(photo.path)
    over = loaded(photo, tmp_path).over(0, torch.tensor([0.2, 0.4, 1.0]))
    assert over.photo[:, 5, 5].tolist() == [51, 102, 255]
    assert values(over.photo[:, :, 64:]) == [0]
    assert over.ignored is not None


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((128, 128), np.uint8), "hides all of it"),
        (np.full((100, 128), 255, np.uint8), "is 128x100 pixels and the photo 128x128"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused_by_name(
    photo: Photo, tmp_path: Path, mask: npt.NDArray[np.uint8], said: str
) -> None:
    assert photo.mask is not None
    save(mask, photo.mask)
    with pytest.raises(InvalidMasks, match=rf"The mask of a\.png {said}"):
        loaded(photo, tmp_path)


def test_scores_are_over_what_counts() -> None:
    camera = ring_cameras(1, width=64, height=48)[0]
    gaussians, renderer = truth(), CpuRenderer()
    image = renderer.render(gaussians, camera, torch.zeros(3), 0).clamp(0, 1)
    wrong = (image * 255).round().to(torch.uint8)
    wrong[:, :, :20] = 255
    pixels = torch.zeros(48, 64, dtype=torch.uint8)
    pixels[:, :20] = 1

    def score(ignored: Ignored | None) -> tuple[float, float]:
        shown = wrong if ignored is None else wrong.masked_fill(ignored.pixels != 0, 0)
        (found,) = score_views(renderer, gaussians, ["a"], [View(camera, shown, ignored)], torch.zeros(3), 0)
        return found.psnr, found.ssim

    assert score(Ignored(pixels))[0] > 45
    assert score(Ignored(pixels))[1] > 0.999
    assert score(None)[0] < 20
    assert psnr(image, wrong, pixels) == psnr(image, wrong.masked_fill(pixels != 0, 0), pixels)


def test_what_is_ignored_says_nothing_of_silhouettes() -> None:
    cameras = ring_cameras(4, width=64, height=64)
    hole = torch.full((64, 64), 255, dtype=torch.uint8)  # nothing anywhere
    half = torch.zeros(64, 64, dtype=torch.uint8)
    photo = torch.zeros(3, 64, 64, dtype=torch.uint8)
    views = Views([View(camera, photo, Ignored(half + 1)) for camera in cameras[:3]] + [View(cameras[3], photo)], None,
                  [hole, hole, hole, None])  # fmt: skip
    middle = torch.zeros(1, 3)
    silhouettes = Silhouettes.of(cameras, views)
    assert silhouettes is not None
    assert not silhouettes.outside(middle).item()
    without = Views([View(view.camera, view.photo) for view in views], None, [hole, hole, hole, None])
    silhouettes = Silhouettes.of(cameras, without)
    assert silhouettes is not None
    assert silhouettes.outside(middle).item()


# ---------------------------------------------------------------------------------------------------------------------
# Which masks a scene has


def test_a_scene_has_the_masks_of_its_folder(tiny_scene: Path, tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    shutil.copytree(tiny_scene, scene)
    white = np.full((36, 48), 255, np.uint8)
    save(white, scene / "masks" / "photo001.png.png")
    save(white, scene / "masks" / "photo002.png")
    masks = [photo.mask for photo in read_scene(scene).photos]
    assert masks[:4] == [None, scene / "masks" / "photo001.png.png", scene / "masks" / "photo002.png", None]
    others = save(white, tmp_path / "others" / "photo003.mask.png")
    assert [photo.mask for photo in read_scene(scene, masks=others.parent).photos][:4] == [None, None, None, others]


def test_masks_of_other_photos_are_refused_or_told(tiny_scene: Path, tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    shutil.copytree(tiny_scene, scene)
    save(np.full((36, 48), 255, np.uint8), scene / "masks" / "x.png")
    assert read_scene(scene).remarks == ("The masks in masks/ are of no photo of the scene (x.png, ...).",)
    with pytest.raises(InvalidMasks, match=r"None of the 1 masks has the name of a photo of the scene \(x\.png"):
        read_scene(scene, masks=scene / "masks")
    with pytest.raises(InvalidMasks, match="There are no masks"):
        read_scene(scene, masks=tmp_path / "none")


# ---------------------------------------------------------------------------------------------------------------------
# Training


def passers_by(scene: Path) -> None:
    """Paint something red that is somewhere else in every other photo that is trained on, and mask it."""
    rng = np.random.default_rng(7)
    for path in sorted((scene / "images").iterdir()):
        number = int(path.stem.removeprefix("photo"))
        if number % 8 == 0 or number % 2:
            continue
        with Image.open(path) as image:
            pixels = np.asarray(image).copy()
        top, left = int(rng.integers(4, 14)), int(rng.integers(6, 26))
        pixels[top : top + 16, left : left + 14] = (255, 0, 0)
        mask = np.full(pixels.shape[:2], 255, np.uint8)
        mask[top : top + 16, left : left + 14] = 0
        save(pixels, path)
        save(mask, scene / "masks" / f"{path.name}.png")


def test_passers_by_are_not_learnt(tiny_scene: Path, tiny_options: Callable[..., Options], tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    shutil.copytree(tiny_scene, scene)
    passers_by(scene)
    holes = {path.name.removesuffix(".png"): path for path in (scene / "masks").iterdir()}
    renderer = CpuRenderer()

    def behind_them(name: str) -> float:
        """PSNR where somebody stands, against the photo without them."""
        options = tiny_options(source_path=scene, model_path=tmp_path / name, iterations=800)
        result = train(options, renderer, Silent())
        assert result["photos"] == {"train": 10, "test": 2} | ({"ignored_in": 4} if (scene / "masks").exists() else {})
        splat = to_tensors(read_ply(Path(result["ply"])), renderer.device)
        errors = []
        for photo in read_scene(tiny_scene).photos:
            if photo.name not in holes:
                continue
            image = renderer.render(splat, photo.camera, np.zeros(3, np.float32), 1).clip(0, 1)
            with Image.open(photo.path) as picture:
                true = np.asarray(picture).transpose(2, 0, 1) / 255
            errors.append(((image - true)[:, hole_of[photo.name]] ** 2).mean())
        return float(-10 * np.log10(np.mean(errors)))

    hole_of = {}
    for name, path in holes.items():
        with Image.open(path) as mask:
            hole_of[name] = np.asarray(mask) == 0
    masked = behind_them("masked")
    shutil.rmtree(scene / "masks")
    assert masked > behind_them("learnt") + 1  # four seeds: 2.8 to 6.2 dB; after 300 iterations, 0.8 to 1.5


def a_shell() -> GaussianTensors:
    """Something solid with a sharp outline, in many colours."""
    directions = torch.nn.functional.normalize(torch.randn(700, 3, generator=torch.Generator().manual_seed(3)), dim=1)
    means = directions * torch.tensor([0.7, 0.5, 0.9])
    shell = random_gaussians(700, 0, seed=3)
    return shell._replace(
        means=means,
        log_scales=torch.full((700, 3), -2.9),
        opacity_logits=torch.full((700,), 5.0),
        sh_dc=torch.stack([torch.sin(6 * means[:, 0]), torch.cos(5 * means[:, 2]), torch.sin(7 * means[:, 1])], dim=1),
    )


def a_room() -> GaussianTensors:
    """Large Gaussians all around."""
    room = random_gaussians(400, 0, seed=4, log_scale=-0.6, opacity_logit=4.0)
    directions = torch.nn.functional.normalize(torch.randn(400, 3, generator=torch.Generator().manual_seed(5)), dim=1)
    return room._replace(means=7 * directions)


def alpha(gaussians: GaussianTensors, camera: Camera, renderer: CpuRenderer, degree: int = 0) -> torch.Tensor:
    """(H, W) how opaque a picture of Gaussians is."""
    white, black = (renderer.render(gaussians, camera, torch.full((3,), float(c)), degree) for c in (1, 0))
    opacity: torch.Tensor = 1 - (white - black).mean(dim=0)
    return opacity


@pytest.mark.parametrize("own_alpha", [False, True], ids=["mask files", "alpha"])
def test_of_a_cutout_the_object_alone_is_left(own_alpha: bool, tmp_path: Path) -> None:
    thing, room, renderer = a_shell(), a_room(), CpuRenderer()
    both = concatenate(thing, room)
    cameras = ring_cameras(10, width=72, height=54, focal=76.0)
    names = [f"{number:02}.png" for number in range(10)]
    (tmp_path / "images").mkdir()
    for name, camera in zip(names, cameras, strict=True):
        picture = (renderer.render(both, camera, torch.zeros(3), 0).clamp(0, 1) * 255).round().to(torch.uint8)
        shown = (alpha(thing, camera, renderer) * 255).round().to(torch.uint8).numpy()
        pixels = picture.permute(1, 2, 0).numpy()
        if own_alpha:
            save(np.dstack([pixels, shown]), tmp_path / "images" / name)
        else:
            save(pixels, tmp_path / "images" / name)
            save(np.where(shown > 127, np.uint8(255), np.uint8(0)), tmp_path / "masks" / name)
    colors = (0.5 + SH_C0 * both.sh_dc).clamp(0, 1) * 255
    points = both.means[::2].numpy(), colors[::2].numpy().astype(np.uint8)
    write_colmap(tmp_path / "sparse" / "0", cameras, names, *points)
    options = Options(
        source_path=tmp_path, model_path=tmp_path / "model", iterations=250, position_lr_max_steps=250,
        densify_from_iter=40, densify_until_iter=150, densification_interval=40, sh_degree=0, density="revised",
        mask_mode="auto" if own_alpha else "cutout",
    )  # fmt: skip
    result = train(options, renderer, Silent())
    assert result["photos"]["masked"] == 10
    assert result["quality"]["train"]["psnr"] > 20
    splat = to_tensors(read_ply(Path(result["ply"])), CPU)
    everything = outside = 0.0
    for camera in cameras:
        opacity, true = alpha(splat, camera, renderer), alpha(thing, camera, renderer)
        everything += float(opacity.sum())
        outside += float(opacity[true < 1 / 255].sum())
    expected = sum(float(alpha(thing, camera, renderer).sum()) for camera in cameras)
    assert everything == pytest.approx(expected, rel=0.05)
    assert outside / everything < 0.01


def test_the_same_seed_gives_the_same_cutout(
    tmp_path: Path, tiny_options: Callable[..., Options], tiny_scene: Path
) -> None:
    scene = tmp_path / "scene"
    shutil.copytree(tiny_scene, scene)
    mask = np.zeros((36, 48), np.uint8)
    mask[8:28, 12:36] = 255
    for path in (scene / "images").iterdir():
        save(mask, scene / "masks" / path.name)

    def splat(name: str, seed: int) -> bytes:
        options = tiny_options(
            source_path=scene, model_path=tmp_path / name, iterations=30, mask_mode="cutout", seed=seed
        )
        return Path(train(options, CpuRenderer(), Silent())["ply"]).read_bytes()

    first = splat("a", 1)
    assert splat("b", 1) == first
    assert splat("c", 2) != first
