"""Two-view geometry on a GPU: the very bytes of the processors' kernel, whatever the pairs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.many_threads import many_threads_gpu
from support.one_thread import one_thread_gpu
from support.pairs_of_all_kinds import demand_the_same_on_a_gpu, pair_of, pairs_of_all_kinds, told
from support.stand_in_gpu import SUPPORT
from support.two_views import photograph

from splatworker.sfm import sift, two_view
from splatworker.sfm.two_view import STRICT, USUAL

pytestmark = pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")

needs_gpu = pytest.mark.skipif(not sift.has_gpu_kernel(), reason="there is no GPU, or there are no kernels for it")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("rules", [USUAL, STRICT], ids=["usual", "strict"])
def test_a_gpu_gives_the_very_bytes_every_time(rules: two_view.Rules) -> None:
    for seed in range(3):
        pairs = pairs_of_all_kinds(seed, (15, 30, 64, 129, 300, 1000))
        assert len({str(demand_the_same_on_a_gpu(pairs, rules, seed)) for _ in range(2)}) == 1
    rng = np.random.default_rng(0)
    large = [photograph(rng, count, noise_px=1.0, outliers=0.6) for count in (5000, 20_000, 60_000)]
    demand_the_same_on_a_gpu([pair_of(of, k, known=k > 0) for k, of in enumerate(large)], rules)


@pytest.mark.gpu
@needs_gpu
def test_threads_and_portions_change_no_byte_on_a_gpu() -> None:
    pairs = pairs_of_all_kinds(7) * 6
    expected = list(map(told, two_view.verify_all(pairs)))
    for threads, size in ((1, len(pairs)), (4, 37), (9, 8)):
        portions = [pairs[k : k + size] for k in range(0, len(pairs), size)]
        with ThreadPoolExecutor(threads) as pool:
            found = [one for some in pool.map(two_view.verify_all_on_gpu, portions) for one in some]
        assert list(map(told, found)) == expected


ON_A_PROCESSOR = """
import sys
from support.pairs_of_all_kinds import demand_the_same_on_a_gpu, pairs_of_all_kinds
from splatworker.sfm.two_view import STRICT, USUAL
for seed in range(int(sys.argv[1])):
    for rules in (USUAL, STRICT):
        print(*demand_the_same_on_a_gpu(pairs_of_all_kinds(seed, eval(sys.argv[2])), rules, seed))
"""


@pytest.mark.parametrize(
    ("gpu", "seeds", "counts"), [(one_thread_gpu, 3, (15, 65, 128, 300)), (many_threads_gpu, 1, (16, 129, 300))]
)
def test_the_gpus_source_gives_the_very_bytes_on_a_processor(
    tmp_path: Path, gpu: Callable[[Path], Mapping[str, str]], seeds: int, counts: tuple[int, ...]
) -> None:
    """Kernels and host code, beside drivers that run a thread a block, and all threads of a block in turn."""
    command = [sys.executable, "-c", ON_A_PROCESSOR, str(seeds), str(counts)]
    environment = {**gpu(tmp_path), "PYTHONPATH": str(SUPPORT.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"DEGENERATE", "CALIBRATED", "UNCALIBRATED", "PLANAR", "PANORAMIC"} <= set(done.stdout.split())


def test_without_a_gpu_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_view, "_cuda", None)
    with pytest.raises(RuntimeError, match="no kernels for a GPU"):
        two_view.verify_all_on_gpu(pairs_of_all_kinds(0, (15,)))


REFUSED = """
import dataclasses, numpy as np
from support.pairs_of_all_kinds import pairs_of_all_kinds
from splatworker.sfm import two_view
first, second, matches, ids = pairs_of_all_kinds(0, (20,))[0]
for given in ((first, second, np.array([[0, 20]], np.uint32), ids),
              (dataclasses.replace(first, scales=first.scales[:3]), second, matches, ids)):
    try:
        two_view.verify_all_on_gpu([given])
    except (IndexError, ValueError) as error:
        print(type(error).__name__)
print(len(two_view.verify_all_on_gpu([])))
"""


def test_what_cannot_be_is_refused_as_without_a_gpu(tmp_path: Path) -> None:
    environment = {**one_thread_gpu(tmp_path), "PYTHONPATH": str(SUPPORT.parent)}
    done = subprocess.run([sys.executable, "-c", REFUSED], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["IndexError", "ValueError", "0"], done.stderr
