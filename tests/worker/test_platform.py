"""The SDK's real production loop against a platform, a store that checks signatures, and a webhook on loopback."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.platform_fixtures import NAMES
from support.platform_server import Platform, is_running
from support.s3 import Store
from support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.usefixtures("workspaces")


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, Path]]:
    """A platform whose worker is started once, which takes longer than most jobs, and its folder of workspaces."""
    folder = tmp_path_factory.mktemp("workspaces")
    with Platform() as platform:
        platform.start_worker(SPLATWORKER_WORKSPACE=str(folder))
        yield platform, folder


@pytest.fixture
def working(at_work: tuple[Platform, Path]) -> Iterator[Platform]:
    """The platform with a worker at work. Each test's job needs an id of its own: a worker knows what it has done."""
    platform, folder = at_work
    platform.forget()
    yield platform
    assert list(folder.iterdir()) == []


def job(store: Store, key: str = "a.ply", **more: Any) -> dict[str, Any]:
    return {
        "project_id": f"project-of-{key}",
        "image_urls": store.photo_urls(NAMES),
        "upload_url": store.presign("PUT", key),
        "webhook_url": store.hook_url(),
        "params": {"iterations": 7000, "save_iterations": [7000, 30000], "resolution_scales": [1.0]},
        **more,
    }


def test_a_job_from_queue_to_webhook(working: Platform, store: Store) -> None:
    working.submit("first", job(store))
    (result,) = working.wait_for("first")
    output = result["output"]
    assert "error" not in result
    assert output["status"] == "success"
    assert output["project_id"] == "project-of-a.ply"
    assert output["file_size"] == len(store.objects["a.ply"]) > 0
    assert output["model_url"] == f"{store.url}/splats/a.ply"
    assert output["message"] == "Gaussian Splatting completed successfully"
    ((headers, message),) = store.hooks
    assert message == {
        "status": "completed",
        "project_id": "project-of-a.ply",
        "model_url": output["model_url"],
        "file_size": output["file_size"],
        "job_id": "first",
    }
    assert headers["webhook-id"].startswith("msg_")
    text = json.dumps(working.posts) + working.log() + json.dumps(message)
    for secret in ("X-Amz-Signature=", "hook-secret", "platform-key"):
        assert secret not in text


def test_an_error_is_a_failure_to_the_platform(working: Platform, store: Store) -> None:
    working.submit("without-photos", job(store, image_urls=store.photo_urls(["none.jpg"] * 5)))
    (result,) = working.wait_for("without-photos")
    assert isinstance(result["error"], str)
    assert result["output"]["status"] == "error"
    assert result["output"]["code"] == "no_photos"
    assert result["output"]["traceback"]
    ((_, message),) = store.hooks
    assert (message["status"], message["code"], message["error"]) == ("failed", "no_photos", result["error"])


def test_what_is_no_job_is_answered_and_the_next_one_done(working: Platform, store: Store) -> None:
    no_jobs = [None, "text", {}, {"image_urls": 7}, {"params": {"iterations": "many"}}]
    bad = {f"bad-{number}": no_job for number, no_job in enumerate(no_jobs)}
    for name, no_job in bad.items():
        working.submit(name, no_job)
    working.submit("good", job(store))
    *bad_results, good_result = working.wait_for(*bad, "good")
    for result in bad_results:
        assert isinstance(result["error"], str)
        assert result["output"]["status"] == "error"
    assert good_result["output"]["status"] == "success"


def test_progress_is_told_to_both_before_the_result(platform: Platform, store: Store, tmp_path: Path) -> None:
    platform.start_worker("w1", f"train=wait-for:{tmp_path / 'told'}")
    platform.submit("job-1", job(store, webhook_progress=True))
    wait_until(lambda: len(platform.posts) >= 2 and len(store.hooks) >= 2)
    (tmp_path / "told").touch()
    platform.wait_for("job-1")
    kinds = [body.get("status") for _, body in platform.posts]
    assert kinds[:-1] == ["IN_PROGRESS"] * (len(kinds) - 1)
    assert kinds[-1] is None
    told = [body["output"]["progress"] for _, body in platform.posts[:-1]]
    assert told == sorted(told)
    assert len(told) >= 2
    messages = [message for _, message in store.hooks]
    assert messages[-1]["status"] == "completed"
    progress = [message["progress"] for message in messages[:-1]]
    assert progress == sorted(progress)
    assert len(progress) >= 2
    assert all(message["status"] == "processing" and message["stage"] for message in messages[:-1])


def test_a_stopped_job_ends_at_once_and_the_worker_goes_on(platform: Platform, store: Store, workspaces: Path) -> None:
    platform.start_worker("w1", "train=hang")
    platform.submit("job-1", job(store))
    wait_until(lambda: is_running("train", workspaces))
    platform.stop_job("job-1")
    wait_until(lambda: store.hooks and not list(workspaces.iterdir()))  # its stage would take an hour
    assert store.hooks[0][1]["code"] == "cancelled"
    assert "job-1" not in platform.results
    platform.submit("job-2", job(store, image_urls=[]))
    assert platform.wait_for("job-2")[0]["output"]["code"] == "too_few_photos"


def test_sigterm_ends_the_worker_within_bounds_and_answers(platform: Platform, store: Store, workspaces: Path) -> None:
    worker = platform.start_worker("w1", "train=hang")
    platform.submit("job-1", job(store))
    wait_until(lambda: is_running("train", workspaces))
    worker.send_signal(signal.SIGTERM)
    (result,) = platform.wait_for("job-1")
    assert result["output"]["code"] == "cancelled"
    assert store.statuses() == ["failed"]
    worker.wait(timeout=PATIENCE_S)


def test_a_gpu_that_is_gone_stops_the_pod(platform: Platform, store: Store) -> None:
    platform.start_worker("w1", "train=gpu-lost")
    platform.submit("job-1", job(store))
    (result,) = platform.wait_for("job-1")
    assert result["stopPod"] is True
    assert result["output"]["code"] == "gpu_failed"


def test_a_result_that_gets_lost_on_the_way_is_posted_again(working: Platform, store: Store) -> None:
    working.lose_posts = 2
    working.submit("lost", job(store))
    assert working.wait_for("lost")[0]["output"]["status"] == "success"


def test_the_same_job_handed_out_again_is_not_done_again(working: Platform, store: Store) -> None:
    told = job(store)  # signed once: what the queue hands out again is the same to the letter
    working.submit("again", told)
    (first,) = working.wait_for("again")
    working.results.clear()
    working.submit("again", told)
    (second,) = working.wait_for("again")
    assert second == first
    assert store.puts == ["a.ply"]
    assert store.statuses() == ["completed"]


def test_an_unfit_machine_takes_no_job(platform: Platform, store: Store) -> None:
    worker = platform.start_worker("w1", "check-kernels=segfault")
    platform.submit("job-1", job(store))
    assert worker.wait(timeout=PATIENCE_S) == 1
    assert "job-1" not in platform.results
    assert any("status=unhealthy" in ping for ping in platform.pings["w1"])


def test_a_machine_without_gpu_is_unfit(platform: Platform, store: Store) -> None:
    worker = platform.start_worker("w1", SPLATWORKER_ALLOW_CPU="0")
    if Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    assert worker.wait(timeout=PATIENCE_S) == 1
    assert "There is no GPU" in platform.log()


def test_a_gpu_that_is_lost_between_two_jobs_replaces_the_worker(platform: Platform, store: Store) -> None:
    """The fitness check saw it; the job must not become a preview on the CPU."""
    platform.start_worker("w1", "gpu=lost", SPLATWORKER_ALLOW_CPU="0")
    platform.submit("job-1", job(store))
    (result,) = platform.wait_for("job-1")
    assert result["stopPod"] is True
    assert result["output"]["code"] == "gpu_failed"
    assert store.statuses() == ["failed"]


def test_a_deadline_that_is_no_number_is_told_at_the_start(platform: Platform, store: Store) -> None:
    worker = platform.start_worker("w1", SPLATWORKER_DEADLINE_S="half an hour")
    assert worker.wait(timeout=PATIENCE_S) == 1
    assert "SPLATWORKER_DEADLINE_S is 'half an hour'" in platform.log()


def test_the_log_is_one_json_object_a_line(working: Platform, store: Store) -> None:
    working.submit("logged", job(store))
    working.wait_for("logged")
    wait_until(lambda: '"event": "job ended"' in working.log().rpartition('"job": "logged"')[2])
    lines = working.log().split("\n")[:-1]
    events = [json.loads(line) for line in lines if line and not line.startswith("--- Starting Serverless Worker")]
    ours = [event for event in events if event.get("job") == "logged"]
    assert len(events) > len(ours)  # the SDK's are among them, and as whole
    assert [line["event"] for line in ours] == ["job started", "job ended"]
    assert ours[-1]["status"] == "success"
    assert ours[-1]["timings"]["total"] > 0


def test_a_self_test_needs_nothing(working: Platform) -> None:
    working.submit("self-test", {"self_test": True})
    (result,) = working.wait_for("self-test")
    assert result["output"]["status"] == "success"
    assert result["output"]["photos"]["given"] == 27


def test_the_worker_is_alive_while_it_works(platform: Platform, store: Store, tmp_path: Path) -> None:
    platform.start_worker("w1", f"sfm=wait-for:{tmp_path / 'heard'}")
    platform.submit("job-1", job(store))
    wait_until(lambda: any("job_id=job-1" in ping for ping in platform.pings.get("w1", [])))
    (tmp_path / "heard").touch()
    platform.wait_for("job-1")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_sixty_jobs_on_four_workers_one_of_which_is_killed(platform: Platform, store: Store) -> None:
    names = [f"job-{number}" for number in range(60)]
    for number in range(4):
        platform.start_worker(f"w{number}")
    for name in names:
        platform.submit(name, job(store, f"{name}.ply"))
    wait_until(lambda: len(platform.results) >= 12, 600)
    platform.kill("w2")
    results = platform.wait_for(*names, seconds=1000)
    assert all(result["output"]["status"] == "success" for result in results)
    delivered = [job_id for job_id, body in platform.posts if body.get("status") != "IN_PROGRESS"]
    assert sorted(delivered) == sorted(names)
    assert set(store.objects) == {f"{name}.ply" for name in names}
    told = [message["job_id"] for _, message in store.hooks]
    identifiers = {headers["webhook-id"] for headers, _ in store.hooks}
    assert set(told) == set(names)
    assert len(identifiers) == 60


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_real_stages_on_the_example_photos(platform: Platform, workspaces: Path) -> None:
    photos = Path(__file__).parents[2] / "examples" / "photos"
    names = sorted(path.name for path in photos.glob("*.jpg"))
    with Store(photos) as store:
        platform.start_worker(real_stages="yes")
        more: dict[str, Any] = {"image_urls": store.photo_urls(names), "params": {"iterations": 300, "eval": True}}
        platform.submit("job-1", job(store, **more))
        (result,) = platform.wait_for("job-1", seconds=1100)
    output = result["output"]
    assert output["status"] == "success", output
    assert output["photos"]["registered"] == len(names)
    assert output["quality"]["psnr"] > 15
    assert store.objects["a.ply"].startswith(b"ply\nformat binary_little_endian 1.0\n")
    assert list(workspaces.iterdir()) == []
