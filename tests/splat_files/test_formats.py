"""Every format holds what it says it holds, as read back by us and by PlayCanvas's splat-transform."""

from __future__ import annotations

import dataclasses
import gzip
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from splatworker.errors import InvalidScene, SplatError
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.ply import write_ply
from splatworker.formats.subset import finite, take
from splatworker.splat_files.morton import morton_order
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import format_of, read_any, untold_in_words, write_any
from splatworker.splat_files.spz_reader import MAGIC, read_spz

# How far a stored number may be from the true one: position, log scale, sh_dc, opacity, angle, harmonics.
# Half a quantisation step each, or the range of a chunk or codebook cell of these random splats.
TOLERANCES = {
    "ply": (0, 0, 0, 0, 1e-3, 0),
    "spz": (2**-13, 1 / 31, 0.0131, 1 / 510, 0.004, 0.13),
    "compressed_ply": (0.0035, 0.0025, 0.01, 1 / 510, 0.004, 1 / 63),
    "sog": (2e-4, 0.03, 0.02, 1 / 510, 0.02, 0.02),
    "splat": (0, 1e-5, 0.007, 1 / 510, 0.03, np.inf),
}


def matched(stored: Gaussians, original: Gaussians) -> Gaussians:
    """The original Gaussians in the order in which a format stored them."""
    index = np.asarray(cKDTree(original.means).query(stored.means)[1])
    assert len(stored) == len(original)
    assert sorted(index) == list(range(len(original)))
    return take(original, index)


def fewer(splat: Gaussians) -> Gaussians:
    """More than a codebook of a .sog has entries, and no more: others take seconds to fill one from a thousand."""
    return take(splat, np.arange(300))


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N,) angles in radians between rotations given as quaternions of any length."""
    cosines = (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    return np.asarray(2 * np.arccos(np.clip(np.abs(cosines.astype(np.float64)), 0, 1)))


def differences(first: Gaussians, second: Gaussians) -> tuple[float, ...]:
    def largest(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.abs(a.astype(np.float64) - b).max(initial=0))

    return (
        largest(first.means, second.means),
        largest(first.log_scales, second.log_scales),
        largest(first.sh_dc, second.sh_dc),
        largest(first.opacities, second.opacities),
        float(angle_between(first.quaternions, second.quaternions).max()),
        largest(first.sh_rest, second.sh_rest) if first.sh_rest.shape == second.sh_rest.shape else 0.0,
    )


@pytest.mark.parametrize("name", FORMATS)
def test_holds_every_gaussian_to_its_precision(name: str, splat: Gaussians, tmp_path: Path) -> None:
    path = tmp_path / f"a{FORMATS[name].suffix}"
    assert write_any(path, splat, "cpu") == 0
    stored = read_any(path)
    assert stored.sh_degree == (0 if name == "splat" else splat.sh_degree)
    found = differences(stored, matched(stored, splat))
    assert all(difference <= most for difference, most in zip(found, TOLERANCES[name], strict=True)), found


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_splat_gives_the_same_file(name: str, splat: Gaussians, tmp_path: Path) -> None:
    for run in ("a", "b"):
        write_any(tmp_path / f"{run}{FORMATS[name].suffix}", splat, "cpu")
    first, second = (tmp_path / f"{run}{FORMATS[name].suffix}" for run in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_how_it_is_to_be_drawn_is_told_where_the_format_can(
    name: str, antialiased: bool, splat: Gaussians, tmp_path: Path
) -> None:
    path = tmp_path / f"a{FORMATS[name].suffix}"
    write_any(path, dataclasses.replace(splat, antialiased=antialiased), "cpu")
    assert read_any(path).antialiased == (antialiased and FORMATS[name].tells_antialiasing)
    untold = untold_in_words(name, dataclasses.replace(splat, antialiased=antialiased))
    assert bool(untold) == (antialiased and name == "splat")


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].tells_antialiasing])
def test_others_hear_how_it_is_to_be_drawn_and_tell_us(
    name: str, splat: Gaussians, splat_transform: Callable[..., None], tmp_path: Path
) -> None:
    path, theirs = tmp_path / f"a{FORMATS[name].suffix}", tmp_path / "theirs.ply"
    write_any(path, dataclasses.replace(fewer(splat), antialiased=True), "cpu")
    splat_transform(path, theirs)
    assert b"comment SplatRenderMode: mip" in theirs.read_bytes()[:1000]
    back = tmp_path / f"back{FORMATS[name].suffix}"
    splat_transform(theirs, back)
    assert read_any(back).antialiased


@pytest.mark.parametrize("name", FORMATS)
def test_others_read_what_we_write(
    name: str, splat: Gaussians, splat_transform: Callable[..., None], tmp_path: Path
) -> None:
    path, theirs = tmp_path / f"a{FORMATS[name].suffix}", tmp_path / "theirs.ply"
    write_any(path, splat, "cpu")
    splat_transform(path, theirs)
    # They keep the file's order, so that this holds Gaussian by Gaussian.
    found = differences(read_any(theirs), read_any(path))
    assert max(found[0], found[1], found[2], found[5]) < 2e-5, found
    assert found[3] < 0.0011, found  # opacities of 0 and 1 are cut off differently
    # What a byte of a .splat's rotation means, (b - 128) / 128 or 2 b / 255 - 1, readers disagree about.
    assert found[4] < (0.02 if name == "splat" else 1e-3), found


@pytest.mark.parametrize("name", ["spz", "compressed_ply", "sog"])
def test_we_read_what_others_write(
    name: str, splat: Gaussians, splat_transform: Callable[..., None], tmp_path: Path
) -> None:
    path, theirs = tmp_path / "ours.ply", tmp_path / f"theirs{FORMATS[name].suffix}"
    write_ply(path, fewer(splat))
    splat_transform(path, theirs, *(["--spz-version", "3"] if name == "spz" else []))
    splat_transform(theirs, tmp_path / "back.ply")
    found = differences(read_any(theirs), read_any(tmp_path / "back.ply"))
    assert max(found[0], found[1], found[2], found[5]) < 2e-5, found
    assert found[3] < 0.0011, found
    assert found[4] < 1e-3, found


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "ply"])
def test_extremes_stay_finite(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    splat = Gaussians(
        means=np.array([[0, 0, 0], [1e4, -1e4, 3e-6], [1, 2, 3], [-5, 0, 0]], np.float32),
        quaternions=np.array([[1e-30, 0, 0, 0], [0, 0, 0, -1], [1, 1, 1, 1], [1e15, 1e15, 0, 0]], np.float32),
        log_scales=np.array([[-30, -30, -30], [9, 9, 9], [0, 0, 0], [-2, 3, 1]], np.float32),
        opacity_logits=np.array([-200, 200, 0, 1], np.float32),
        sh_dc=np.array([[-50, 50, 0], [0, 0, 0], [1, 1, 1], [3, -3, 2]], np.float32),
        sh_rest=rng.normal(scale=5, size=(4, 15, 3)).astype(np.float32),
    )
    path = tmp_path / f"a{FORMATS[name].suffix}"
    write_any(path, splat, "cpu")
    stored = read_any(path)
    assert finite(stored).all()
    far = np.abs(stored.means).max(axis=1).argmax()
    np.testing.assert_allclose(stored.means[far], splat.means[1], rtol=3e-3, atol=6)
    assert sorted(np.round(stored.opacities, 2)) == pytest.approx([0, 0.5, 0.73, 1], abs=0.011)


def test_gaussians_that_are_no_numbers_are_left_out(splat: Gaussians, tmp_path: Path) -> None:
    means, quaternions = splat.means.copy(), splat.quaternions.copy()
    means[3, 1], quaternions[7] = np.nan, 0
    broken = dataclasses.replace(splat, means=means, quaternions=quaternions)
    assert write_any(tmp_path / "a.spz", broken) == 2
    assert len(read_any(tmp_path / "a.spz")) == len(splat) - 2
    with pytest.raises(InvalidScene, match="no Gaussians"):
        write_any(tmp_path / "b.spz", take(broken, np.array([3, 7])))
    assert not (tmp_path / "b.spz").exists()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_file_cut_short_is_refused(name: str, share: float, tmp_path: Path, splat: Gaussians) -> None:
    whole, path = tmp_path / f"whole{FORMATS[name].suffix}", tmp_path / f"a{FORMATS[name].suffix}"
    write_any(whole, splat, "cpu")
    data = whole.read_bytes()
    path.write_bytes(data[: int(share * len(data)) | 1])  # odd: of a .splat, which has no header, not a whole record
    with pytest.raises(InvalidScene, match=r"a\."):
        read_any(path)


@pytest.mark.parametrize("name", FORMATS)
def test_garbage_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{FORMATS[name].suffix}"
    path.write_bytes(b"no splat at all " * 100 + b"!")
    with pytest.raises(InvalidScene, match=r"a\."):
        read_any(path)


def test_a_missing_file_and_an_unknown_suffix(tmp_path: Path, splat: Gaussians) -> None:
    for kind in FORMATS.values():
        with pytest.raises(SplatError, match="No such file"):
            read_any(tmp_path / f"none{kind.suffix}")
    with pytest.raises(SplatError, match="known by the name"):
        write_any(tmp_path / "a.obj", splat)
    assert format_of(tmp_path / "A.Compressed.PLY") == "compressed_ply"


def test_a_compressed_ply_is_known_by_its_content(tmp_path: Path, splat: Gaussians) -> None:
    write_any(tmp_path / "a.compressed.ply", splat)
    (tmp_path / "a.compressed.ply").rename(tmp_path / "b.ply")
    assert len(read_any(tmp_path / "b.ply")) == len(splat)


def test_version_2_of_spz_is_read(tmp_path: Path) -> None:
    # Written out from the specification: one Gaussian of degree 1 at (1, -2, 0.5), 12 fractional bits.
    fixed = b"".join(int(value * 4096).to_bytes(3, "little", signed=True) for value in (1, -2, 0.5))
    rotation = bytes(round(127.5 * (value + 1)) for value in (0.5, -0.5, 0.5))  # x, y, z; w is 0.5
    body = fixed + bytes([64]) + bytes([255, 0, 128]) + bytes([160, 144, 176]) + rotation + bytes(range(124, 133))
    header = struct.pack("<3I4B", MAGIC, 2, 1, 1, 12, 0, 0)
    (tmp_path / "a.spz").write_bytes(gzip.compress(header + body))
    splat = read_spz(tmp_path / "a.spz")
    np.testing.assert_array_equal(splat.means, [[1, -2, 0.5]])
    np.testing.assert_allclose(splat.opacities, [64 / 255], atol=1e-6)
    np.testing.assert_allclose(splat.sh_dc, [[0.5 / 0.15, -0.5 / 0.15, (128 / 255 - 0.5) / 0.15]], atol=1e-6)
    np.testing.assert_array_equal(splat.log_scales, [[0, -1, 1]])
    np.testing.assert_allclose(splat.quaternions, [[0.5, 0.5, -0.5, 0.5]], atol=0.02)
    np.testing.assert_allclose(splat.sh_rest.ravel(), (np.arange(124, 133) - 128) / 128)


@pytest.mark.parametrize(("version", "degree"), [(1, 0), (4, 0), (3, 4)])
def test_other_versions_of_spz_are_refused(version: int, degree: int, tmp_path: Path) -> None:
    (tmp_path / "a.spz").write_bytes(gzip.compress(struct.pack("<3I4B", MAGIC, version, 0, degree, 12, 0, 0)))
    with pytest.raises(InvalidScene, match="version 2 or 3"):
        read_any(tmp_path / "a.spz")


def test_spz_of_a_tiny_and_of_a_vast_scene(splat: Gaussians, tmp_path: Path) -> None:
    """The fixed point moves with the scene: what a metre is to one is a millimetre to another."""
    for factor in (1e-3, 1e3):
        means, log_scales = splat.means * np.float32(factor), splat.log_scales + np.float32(np.log(factor))
        scaled = dataclasses.replace(splat, means=means, log_scales=np.maximum(log_scales, -10))
        write_any(tmp_path / "a.spz", scaled)
        error = np.abs(read_any(tmp_path / "a.spz").means - means).max()
        assert error < 0.02 * np.median(splat.scales.max(axis=1)) * factor


def test_a_sog_bundle_is_laid_out_as_specified(splat: Gaussians, tmp_path: Path) -> None:
    write_any(tmp_path / "a.sog", splat, "cpu")
    with zipfile.ZipFile(tmp_path / "a.sog") as bundle:
        meta = json.loads(bundle.read("meta.json"))
        files = {name for part in meta.values() if isinstance(part, dict) for name in part.get("files", [])}
        assert files | {"meta.json"} == set(bundle.namelist())
        assert all(info.compress_type == zipfile.ZIP_STORED for info in bundle.infolist())
    assert meta["version"] == 2
    assert meta["count"] == len(splat)
    assert len(meta["scales"]["codebook"]) == len(meta["sh0"]["codebook"]) == 256
    assert ("shN" in meta) == (splat.sh_degree > 0)


def test_spz_is_one_gzip_stream(splat: Gaussians, tmp_path: Path) -> None:
    write_any(tmp_path / "a.spz", splat)
    inflate = zlib.decompressobj(wbits=31)
    data = inflate.decompress((tmp_path / "a.spz").read_bytes())
    assert inflate.eof
    assert not inflate.unused_data
    assert len(data) == 16 + len(splat) * (20 + splat.sh_rest.shape[1] * 3)


def test_neighbours_on_the_curve_are_neighbours_in_space() -> None:
    means = np.random.default_rng(0).uniform(size=(5000, 3)).astype(np.float32)
    order = morton_order(means)
    assert sorted(order) == list(range(5000))
    steps = np.linalg.norm(np.diff(means[order], axis=0), axis=1)
    assert steps.mean() < 0.15 * np.linalg.norm(np.diff(means, axis=0), axis=1).mean()
