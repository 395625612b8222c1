"""The gate on models that are broken deliberately: what each measure sees of it.

    python bench/gate.py SCENES [name ...]

Of each photo set a good model is made, as the ladder's first full rung makes it. Then cameras of it are turned, moved
and swapped, and groups of them turned about the scene, as by a mapper that took one side of a thing for another. The
points of a broken model are triangulated anew from the cameras as they stand, so that what is left of them fits, as in
a model that came out wrong. A line tells for a way of breaking how many of the broken cameras each measure finds, and
how many of the others it accuses.

    points       fewer than `gate.MIN_POINTS` points of the scene, or far away from all others: what a model alone shows
    error        a photo's mean reprojection error is twice the median of all
    survival     under `SURVIVAL` of its verified matches became one common point
    agreement    under `agreement.LEAST_SHARE` of its verified matches obey the cameras, or no agreeing pair joins it
    bend         of the others, it is of a smaller part of a model that matches hold together, but not closely
    held-out     under half of its matches that no point was made of, every tenth that was verified, obey closely
    resection    its camera, found anew by points that only others fix, is 0.5 degrees or 1 % of the extent away

The last two with --more, which maps without every tenth match.

Which of two halves is the broken one nobody can tell: of those that a bend sets apart, both are taken for found.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from sfm import matched

NAMES = ("fox", "sceaux", "brighton", "conch")

SURVIVAL = 0.25

CAMERAS = 5
"""Of each set so many are broken, one after another."""

Found = dict[str, set[int]]
"""Measure -> images it accuses."""


def main() -> int:
    arguments = parse()
    lines: dict[str, list[tuple[set[int], set[int], Found]]] = defaultdict(list)
    shares: dict[str, list[float]] = defaultdict(list)
    for name in arguments.names or NAMES:
        with tempfile.TemporaryDirectory() as work:
            for way, broken, images, found, share in tried(arguments.scenes / name, Path(work), more=arguments.more):
                lines[way].append((broken, images, found))
                shares["broken" if broken else "good"] += [share[i] for i in (broken or images) if i in share]
        print(f"{name}: done", file=sys.stderr, flush=True)
    measures = list(next(iter(lines.values()))[0][2])
    titles = ["broken by", "models", "cameras broken", *(f"{name}: found, accused" for name in measures)]
    print("| " + " | ".join(titles) + " |")
    print("|---" * (3 + len(measures)) + "|")
    for way, models in lines.items():
        cells = [way, str(len(models)), str(sum(len(broken) for broken, _, _ in models))]
        for name in measures:
            hit = sum(len(broken & found[name]) for broken, _, found in models)
            false = sum(len(found[name] - broken) for broken, _, found in models)
            cells.append(f"{hit}, {false} of {sum(len(images - broken) for broken, images, _ in models)}")
        print("| " + " | ".join(cells) + " |")
    for kind, values in shares.items():
        tail = np.percentile(values, [0, 1, 5, 50, 95, 99, 100])
        print(f"agreeing share, {kind} cameras ({len(values)}): " + ", ".join(f"{value:.2f}" for value in tail))
    return 0


def tried(images: Path, work: Path, *, more: bool) -> Iterator[tuple[str, set[int], set[int], Found, dict[int, float]]]:
    """(way of breaking, broken images, all images, what is found, share of matches that agree by image)."""
    from splatworker.sfm import agreement, leave_one_out
    from splatworker.sfm.colmap import pycolmap
    from splatworker.sfm.mapping import MapperPreset, map_incrementally
    from splatworker.sfm.watch import Span
    from splatworker.stages.progress import Silent

    bench, count = matched(images, work, 0)
    held_out = without_every_tenth(bench.database) if more else None
    good = map_incrementally(bench, work / "good", MapperPreset(), count, Span(Silent(), "", 0, 1))[0]
    verified = agreement.read_verified(bench.database)
    for number, (way, model, broken) in enumerate(chain([("nothing", good, set[int]())], broken_models(good))):
        if broken:
            folder = work / f"broken{number}"
            folder.mkdir()
            model = pycolmap.triangulate_points(model, bench.database, bench.photos, folder)  # noqa: PLW2901
        votes = agreement.agreeing(model, verified)
        placed = set(model.reg_image_ids())
        found = accused(model, verified, votes)
        if held_out is not None:
            start = time.process_time()
            found["held-out"] = by_held_out(model, held_out)
            if not broken:
                print(f"{images.name}: {time.process_time() - start:.2f} s", file=sys.stderr, flush=True)
        found["resection"] = leave_one_out.elsewhere(model)
        found["bend"] = bend_of(model, verified, placed, broken, found["agreement"])
        yield way, broken, placed, found, agreement.shares(votes)


def bend_of(model: Any, verified: Any, images: set[int], broken: set[int], without: set[int]) -> set[int]:
    """The images that a bend names, or all broken ones if it names all others."""
    from splatworker.sfm import agreement, bend

    votes = agreement.agreeing(model, verified, bend.CLOSE_PX)
    found = bend.bent({pair: vote for pair, vote in votes.items() if not without & set(pair)})
    return broken - without if found and not found & broken and images - broken <= found | without else found


def accused(model: Any, verified: Any, votes: Any) -> Found:
    """By each measure, the images whose cameras it takes for misplaced."""
    from splatworker.sfm import agreement, gate

    images = sorted(model.reg_image_ids())
    seen = {image_id: model.image(image_id).num_points3D for image_id in images}
    far = gate.far_off({image_id: model.image(image_id).projection_center() for image_id in images})
    errors: dict[int, list[float]] = defaultdict(list)
    for point in model.points3D.values():
        for element in point.track.elements:
            errors[element.image_id].append(point.error)
    mean = {image_id: float(np.mean(of)) for image_id, of in errors.items()}
    usual = float(np.median(list(mean.values())))
    kept, every = survival(model, verified)
    return {
        "points": {image_id for image_id in images if seen[image_id] < gate.MIN_POINTS} | far,
        "error": {image_id for image_id, error in mean.items() if error > 2 * usual},
        "survival": {image_id for image_id in every if kept[image_id] < SURVIVAL * every[image_id]},
        "agreement": set(agreement.misplaced(votes)) | agreement.set_apart(votes),
    }


def without_every_tenth(database: Path) -> Any:
    """The matches that are taken out of the database, as `agreement` has them."""
    from splatworker.sfm import agreement
    from splatworker.sfm.colmap import pycolmap

    every = agreement.read_verified(database)
    kept = {}
    with pycolmap.Database.open(database) as opened:
        pair_ids, geometries = opened.read_two_view_geometries()
        with pycolmap.DatabaseTransaction(opened):
            opened.clear_two_view_geometries()
            for pair_id, geometry in zip(pair_ids, geometries, strict=True):
                pair = pycolmap.pair_id_to_image_pair(pair_id)
                matches = np.asarray(geometry.inlier_matches)
                kept[pair] = matches[::10]
                rest = np.ones(len(matches), bool)
                rest[::10] = False
                geometry.inlier_matches = np.ascontiguousarray(matches[rest])
                opened.write_two_view_geometry(*pair, geometry)
    return agreement.Verified(every.keypoints, kept)


def by_held_out(model: Any, held_out: Any) -> set[int]:
    """The images of whose held-out matches too few obey closely."""
    from splatworker.sfm import agreement, bend

    shares = agreement.shares(agreement.agreeing(model, held_out, bend.CLOSE_PX))
    usual = float(np.median(list(shares.values()))) if shares else 0.0
    return {image_id for image_id, share in shares.items() if share < min(0.5, 0.6 * usual)}


def survival(model: Any, verified: Any) -> tuple[Counter[int], Counter[int]]:
    """By image: of its verified matches, those that became one common point; all."""
    point_of = {}
    for image_id in model.reg_image_ids():
        points = model.image(image_id).points2D
        point_of[image_id] = np.array(
            [point.point3D_id if point.has_point3D() else -1 for point in points], dtype=np.int64
        )
    kept: Counter[int] = Counter()
    every: Counter[int] = Counter()
    for pair, matches in verified.matches.items():
        if not point_of.keys() >= set(pair) or not len(matches):
            continue
        one, two = (point_of[image_id][matches[:, side]] for side, image_id in enumerate(pair))
        common = int(((one == two) & (one >= 0)).sum())
        for image_id in pair:
            kept[image_id] += common
            every[image_id] += len(matches)
    return kept, every


Pose = tuple[np.ndarray, np.ndarray]
"""Rotation, camera from world, and center."""


def broken_models(good: Any) -> Iterator[tuple[str, Any, set[int]]]:
    """Every way to break it."""
    images = sorted(good.reg_image_ids())
    poses: dict[int, Pose] = {i: (rotation_of(good, i), good.image(i).projection_center()) for i in images}
    places = np.array([center for _, center in poses.values()])
    extent = float(np.linalg.norm(places - places.mean(axis=0), axis=1).max())
    rng = np.random.default_rng(0)
    chosen = [images[int(k)] for k in np.linspace(0, len(images) - 1, min(CAMERAS, len(images)))]

    for degrees in (2, 5, 20, 90):
        for i in chosen:
            turned = turned_by(direction(rng), degrees) @ poses[i][0]
            yield f"one turned by {degrees} degrees", with_poses(good, {i: (turned, poses[i][1])}), {i}
    for share in (0.05, 0.2, 1.0):
        for i in chosen:
            aside = poses[i][1] + direction(rng) * share * extent
            yield f"one moved by {share:.0%} of the extent", with_poses(good, {i: (poses[i][0], aside)}), {i}
    for i in chosen:
        other = images[(images.index(i) + len(images) // 3) % len(images)]
        yield "two swapped", with_poses(good, {i: poses[other], other: poses[i]}), {i, other}

    middle = np.median([point.xyz for point in good.points3D.values()], axis=0)
    axes = np.linalg.svd(places - places.mean(axis=0))[2]
    order = [images[int(k)] for k in np.argsort((places - places.mean(axis=0)) @ axes[0])]
    for name, share, degrees in (
        ("half bent by 3 degrees", 0.5, 3),
        ("half bent by 10 degrees", 0.5, 10),
        ("half bent by 45 degrees", 0.5, 45),
        ("a third turned about the scene by 120 degrees, as of a thing with three like sides", 1 / 3, 120),
        ("a third turned about the scene by 180 degrees, as of one with two", 1 / 3, 180),
    ):
        turn = turned_by(axes[2], degrees)
        group = order[: int(share * len(order))]
        about = {i: (poses[i][0] @ turn.T, middle + turn @ (poses[i][1] - middle)) for i in group}
        yield name, with_poses(good, about), set(group)
    half = order[: len(order) // 2]
    yield "half mirrored: near for far", with_poses(good, mirrored(poses, half, middle)), set(half)


def mirrored(poses: dict[int, Pose], group: list[int], middle: np.ndarray) -> dict[int, Pose]:
    """From where these cameras would see nearly the same of a scene mirrored in depth (Necker's cube)."""
    ahead = np.sum([poses[i][0][2] for i in group], axis=0)
    mirror = np.eye(3) - 2 * np.outer(ahead, ahead) / (ahead @ ahead)
    found = {}
    for i in group:
        rotation, center = poses[i]
        turned = np.diag([1.0, 1.0, -1.0]) @ rotation @ mirror
        found[i] = turned, middle - turned.T @ (rotation @ (middle - center))
    return found


def with_poses(good: Any, poses: dict[int, Pose]) -> Any:
    """A copy of the model in which these images stand elsewhere."""
    from splatworker.sfm.colmap import pycolmap

    model = copy.deepcopy(good)
    for image_id, (rotation, center) in poses.items():
        image = model.image(image_id)
        pose = pycolmap.Rigid3d(pycolmap.Rotation3d(rotation), -rotation @ center)
        model.frame(image.frame_id).set_cam_from_world(image.camera_id, pose)
    return model


def rotation_of(model: Any, image_id: int) -> np.ndarray:
    return np.asarray(model.image(image_id).cam_from_world().matrix())[:, :3]


def direction(rng: np.random.Generator) -> np.ndarray:
    vector = rng.normal(size=3)
    return np.asarray(vector / np.linalg.norm(vector))


def turned_by(axis: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    k = np.cross(axis, np.eye(3)).T
    return np.asarray(np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--more", action="store_true", help="held-out matches")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
