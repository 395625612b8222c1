"""`.splat`: what matters most comes first, and a file that is none is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.any_splats import random_splat

from splatworker.errors import InvalidScene, SplatError
from splatworker.splat_files.dot_splat import read_splat, write_splat


def test_the_largest_and_least_transparent_come_first(tmp_path: Path) -> None:
    splat = random_splat(60, 1)
    write_splat(tmp_path / "a.splat", splat)
    assert (tmp_path / "a.splat").stat().st_size == 60 * 32
    stored = read_splat(tmp_path / "a.splat")
    assert stored.sh_degree == 0
    importance = (
        stored.log_scales.sum(axis=1)
        + np.log(np.maximum(splat.opacities, 1e-30))[
            np.argsort(-(splat.log_scales.sum(axis=1) + np.log(np.maximum(splat.opacities, 1e-30))), kind="stable")
        ]
    )
    assert (np.diff(importance) < 1e-4).all()


def test_a_file_of_other_bytes_and_one_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.splat").write_bytes(bytes(33))
    with pytest.raises(InvalidScene, match=r"a\.splat is not a \.splat file, or cut short: 33 bytes"):
        read_splat(tmp_path / "a.splat")
    with pytest.raises(SplatError, match="No such file"):
        read_splat(tmp_path / "none.splat")
