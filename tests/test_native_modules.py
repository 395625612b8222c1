"""The compiled modules run on every machine, with a GPU or without: nothing of CUDA is linked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import splatworker

NAMES = sorted(path.stem for path in Path(splatworker.__file__).parent.glob("_*.pyi"))

EVERYWHERE = re.compile(r"(libstdc\+\+|libm|libgcc_s|libc|libdl|libpthread|librt|libgomp|ld-linux[\w-]*)\.so\.\d+")


def test_there_are_modules_to_look_at() -> None:
    assert {"_cpu", "_cuda", "_adjustment", "_two_view"} <= set(NAMES)


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("readelf"), reason="ELF files, and who reads them")
@pytest.mark.parametrize("name", NAMES)
def test_a_module_needs_what_every_linux_has(name: str) -> None:
    file = str(pytest.importorskip(f"splatworker.{name}").__file__)  # _cuda may have been left out
    told = subprocess.run(["readelf", "-d", file], check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", told)
    assert needed
    assert [library for library in needed if not EVERYWHERE.fullmatch(library)] == []
