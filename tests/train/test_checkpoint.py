"""Training that goes on where it was stopped."""

from __future__ import annotations

import dataclasses
import io
import tracemalloc
import zipfile
from argparse import Namespace  # noqa: F401 - what cfg_args evaluates to
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from support import no_files
from support.gaussian_scenes import random_gaussians
from support.heard import Heard

from splatworker.errors import InvalidScene
from splatworker.formats.ply import read_ply
from splatworker.render.arrays import Device
from splatworker.render.cpu import CpuRenderer
from splatworker.stages.progress import Silent
from splatworker.train.checkpoint import RandomState, checkpoint_path, load_checkpoint, save_checkpoint
from splatworker.train.folder import splat_path
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.randomness import Randomness
from splatworker.train.resume import resumed
from splatworker.train.trainer import train


def test_resuming_gives_what_never_stopping_gives(
    device: Device, tiny_options: Callable[..., Options], tmp_path: Path
) -> None:
    straight = tiny_options(model_path=tmp_path / "straight", checkpoint_iterations=[47], random_background=True)
    train(straight, CpuRenderer(device=device), Silent())
    resumed = tiny_options(
        model_path=tmp_path / "resumed",
        random_background=True,
        start_checkpoint=checkpoint_path(straight.model_path, 47),
    )
    train(resumed, CpuRenderer(device=device), Silent())
    assert splat_path(resumed.model_path, 120).read_bytes() == splat_path(straight.model_path, 120).read_bytes()


def test_antialiasing_goes_on_and_is_neither_begun_nor_left_out_on_the_way(
    tiny_options: Callable[..., Options], tmp_path: Path
) -> None:
    straight = tiny_options(model_path=tmp_path / "straight", checkpoint_iterations=[47], antialiasing=True)
    train(straight, CpuRenderer(), Silent())
    checkpoint = checkpoint_path(straight.model_path, 47)
    more = tiny_options(model_path=tmp_path / "more", start_checkpoint=checkpoint, antialiasing=True)
    train(more, CpuRenderer(), Silent())
    splat = splat_path(more.model_path, 120)
    assert splat.read_bytes() == splat_path(straight.model_path, 120).read_bytes()
    assert read_ply(splat).antialiased
    with pytest.raises(InvalidScene, match="a training with antialiasing") as refused:
        train(tiny_options(model_path=tmp_path / "no", start_checkpoint=checkpoint), CpuRenderer(), Silent())
    assert refused.value.hint == "Give --antialiasing, as it was begun."
    plain = made(tmp_path / "plain.npz")
    with pytest.raises(InvalidScene, match="a training without antialiasing"):
        train(tiny_options(start_checkpoint=plain, antialiasing=True, sh_degree=1), CpuRenderer(), Silent())
    odd = made(tmp_path / "odd.npz", antialiased=np.array(["yes"]))
    with pytest.raises(InvalidScene, match="not a checkpoint of this trainer"):
        train(tiny_options(start_checkpoint=odd, sh_degree=1), CpuRenderer(), Silent())


def test_on_the_other_kind_of_device_it_goes_on_with_other_random_numbers(
    device: Device, tiny_options: Callable[..., Options], tmp_path: Path
) -> None:
    other: Device = torch.device("cpu") if isinstance(device, str) else "cpu"
    first = tiny_options(iterations=30, checkpoint_iterations=[30])
    train(first, CpuRenderer(device=device), Silent())
    told = Heard()
    resumed = tiny_options(model_path=tmp_path / "more", start_checkpoint=checkpoint_path(first.model_path, 30))
    train(resumed, CpuRenderer(device=other), told)
    assert splat_path(resumed.model_path, 120).exists()
    assert ["other random numbers" in warning for warning in told.warnings] == [True]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_broken_checkpoint_is_refused(
    tiny_options: Callable[..., Options], tmp_path: Path, content: bytes | None
) -> None:
    options = tiny_options(iterations=5, checkpoint_iterations=[5])
    train(options, CpuRenderer(), Silent())
    path = checkpoint_path(options.model_path, 5)
    path.write_bytes(path.read_bytes()[:-3000] if content is None else content)
    with pytest.raises(InvalidScene, match="not a checkpoint of this trainer"):
        train(tiny_options(start_checkpoint=path), CpuRenderer(), Silent())


def test_a_checkpoint_of_another_run_is_refused(tiny_options: Callable[..., Options]) -> None:
    options = tiny_options(iterations=5, checkpoint_iterations=[5])
    train(options, CpuRenderer(), Silent())
    path = checkpoint_path(options.model_path, 5)
    with pytest.raises(InvalidScene, match="after iteration 5, and iterations is 5"):
        train(tiny_options(start_checkpoint=path, iterations=5), CpuRenderer(), Silent())
    with pytest.raises(InvalidScene, match="not of the degree 3"):
        train(tiny_options(start_checkpoint=path, sh_degree=3), CpuRenderer(), Silent())


def made(path: Path, **changes: object) -> Path:
    """A checkpoint of seven Gaussians after iteration 9, with some of its arrays changed: to another, or by a function;
    None leaves one out."""
    model = Model(random_gaussians(7, sh_degree=1))
    save_checkpoint(path, 9, model, Randomness(0, 5, torch.device("cpu")).state())
    with np.load(path) as archive:
        arrays = dict(archive)
    for name, change in changes.items():
        name = name.replace("__", ".")
        array = change(arrays.pop(name)) if callable(change) else change
        if array is not None:
            arrays[name] = array
    np.savez(path, **arrays)
    return path


def zipped(path: Path, compression: int, data: bytes | None = None) -> Path:
    """The same packed anew, perhaps with other bytes for one of its arrays."""
    with zipfile.ZipFile(made(path)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if data is not None:
        members["parameters.means.npy"] = data
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_directory(path: Path, offset: int, value: bytes) -> Path:
    """The same with a field of every entry of its zip's directory changed."""
    data, at = bytearray(made(path).read_bytes()), 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + offset : at + offset + len(value)] = value
        at += 4
    path.write_bytes(data)
    return path


def npy(shape: tuple[int, ...], data: bytes) -> bytes:
    """An array's file whose header promises a shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue() + data


WRONG: dict[str, object] = {
    "one row less": lambda array: array[:-1],
    "no rows": lambda array: array[:0],
    "a number": np.array(1.0, np.float32),
    "an axis more": lambda array: array[..., None],
    "doubles": lambda array: array.astype(np.float64),
    "texts": lambda array: array.astype(str),
    "objects": np.array([{}], dtype=object),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    "name", ["parameters__means", "parameters__sh_rest", "first__quaternions", "second__opacity_logits",
             "statistics__view_count"],
)  # fmt: skip
def test_arrays_that_do_not_belong_together_are_no_checkpoint(tmp_path: Path, name: str, wrong: str) -> None:
    with pytest.raises(InvalidScene, match="not a checkpoint of this trainer"):
        load_checkpoint(made(tmp_path / "a.npz", **{name: WRONG[wrong]}), "cpu")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": np.array("splatworker checkpoint 2")}, {"iteration": np.array(-5)}, {"iteration": np.arange(3)},
        {"iteration": np.array(3.5)}, {"random__pending": np.array(3)}, {"random__pending": np.array([[1], [2]])},
        {"random__pending": np.array([1.5])}, {"random__sampler": np.array([1.5])}, {"random__density": np.array("x")},
    ],
    ids=str,
)  # fmt: skip
def test_what_no_training_has_written_is_no_checkpoint(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidScene, match="not a checkpoint of this trainer"):
        load_checkpoint(made(tmp_path / "a.npz", **changes), "cpu")


ARCHIVES: dict[str, Callable[[Path], Path]] = {
    "one array": lambda path: (path.write_bytes(npy((3,), bytes(12))), path)[1],
    "encrypted": lambda path: with_directory(path, 8, b"\x01"),
    "packed by nobody knows what": lambda path: with_directory(path, 10, b"\x63"),
    "beyond its end": lambda path: with_directory(path, 42, b"\xff\xff\xff\x7f"),
    "no array in it": lambda path: zipped(path, zipfile.ZIP_STORED, b"text"),
    "an array of version 3": lambda path: zipped(path, zipfile.ZIP_STORED, b"\x93NUMPY\x03\x00" + bytes(99)),
    "a header that is nested": lambda path: zipped(
        path, zipfile.ZIP_STORED, b"\x93NUMPY\x01\x00\x10\x27" + b"-" * 10_000
    ),
    "a terabyte": lambda path: zipped(path, zipfile.ZIP_STORED, npy((10**11, 3), bytes(84))),
    "rows less than none": lambda path: zipped(path, zipfile.ZIP_STORED, npy((-7, -3), bytes(84))),
    "a bomb": lambda path: zipped(path, zipfile.ZIP_DEFLATED, npy((2**21, 3), bytes(3 * 2**23))),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_that_no_training_has_written_takes_no_memory(tmp_path: Path, kind: str) -> None:
    path = ARCHIVES[kind](tmp_path / "a.npz")
    tracemalloc.start()
    try:
        with pytest.raises(InvalidScene, match="not a checkpoint of this trainer"):
            load_checkpoint(path, "cpu")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["nothing", *no_files.KINDS])
def test_a_checkpoint_that_is_no_file_is_named_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.npz"
    if kind != "nothing":
        no_files.put(path, kind)
    with pytest.raises(InvalidScene, match=r"a\.npz is not (there|a file)\.") as caught:
        load_checkpoint(path, "cpu")
    assert "--start_checkpoint" in caught.value.hint


@pytest.mark.parametrize(
    "state", [b"[1]", b"{}", b"[" * 100_000, b'{"bit_generator": "PCG64", "state": {"state": "x"}}', b""]
)
def test_random_numbers_of_nobody_are_told(tmp_path: Path, state: bytes) -> None:
    random = Randomness(0, 5, "cpu")
    with pytest.raises(ValueError, match=r"."):
        random.restore(RandomState(np.frombuffer(state, np.uint8), random.state().density, []))


def test_photos_that_the_scene_does_not_have_do_not_come() -> None:
    random = Randomness(0, 5, "cpu")
    random.restore(dataclasses.replace(random.state(), pending=[-500, -1, 3, 5, 500]))
    assert [random.next_photo() for _ in range(6)][1:].count(3) == 1


def test_a_checkpoint_of_a_training_that_had_diverged_is_refused(
    tiny_options: Callable[..., Options], tmp_path: Path
) -> None:
    path = made(tmp_path / "a.npz", parameters__means=lambda array: array * np.float32(np.nan))
    with pytest.raises(InvalidScene, match="had diverged"):
        resumed(tiny_options(start_checkpoint=path, sh_degree=1), Randomness(0, 5, "cpu"), "cpu", Silent())
