"""A scene on its way before anybody has said what it is trained on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.waiting import PATIENCE_S

from splatworker.errors import InvalidScene
from splatworker.formats.scene import Photo
from splatworker.render.cpu import CpuRenderer
from splatworker.render.opening import ARRAYS
from splatworker.stages.progress import Silent
from splatworker.train import dense_points
from splatworker.train import loading as module
from splatworker.train.light import Light
from splatworker.train.loading import Loading
from splatworker.train.options import Options
from splatworker.train.photos import decode_soon, load_photo, load_views
from splatworker.train.trainer import train

Make = Callable[..., Options]


def test_photos_come_as_they_would_be_decoded_one_by_one(tiny_options: Make) -> None:
    options = tiny_options(eval=True)
    with Loading(options) as loading:
        scene, train_photos, test_photos, decoded = loading.loaded()
        photos = [*train_photos, *test_photos]
        assert len(scene.photos) == len(photos) == len(decoded)
        views = load_views(photos, options, "cpu", decoded=decoded)
        assert not decoded  # nobody else keeps them
        assert loading.correction() is None
    for photo, view in zip(photos, views, strict=True):
        camera = view.camera
        np.testing.assert_array_equal(view.photo, load_photo(photo, (camera.width, camera.height), 0))


def test_a_scene_that_is_none_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    with (
        Loading(Options(source_path=tmp_path / "none", model_path=tmp_path / "m")) as loading,
        pytest.raises(InvalidScene),
    ):
        loading.loaded()


def test_a_broken_photo_is_told_with_its_name(tiny_options: Make, tiny_scene: Path, tmp_path: Path) -> None:
    (tmp_path / "scene" / "images").mkdir(parents=True)
    (tmp_path / "scene" / "sparse").symlink_to(tiny_scene / "sparse")
    for path in (tiny_scene / "images").iterdir():
        (tmp_path / "scene" / "images" / path.name).write_bytes(
            path.read_bytes()[: 200 if "003" in path.name else None]
        )
    options = tiny_options(source_path=tmp_path / "scene", model_path=tmp_path / "m")
    with pytest.raises(InvalidScene, match="photo003"):
        train(options, CpuRenderer(), Silent())
    assert not (tmp_path / "m").exists()


def test_photos_are_decoded_while_what_is_seen_of_points_is_read(
    tiny_options: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = threading.Event()
    looked_at: list[str] = []

    class Slow(Light):
        def __init__(self, observed: Path | None) -> None:
            assert decoded.wait(PATIENCE_S)
            super().__init__(observed)

        def look(self, photo: Photo, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
            looked_at.append(photo.name)

    def load(photo: Photo, size: tuple[int, int], background: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        pixels = load_photo(photo, size, background)
        decoded.set()
        return pixels

    monkeypatch.setattr(module, "Light", Slow)
    monkeypatch.setattr("splatworker.train.photos.load_photo", load)
    with Loading(tiny_options()) as loading:
        photos = loading.loaded().scene.photos
        assert loading.correction() is None
    assert sorted(looked_at) == [photo.name for photo in photos]


class Asked:
    """Who asked how dense start points are looked for, for a GPU or not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.on_gpu: list[bool] = []
        self.once = threading.Event()
        real = dense_points.wanted_searches

        def wanted(*given: Any, on_gpu: bool) -> Any:
            self.on_gpu.append(on_gpu)
            self.once.set()
            return real(*given, on_gpu=on_gpu)

        monkeypatch.setattr(dense_points, "wanted_searches", wanted)


def test_dense_points_are_planned_before_a_photo_is_there_and_once(
    tiny_options: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch)

    def load(photo: Photo, size: tuple[int, int], background: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        assert asked.once.wait(PATIENCE_S)
        return load_photo(photo, size, background)

    monkeypatch.setattr("splatworker.train.photos.load_photo", load)
    train(tiny_options(iterations=1, start_points="dense", device="cpu"), CpuRenderer(), Silent())
    assert asked.on_gpu == [False]


@pytest.mark.parametrize(
    ("device", "driver", "expected"),
    [("auto", True, True), ("cuda", True, True), ("cpu", True, False), ("auto", False, False)],
)
def test_they_are_planned_for_who_is_expected_to_look_and_again_for_another(
    tiny_options: Make, monkeypatch: pytest.MonkeyPatch, device: str, driver: bool, expected: bool
) -> None:
    asked = Asked(monkeypatch)
    monkeypatch.setattr(module, "has_driver", lambda: driver)
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", ARRAYS):
        monkeypatch.delenv(name, raising=False)
    with Loading(tiny_options(start_points="dense", device=device)) as loading:
        loading.loaded()
        first, other = (loading.wanted_searches(on_gpu=on_gpu) for on_gpu in (expected, not expected))
    assert first == other is not None
    assert asked.on_gpu == [expected, not expected]


def test_they_are_not_planned_where_a_training_goes_on(
    tiny_options: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = Asked(monkeypatch)
    with Loading(tiny_options(start_points="dense", start_checkpoint=tmp_path / "chkpnt1")) as loading:
        loading.loaded()
    assert asked.on_gpu == []


def test_nobody_waits_for_light_that_cannot_be_told(tiny_options: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(observed: Path | None) -> Light:
        raise MemoryError("observations")

    monkeypatch.setattr(module, "Light", too_large)
    with Loading(tiny_options()) as loading, pytest.raises(MemoryError, match="observations"):
        loading.loaded()


def test_it_ends_while_photos_are_still_handed_to_those_who_decode(
    tiny_options: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block ends, and takes no more photos, when two of them are being decoded and wait for the light."""
    handed, ended = threading.Event(), threading.Event()

    def slowly(photos: list[Photo], options: Options, pool: ThreadPoolExecutor, *more: Any) -> Any:
        decode_soon(photos[:2], options, pool, *more)
        handed.set()
        assert ended.wait(PATIENCE_S)
        return decode_soon(photos[2:], options, pool, *more)

    def load() -> None:
        with Loading(tiny_options()) as loading:
            handed.wait(PATIENCE_S)
            shutdown = loading._reader.shutdown

            def when_no_photo_is_taken(**how: bool) -> None:
                ended.set()
                shutdown(**how)

            monkeypatch.setattr(loading._reader, "shutdown", when_no_photo_is_taken)

    monkeypatch.setattr(module, "decode_soon", slowly)
    monkeypatch.setattr(module, "available_cpus", lambda: 2)
    loads = threading.Thread(target=load, daemon=True)
    loads.start()
    loads.join(PATIENCE_S)
    assert not loads.is_alive()


def test_what_is_left_ends_with_the_block(tiny_options: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many photos, only those whose turn had come are decoded when something else has failed."""
    begun, go_on = threading.Semaphore(0), threading.Event()
    seen: list[str] = []

    def slow(photo: object, size: object, background: object) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        seen.append("one")
        begun.release()
        assert go_on.wait(PATIENCE_S)
        return np.zeros((3, 4, 4), np.uint8)

    monkeypatch.setattr("splatworker.train.photos.load_photo", slow)
    monkeypatch.setattr(module, "available_cpus", lambda: 2)
    with pytest.raises(RuntimeError, match="the GPU is gone"), Loading(tiny_options()) as loading:
        total = len(loading.loaded().decoded)
        begun.acquire()
        begun.acquire()
        shutdown = loading._reader.shutdown

        def when_nothing_more_can_begin(**how: bool) -> None:
            go_on.set()
            shutdown(**how)

        monkeypatch.setattr(loading._reader, "shutdown", when_nothing_more_can_begin)
        raise RuntimeError("the GPU is gone")
    assert 2 <= len(seen) < total
