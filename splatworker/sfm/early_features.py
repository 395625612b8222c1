"""Features found ahead: while photos still arrive, in those that are here already.

What is found in a photo depends on that photo alone, so it is the same whenever it is looked at. All that takes the
photos together waits for the last one: who shares a camera, which repeat the one before, their order.
"""

from __future__ import annotations

import time
from pathlib import Path

from splatworker.sfm import database, features
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.layout import stays_as_it_is
from splatworker.sfm.photo import read_photo
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages import arrivals
from splatworker.stages.progress import Silent


def find_features(bench: Workbench, all_arrived: arrivals.AllArrived) -> Path:
    """Find features for the first look in the photos of `bench.photos` as they arrive, until all are there.

    The last ones are left to the reconstruction, and so are photos that it will shrink first. Photos may be gone again,
    or be none.

    Returns:
        The database with the features, under the photos' own names.
    """
    preset = features.presets(bench.options, bench.threads)[0]
    nothing = Span(Silent(), "", 0.0, 1.0)
    with pycolmap.Database.open(bench.database):
        pass  # made, if no photo comes at all
    for new, last in arrivals.arriving(bench.photos, all_arrived):
        bench.cancellation.check()
        if last:
            break
        if _add(bench, new):
            features.extract(bench, preset, nothing)
        else:
            time.sleep(arrivals.POLL_S)
    return bench.database


def _add(bench: Workbench, files: list[Path]) -> int:
    """Enter new photos into the database; how many were fit for it."""
    fit = []
    for path in files:
        try:
            photo = read_photo(path)
        except (OSError, ValueError):
            continue
        if stays_as_it_is(photo, bench.options):
            fit.append(photo)
    with pycolmap.Database.open(bench.database) as opened:
        for photo in fit:
            database.add_photo(opened, photo)
    return len(fit)
