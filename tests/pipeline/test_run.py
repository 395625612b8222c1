"""The order of the stages: the first error ends the others, and is the job's; whole jobs are in handler/."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from splatworker.errors import NoOverlap
from splatworker.pipeline import run


def test_the_first_error_of_any_is_raised_and_a_result_waits_for_nobody_else() -> None:
    async def scene() -> Any:
        loop = asyncio.get_running_loop()
        wanted, other = loop.create_future(), loop.create_future()
        other.set_exception(NoOverlap("no two photos overlap"))
        with pytest.raises(NoOverlap):
            await run._unless_one_fails(wanted, other)
        finished, endless = loop.create_future(), loop.create_future()
        finished.set_result(7)
        assert await run._unless_one_fails(finished, endless) == 7
        assert not endless.done()

    asyncio.run(scene())


def test_what_ends_without_an_error_is_not_what_is_waited_for() -> None:
    async def scene() -> Any:
        loop = asyncio.get_running_loop()
        wanted, early = loop.create_future(), loop.create_future()
        early.set_result("early")
        loop.call_soon(lambda: loop.call_soon(wanted.set_result, "wanted"))
        return await run._unless_one_fails(wanted, early)

    assert asyncio.run(scene()) == "wanted"


def test_the_end_waits_until_cancelled_tasks_have_cleaned_up() -> None:
    cleaned = []

    async def scene() -> Any:
        entered = asyncio.Event()

        async def work() -> None:
            entered.set()
            try:
                await asyncio.sleep(1000)
            finally:
                await asyncio.sleep(0)
                cleaned.append(1)

        task = asyncio.create_task(work())
        await entered.wait()
        await run._end(task)

    asyncio.run(scene())
    assert cleaned == [1]


def test_sizes_are_those_of_photos_with_a_camera() -> None:
    decoded = {"photos": [{"name": name, "width": 40, "height": 30} for name in ("a.jpg", "b.jpg")]}
    assert run._sizes(decoded, {"rejected": [{"name": "a.jpg"}]}) == [(40, 30)]


def test_panoramas_are_planned_by_their_views_and_counted_as_what_they_are() -> None:
    decoded = {"photos": [{"name": name, "width": 40, "height": 20} for name in ("a.jpg", "b.jpg", "c.jpg")]}
    views = [{"panorama": "b.jpg", "name": f"b_{n}.jpg", "width": 10, "height": 10} for n in range(3)]
    scene = {"rejected": [{"name": "c.jpg"}], "panoramas": 2, "views": views}
    assert run._sizes(decoded, scene) == [(40, 20), (10, 10), (10, 10), (10, 10)]
    assert run._panoramas(scene) == {"panoramas": 2, "views": 3}
    assert run._panoramas({"rejected": [], "panoramas": 0, "views": []}) == {}


def test_the_sides_of_fisheyes_are_planned_beside_their_photos() -> None:
    decoded = {"photos": [{"name": "a.jpg", "width": 40, "height": 30}]}
    faces = [{"photo": "a.jpg", "name": "a_left.jpg", "width": 10, "height": 20}]
    assert run._sizes(decoded, {"rejected": [], "faces": faces}) == [(40, 30), (10, 20)]


def test_the_scores_of_held_out_photos_come_first_where_there_are_any() -> None:
    trained: dict[str, Any] = {"preview": False, "iterations": 7000, "quality": {"train": {"psnr": 31.0}}}
    assert run._quality(trained) == {"preview": False, "iterations": 7000, "training_psnr": 31.0}
    trained["quality"]["test"] = {"psnr": 29.0, "ssim": 0.9, "photos": ["a", "b"]}
    assert run._quality(trained) | {"psnr": 29.0, "ssim": 0.9, "held_out_photos": 2} == run._quality(trained)
    assert run._quality(trained | {"light": {"least": 0.7, "most": 1.3}})["light"] == {"least": 0.7, "most": 1.3}
    lenses = [{"photos": 20, "corner": 0.4}]
    assert run._quality(trained | {"vignetting": lenses})["vignetting"] == lenses
    learnt = {"least": 0.6, "most": 1.4}
    assert run._quality(trained | {"exposure": learnt})["exposure"] == learnt
    behind = {"empty": 0.5, "explained": 0.6, "gaussians": 1024}
    assert run._quality(trained | {"backdrop": behind})["backdrop"] == behind
    started = {"sparse": 900, "dense": 40_000, "coverage": 0.4}
    assert run._quality(trained | {"start_points": started})["start_points"] == started
    passed = {"share": 0.012, "photos": 4}
    assert run._quality(trained | {"passers_by": passed})["passers_by"] == passed


def test_the_shares_of_the_time_are_a_whole() -> None:
    assert sum(run.WEIGHTS.values()) == pytest.approx(1.0)
