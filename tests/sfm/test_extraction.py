"""Features by our kernel in COLMAP's database: the same whatever the threads, in the photo's own pixels, and masked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.grey_photos import agreement, picture

from splatworker.errors import Cancelled
from splatworker.sfm import database, features, photo_features
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.options import Engine, SfmOptions
from splatworker.sfm.photo import read_photo
from splatworker.sfm.sift import has_kernel
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

pytestmark = pytest.mark.skipif(not has_kernel(), reason="this installation has no SIFT kernel")

NO_MASK, MOST = Path("no mask"), 150


def save(folder: Path, count: int, height: int = 150, width: int = 200) -> list[str]:
    names = [f"{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        Image.fromarray(picture(number, height, width)).save(folder / name)
    return names


def bench_for(folder: Path, photos: Path, threads: int = 2, engine: Engine = "own", longest: int = 1600) -> Workbench:
    """A bench whose database has the photos, and no features yet."""
    folder.mkdir()
    bench = Workbench(
        folder, photos, SfmOptions(device="cpu", engine=engine, max_num_features=MOST, max_image_size=longest), threads
    )
    with pycolmap.Database.open(bench.database) as opened:
        for path in sorted(photos.iterdir()):
            database.add_photo(opened, read_photo(path))
    return bench


def find(bench: Workbench) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    features.extract(bench, features.FAST, Span(Silent(), "", 0.0, 1.0))
    with pycolmap.Database.open(bench.database) as opened:
        return {
            image.name: (
                opened.read_keypoints(image.image_id),
                np.asarray(opened.read_descriptors(image.image_id).data),
            )
            for image in opened.read_all_images()
        }


def test_any_number_of_threads_writes_the_same_database(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    save(photos, 5)
    benches = [bench_for(tmp_path / str(threads), photos, threads) for threads in (1, 2, 7)]
    for bench in benches:
        assert all(len(keypoints) == MOST for keypoints, _ in find(bench).values())
    assert len({bench.database.read_bytes() for bench in benches}) == 1


def test_it_is_written_as_colmap_writes_it(tmp_path: Path) -> None:
    """Places, affine frames and descriptors of one photo, shrunk by both, in the photo's own pixels."""
    photos = tmp_path / "photos"
    photos.mkdir()
    save(photos, 1, 300, 401)
    ours, theirs = (
        find(bench_for(tmp_path / engine, photos, engine=engine, longest=400))["0.png"] for engine in ("own", "colmap")
    )
    assert ours[0].shape == (MOST, 6)
    assert ours[0].dtype == theirs[0].dtype
    x, y, cosines, minus_sines, sines, also_cosines = ours[0].T
    assert np.array_equal(cosines, also_cosines)
    assert np.array_equal(sines, -minus_sines)
    assert 300 <= x.max() <= 401
    scale = np.hypot(cosines, sines)
    alike = agreement(theirs, np.stack([x, y, scale, cosines / scale, sines / scale], axis=1), ours[1], pixel=401 / 400)
    # COLMAP keeps so many places, each with all of its directions, and a whole level: all of ours are among them.
    assert alike.found > 0.98 * MOST / len(theirs[0])
    assert alike.cosines[len(alike.cosines) // 20] > 0.99


def test_no_features_are_written_as_none(tmp_path: Path) -> None:
    """... and not looked for again."""
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (90, 70)).save(photos / "black.png")
    bench = bench_for(tmp_path / "work", photos)
    assert len(find(bench)["black.png"][0]) == 0
    with pycolmap.Database.open(bench.database) as opened:
        assert opened.exists_keypoints(1)
        assert opened.exists_descriptors(1)


def test_what_pillow_cannot_read_to_its_end_is_left_to_colmap(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(2):
        Image.fromarray(picture(number, 300, 400)).save(photos / f"{number}.jpg")
    bench = bench_for(tmp_path / "work", photos)
    whole = (photos / "0.jpg").read_bytes()
    (photos / "0.jpg").write_bytes(whole[: len(whole) // 2])
    assert photo_features.features_of(photos / "0.jpg", NO_MASK, 1600, 0, 10) is None
    found = find(bench)
    assert len(found["1.jpg"][0]) == MOST
    assert len(found["0.jpg"][0]) > 50


def test_a_request_to_stop_is_heard(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    save(photos, 3)
    bench = bench_for(tmp_path / "work", photos)
    bench.cancellation.request()
    with pytest.raises(Cancelled):
        find(bench)
