"""The product that the worker was made for, word for word: presets, what users type, and its webhook route.

Everything between the queue and the route is real: the SDK's loop, the network stages, a store that checks signatures.
One worker does the jobs of most tests, with a pretended GPU and an instant trainer.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import clips
from support.caller import PRESETS, PRICES, Caller
from support.jobs import write_photos
from support.platform_server import Platform, is_running
from support.s3 import Store
from support.waiting import PATIENCE_S, wait_until

PAGE = "https://pub-0123456789abcdef.r2.dev"
PHOTOS = [f"photos/{number}.jpg" for number in range(6)]
_numbers = itertools.count()


class Product:
    """The caller with its store, and the endpoint that it sends its jobs to."""

    def __init__(self, folder: Path, store: Store, caller: Caller, platform: Platform) -> None:
        self.folder, self.store, self.caller, self.platform = folder, store, caller, platform

    def start(self, name: str, *faults: str, **environment: str) -> Path:
        """A worker of the endpoint; the folder of its workspaces."""
        rule = f"{self.store.url}/splats/ {PAGE}/"
        workspaces = self.folder / f"workspaces-{name}"
        workspaces.mkdir()
        settings = {"SPLATWORKER_PUBLIC_URL": rule, "SPLATWORKER_WORKSPACE": str(workspaces)}
        self.platform.start_worker(name, *faults, **settings, **environment)
        return workspaces

    def submit(self, preset: str, **more: Any) -> tuple[str, dict[str, Any]]:
        """Order a job and send it; its id and input."""
        job = f"job-{next(_numbers)}"
        told = self.caller.order(job, preset, PHOTOS, **more)
        self.platform.submit(job, told)
        return job, told

    def do(self, preset: str, **more: object) -> tuple[str, dict[str, Any]]:
        """The same, and wait for it; its id and answer."""
        job, _ = self.submit(preset, **more)
        return job, self.answer(job)

    def answer(self, job: str) -> dict[str, Any]:
        """A job's answer, with the error that the platform takes out of it."""
        (result,) = self.platform.wait_for(job)
        answer: dict[str, Any] = result["output"] | {"error": result.get("error")}
        return answer


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("product")
    with Store() as store, Caller(store) as caller, Platform() as platform:
        for key, path in zip(PHOTOS, write_photos(folder / "photos"), strict=True):
            store.objects[key] = path.read_bytes()
        made = Product(folder, store, caller, platform)
        made.start("w1", "gpu=yes", "notify=tune:splatworker.deliver.webhook:LONGEST_WAIT_S=0.05")
        yield made


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_word_for_word(product: Product, preset: str) -> None:
    before = product.caller.credits
    job, output = product.do(preset)
    assert output["status"] == "success", output
    assert output["schedule"] == "own"
    assert output["iterations"]["asked"] == PRESETS[preset]["iterations"]
    assert output["quality"]["iterations"] == output["iterations"]["trained"] <= output["iterations"]["asked"]
    assert [warning for warning in output["warnings"] if "stops early" not in warning] == []
    assert product.store.objects[f"models/project-of-{job}.ply"].startswith(b"ply\n")
    assert product.caller.jobs[job] == {
        "status": "completed",
        "progress": 100,
        "model_url": f"{PAGE}/models/project-of-{job}.ply",
    }
    assert len(product.caller.heard(job)) == 1
    assert product.caller.credits == before - PRICES[preset]


def test_an_order_of_the_object_alone_is_never_left_without_a_splat(product: Product) -> None:
    """What the instant trainer makes is no single thing: the scene arrives, is paid for, and the answer says why."""
    job = f"job-{next(_numbers)}"
    told = product.caller.order(job, "standard", PHOTOS) | {"subject": "object"}
    product.platform.submit(job, told)
    output = product.answer(job)
    assert output["status"] == "success", output
    assert output["subject"]["delivered"] == "scene"
    assert output["subject"]["code"] == "no_single_subject"
    assert any("The whole scene is delivered." in warning for warning in output["warnings"])
    assert product.store.objects[f"models/project-of-{job}.ply"].startswith(b"ply\n")
    assert product.caller.jobs[job]["status"] == "completed"


TOO_MUCH = {
    "sh_degree": 4,
    "feature_lr": 3,
    "scaling_lr": 0.9,
    "densify_grad_threshold": 1e-12,
    "densify_until_iter": 9e9,
    "lambda_dssim": 1.5,
}

EMPTIED = dict.fromkeys(
    ("sh_degree", "position_lr_final", "feature_lr", "opacity_lr", "percent_dense", "opacity_reset_interval")
)
"""Its page sends NaN of a field that somebody has emptied, null in JSON, and its check asks about none of these."""

NO_SENSE = {
    "densification_interval": 0,
    "opacity_lr": -1,
    "scaling_lr": -0.005,
    "densify_from_iter": 0.4,
    "sh_degree": 2.5,
}
"""Its check lets these pass, too: it looks at iterations, sh_degree, position_lr_init, densify_grad_threshold alone."""


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ({"iterations": 9000.0, "sh_degree": 2.0, "densify_until_iter": 6000.0, "save_iterations": [900_000]}, []),
        (TOO_MUCH | {"resolution_scales": [0.5]}, [*TOO_MUCH, "resolution_scales"]),
        ({"iterations": 100_000}, []),  # the most of its page and of its check
        (EMPTIED, [*EMPTIED]),
        (NO_SENSE, [*NO_SENSE]),
    ],
    ids=["numbers with a point", "too much", "its most", "fields emptied", "no sense"],
)
def test_what_a_user_types_becomes_a_splat_or_a_warning(
    product: Product, typed: dict[str, Any], named: list[str]
) -> None:
    job, output = product.do("standard", **typed)
    assert output["status"] == "success", output
    said = [warning for warning in output["warnings"] if "stops early" not in warning]
    assert [name for name in named if not any(f"'{name}'" in warning for warning in said)] == []
    assert bool(said) == bool(named)
    assert product.caller.jobs[job]["status"] == "completed"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"iterations": "7000"}, ["'iterations'", 'without quotes: 7000, not "7000"']),
        ({"white_background": "true"}, ["'white_background'", "without quotes: true"]),
        ({"iteratoins": 7000}, ["'iteratoins'", "Did you mean 'iterations'?"]),
        ({"iterations": -1}, ["'iterations'", "greater than or equal to 1"]),
        ({"dropout": -1}, ["'dropout'", "greater than or equal to 0"]),
    ],
)
def test_what_makes_no_sense_is_told_and_paid_back_once(
    product: Product, typed: dict[str, Any], words: list[str]
) -> None:
    before = product.caller.credits
    job, output = product.do("standard", **typed)
    assert output["status"] == "error"
    told = f"{output['error']} {output['hint']}"
    assert all(word in told for word in words), told
    assert product.caller.jobs[job] == {"status": "failed", "error": output["error"]}
    assert product.caller.credits == before


def test_a_video_in_place_of_photos(product: Product) -> None:
    clip = clips.write_clip(product.folder / "walk.mov", clips.pan(range(0, 150, 3), size=(160, 120)))
    product.store.objects["videos/walk.mov"] = clip.read_bytes()
    job = f"job-{next(_numbers)}"
    told = product.caller.order(job, "standard", [])
    told |= {"video_url": product.store.presign("GET", "videos/walk.mov"), "video": {"frames": 20}}
    product.platform.submit(job, told)
    output = product.answer(job)
    assert output["status"] == "success", output
    assert (output["videos"][0]["name"], output["videos"][0]["frames"]) == ("walk.mov", 20)
    assert output["photos"]["registered"] == 20
    assert product.store.objects[f"models/project-of-{job}.ply"].startswith(b"ply\n")
    assert product.caller.jobs[job]["status"] == "completed"


def test_a_video_that_expired_in_the_queue(product: Product) -> None:
    job = f"job-{next(_numbers)}"
    told = product.caller.order(job, "standard", [])
    product.platform.submit(job, told | {"video_url": product.store.presign("GET", "videos/walk.mov", 1)})
    output = product.answer(job)
    assert (output["status"], output["code"]) == ("error", "invalid_job")
    assert "video_url" in output["error"]


def test_photos_that_expired_in_the_queue_are_named_as_that(product: Product) -> None:
    before = product.caller.credits
    job, _ = product.submit("standard", photos_live_s=1)
    output = product.answer(job)
    assert output["code"] == "invalid_job"
    assert "6 of 6 photos" in output["error"]
    assert "UTC" in output["error"]
    assert "queue" in output["hint"]
    assert "X-Amz-Expires" in output["hint"]
    assert product.caller.credits == before


def test_a_message_is_sent_until_it_is_answered_and_pays_back_once(product: Product) -> None:
    before = product.caller.credits
    product.caller.broken = 5
    job, output = product.do("high", iteratoins=1)
    assert not any("webhook" in warning for warning in output["warnings"])
    messages = [(identifier, body) for about, identifier, body in product.caller.messages if about == job]
    assert len(messages) == 6
    assert len({identifier for identifier, _ in messages}) == 1
    assert product.caller.credits == before


def test_a_failed_job_that_the_platform_hands_out_again_is_not_paid_back_again(product: Product) -> None:
    before = product.caller.credits
    job, told = product.submit("ultra", iteratoins=1)
    product.platform.wait_for(job)
    product.platform.results.clear()
    product.platform.submit(job, told)
    (again,) = product.platform.wait_for(job)
    assert again["output"]["status"] == "error"
    assert [body["status"] for body in product.caller.heard(job)] == ["failed"]
    assert product.caller.credits == before


def test_progress_is_told_to_whoever_asks_for_it(product: Product) -> None:
    job = f"job-{next(_numbers)}"
    told = product.caller.order(job, "preview", PHOTOS)
    asked = f"{job}-with-progress"
    product.caller.jobs[asked] = {}
    url = told["webhook_url"].replace(job, asked)
    product.platform.submit(asked, told | {"webhook_progress": True, "webhook_url": url})
    product.platform.wait_for(asked)
    *progress, last = product.caller.heard(asked)
    assert last["status"] == "completed"
    assert progress
    assert all(body["status"] == "processing" and 0 <= body["progress"] <= 100 for body in progress)


def test_a_job_stopped_while_its_end_is_being_told_is_told_once(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The route takes its time; the job is cancelled meanwhile, and the message is not sent a second time."""
    hear = product.caller._hear
    started: list[str] = []
    answer = threading.Event()

    def slowly(job: str, identifier: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        started.append(job)
        answer.wait(PATIENCE_S)
        return hear(job, identifier, body)

    monkeypatch.setattr(product.caller, "_hear", slowly)
    before = product.caller.credits
    job, _ = product.submit("standard", iteratoins=1)
    wait_until(lambda: job in started)
    product.platform.stop_job(job)
    wait_until(lambda: not product.platform._stop.get("w1"))  # the worker has heard of it
    answer.set()
    after, _ = product.submit("preview")  # which the worker takes when it is done with the other
    product.platform.wait_for(after)
    assert started.count(job) == 1
    assert product.caller.jobs[job]["status"] == "failed"
    assert product.caller.credits == before - PRICES["preview"]


@pytest.mark.parametrize(("tells", "messages", "paid_back"), [("1", ["failed"], 2), ("0", [], 1)])
def test_a_job_that_its_user_cancels_is_paid_back_once_if_the_operator_says_so(
    product: Product, tells: str, messages: list[str], paid_back: int
) -> None:
    """The route pays back where it cancels, and again for the message that it hears of it."""
    with Platform() as platform:
        cancelling = Product(product.folder, product.store, product.caller, platform)
        workspaces = cancelling.start(f"cancels-{tells}", "train=hang", SPLATWORKER_TELL_CANCELLED=tells)
        before = product.caller.credits
        job, _ = cancelling.submit("ultra")
        wait_until(lambda: is_running("train", workspaces))
        product.caller.cancel(job)
        platform.stop_job(job)
        wait_until(lambda: not list(workspaces.iterdir()))  # the job has ended, and all that it had to say is said
        after, _ = cancelling.submit("standard", iteratoins=1)
        platform.wait_for(after)  # the worker goes on, and what fails by itself is told in any case
    assert [body["status"] for body in product.caller.heard(job)] == messages
    assert [body["status"] for body in product.caller.heard(after)] == ["failed"]
    assert product.caller.jobs[job]["status"] == "failed"
    assert product.caller.credits == before + (paid_back - 1) * PRICES["ultra"]


def test_without_a_gpu_a_preset_stays_a_preview_and_says_what_it_would_take(product: Product) -> None:
    preset = "ultra"
    with Platform() as platform:
        cpu = Product(product.folder, product.store, product.caller, platform)
        cpu.start("cpu", "gpu=without-kernels")
        _, preview = cpu.do(preset)
        _, whole = cpu.do(preset, preview=False)
    asked = PRESETS[preset]["iterations"]
    assert preview["iterations"] == {"asked": asked, "trained": 1500, "stopped_early": False}
    assert preview["quality"]["preview"] is True
    (said,) = [warning for warning in preview["warnings"] if "no GPU" in warning]
    assert "1500 iterations" in said
    assert re.search(r"in about \d+ minutes?\b", said)  # by this machine's processors
    assert "'preview': false" in said
    assert whole["quality"]["preview"] is False
    assert whole["iterations"]["asked"] == asked
    assert whole["iterations"]["trained"] > 1500
    assert any("no GPU" in warning and "about" in warning for warning in whole["warnings"])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_preset_through_the_real_stages_on_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = sorted((Path(__file__).parents[2] / "examples" / "photos").glob("*.jpg"))
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(tmp_path))
    with Store() as store, Caller(store) as caller, Platform() as platform:
        keys = [f"photos/{path.name}" for path in photos]
        store.objects |= dict(zip(keys, (path.read_bytes() for path in photos), strict=True))
        platform.start_worker(real_stages="yes", CUDA_VISIBLE_DEVICES="")
        platform.submit("job-real", caller.order("job-real", "ultra", keys, sh_degree=4))
        (result,) = platform.wait_for("job-real", seconds=1100)
    output = result["output"]
    assert output["status"] == "success", output
    assert output["photos"]["registered"] == len(photos)
    assert output["iterations"]["trained"] == 1500
    assert output["quality"]["training_psnr"] > 22
    assert caller.jobs["job-real"]["status"] == "completed"
    assert len(store.objects["models/project-of-job-real.ply"]) == output["file_size"]
