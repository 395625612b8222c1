"""Write a job with presigned URLs: `presign.py PHOTOS_FOLDER JOB_FILE`. The environment says how; see the shell script.

Prints no URL: they are keys.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

PHOTO_SECONDS = 6 * 3600
UPLOAD_SECONDS = 12 * 3600
ADDRESS = r"https?://[A-Za-z0-9.:\[\]-]+(/[^\s?#]*)?"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".tif", ".tiff"}


def main(folder: Path, target: Path) -> int:
    """Write the job; the exit status."""
    names = sorted(path.name for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if len(names) < 5:
        sys.stderr.write(f"{folder}/ holds {len(names)} photos; put at least 5 there.\n")
        return 1
    try:
        job = _job(names, os.environ)
    except (BotoCoreError, ValueError) as error:
        sys.stderr.write(f"No URL can be signed: {' '.join(str(error).split())}\n")
        return 1
    return _write(job, target, len(names))


def _job(names: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """The job, with a signed URL for each photo and for the splat."""
    bucket, prefix = environment["R2_BUCKET"], environment.get("R2_PREFIX") or "test-images"
    endpoint = environment.get("R2_ENDPOINT") or f"https://{environment['R2_ACCOUNT_ID']}.r2.cloudflarestorage.com"
    for name, text, form, example in (
        ("R2_ENDPOINT", environment.get("R2_ENDPOINT"), ADDRESS, "https://s3.example.com"),
        ("R2_PUBLIC_URL", environment.get("R2_PUBLIC_URL"), ADDRESS, "https://pub-0123.r2.dev"),
        ("R2_ACCOUNT_ID", environment.get("R2_ACCOUNT_ID"), r"[A-Za-z0-9-]+", "0123456789abcdef"),
        ("R2_BUCKET", bucket, r"[A-Za-z0-9._-]{1,255}", "splats"),
    ):
        if text and not re.fullmatch(form, text):
            raise ValueError(f"{name} is {text!a}, and should be as {example}.")
    public = environment.get("R2_PUBLIC_URL", "").rstrip("/")
    upload_key = environment.get("UPLOAD_KEY") or "test-output/point_cloud.ply"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="auto",
        aws_access_key_id=environment["R2_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["R2_SECRET_ACCESS_KEY"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )

    def presign(operation: str, key: str, seconds: int) -> str:
        url: str = client.generate_presigned_url(operation, {"Bucket": bucket, "Key": key}, ExpiresIn=seconds)
        return url

    keys = [f"{prefix}/{name}" for name in names]
    job: dict[str, Any] = {
        "project_id": "test",
        "image_urls": [
            f"{public}/{quote(key)}" if public else presign("get_object", key, PHOTO_SECONDS) for key in keys
        ],
        "upload_url": presign("put_object", upload_key, UPLOAD_SECONDS),
        "params": {"iterations": 7000},
    }
    if public:
        job["public_url"] = f"{public}/{quote(upload_key)}"
    return job


def _write(job: dict[str, Any], target: Path, photos: int) -> int:
    """Write the job's file, whole or not at all; the exit status."""
    # Keys to a bucket: nobody else's business, from the first byte on.
    try:
        with tempfile.NamedTemporaryFile("w", dir=target.parent, prefix=".presign-", delete=False) as file:
            file.write(json.dumps({"input": job}, indent=2) + "\n")
        try:
            Path(file.name).replace(target)
        except OSError:
            Path(file.name).unlink()
            raise
    except OSError as error:
        sys.stderr.write(f"{target} cannot be written: {error.strerror}.\n")
        return 1
    where = urlsplit(job["upload_url"]).path.lstrip("/")
    sys.stdout.write(f"{target}: {photos} photos; the splat goes to {unquote(where)}. Do not commit it.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
