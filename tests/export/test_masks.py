"""Masks in the export: what is ignored of the photos is neither scored, nor shown as wrong, nor seen by anything."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from support.gaussian_scenes import concatenate
from support.kinds import with_either
from support.model_folders import write_model

from splatworker.errors import InvalidMasks
from splatworker.export.clean import clean
from splatworker.export.comparison import best_shown, compare, read_ignored, read_photo
from splatworker.export.pictures import SplatRenderer
from splatworker.export.subject import read_subject
from splatworker.export.visibility import measure_visibility
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import read_ply
from splatworker.render.backend import renderer_for
from splatworker.render.interface import GaussianTensors, Renderer
from splatworker.render.tensors import to_gaussians, to_tensors

HIDDEN = slice(30, 66)
"""Columns of every photo that something stands before."""


@pytest.fixture(scope="module")
def spoilt(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scene with a white bar in every photo, and masks that hide it."""
    folder = tmp_path_factory.mktemp("spoilt") / "scene"
    shutil.copytree(scene, folder)
    (folder / "masks").mkdir()
    for path in (folder / "images").iterdir():
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB")).copy()
        pixels[:, HIDDEN] = 255
        Image.fromarray(pixels).save(path)
        mask = np.full(pixels.shape[:2], 255, np.uint8)
        mask[:, HIDDEN] = 0
        Image.fromarray(mask).save(folder / "masks" / f"{path.name}.png")
    return folder


def test_scores_and_error_maps_are_of_what_counts(model: Path, spoilt: Path) -> None:
    subject = read_subject(model, spoilt)
    splat_renderer = SplatRenderer(subject.gaussians, renderer_for("cpu"), subject.background)
    for shown in compare(splat_renderer, subject.photos, set()):
        assert shown.psnr > 40
        assert shown.ssim > 0.99
    (worst,) = compare(splat_renderer, subject.photos[:1], set())
    hidden = read_ignored(subject.photos[0])
    assert hidden is not None
    assert int((hidden != 0).sum()) == 72 * 36
    blank = np.asarray(worst.error).reshape(-1, 3)
    assert (blank == [0, 0, 4]).all(axis=1).mean() >= 36 / 96  # the colour of no error
    shutil.move(spoilt / "masks", spoilt / "hidden")
    try:
        unmasked = read_subject(model, spoilt)
        assert all(shown.psnr < 15 for shown in compare(splat_renderer, unmasked.photos, set()))
        assert best_shown(splat_renderer, unmasked.photos).name in {photo.name for photo in unmasked.photos}
    finally:
        shutil.move(spoilt / "hidden", spoilt / "masks")


@with_either
def test_what_only_ignored_pixels_show_is_seen_by_nobody(model: Path, spoilt: Path, renderer: Renderer) -> None:
    subject = read_subject(model, spoilt)
    camera = subject.trained[3].camera
    floater = torch.tensor(camera.center + 0.5 * camera.camera_from_world[2, :3], dtype=torch.float32)[None]
    more = GaussianTensors(
        floater, torch.tensor([[1.0, 0, 0, 0]]), torch.full((1, 3), -5.0), torch.full((1,), 2.0), torch.zeros(1, 3),
        torch.zeros(1, 3, 3),
    )  # fmt: skip
    splat: Gaussians = to_gaussians(concatenate(to_tensors(subject.gaussians, torch.device("cpu")), more))
    tensors, cameras = to_tensors(splat, renderer.device), [photo.camera for photo in subject.trained]

    def holes(index: int) -> npt.NDArray[np.uint8] | None:
        return read_ignored(subject.trained[index])

    seen, masked = (
        measure_visibility(renderer, tensors, cameras),
        measure_visibility(renderer, tensors, cameras, ignored=holes),
    )
    assert float(seen.peak[-1]) > 1
    assert float(masked.peak[-1]) < 0.05
    done = clean(splat, masked, subject.trained, subject.points, renderer, subject.background)
    assert not done.keep[-1]
    assert np.count_nonzero(done.keep) > 250


def test_the_training_tells_how_masks_were_meant(model: Path, spoilt: Path, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", read_ply(model / "point_cloud" / "iteration_30" / "point_cloud.ply"))
    others = tmp_path / "others"
    others.mkdir()
    for path in (spoilt / "masks").iterdir():
        with Image.open(path) as image:
            Image.fromarray(255 - np.asarray(image)).save(others / path.name)
    told = f"Namespace(white_background=True, masks='{others}', mask_mode='cutout', invert_masks=True)"
    (folder / "cfg_args").write_text(told)
    subject = read_subject(folder, spoilt)
    photo = subject.photos[0]
    assert photo.mask is not None
    assert photo.mask.parent == others
    assert (photo.rules.mode, photo.rules.invert) == ("cutout", True)
    assert read_ignored(photo) is None
    pixels = read_photo(photo, subject.background)
    assert pixels[:, HIDDEN].min() == 255  # white behind what is cut out
    for path in others.iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    with pytest.raises(InvalidMasks):
        read_subject(folder, spoilt)
