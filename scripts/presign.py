"""Write a job with presigned URLs: `presign.py PHOTOS_FOLDER JOB_FILE`. The environment says how; see the shell script.

Prints no URL: they are keys.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from urllib.parse import quote

import boto3
from botocore.config import Config

PHOTO_SECONDS = 6 * 3600
UPLOAD_SECONDS = 12 * 3600
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".tif", ".tiff"}


def main(folder: Path, target: Path) -> int:
    """Write the job; the exit status."""
    names = sorted(path.name for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if len(names) < 5:
        sys.stderr.write(f"{folder}/ holds {len(names)} photos; put at least 5 there.\n")
        return 1
    environment = os.environ
    bucket, prefix = environment["R2_BUCKET"], environment.get("R2_PREFIX") or "test-images"
    endpoint = environment.get("R2_ENDPOINT") or f"https://{environment['R2_ACCOUNT_ID']}.r2.cloudflarestorage.com"
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
    job = {
        "project_id": "test",
        "image_urls": [
            f"{public}/{quote(key)}" if public else presign("get_object", key, PHOTO_SECONDS) for key in keys
        ],
        "upload_url": presign("put_object", upload_key, UPLOAD_SECONDS),
        "params": {"iterations": 7000},
    }
    if public:
        job["public_url"] = f"{public}/{quote(upload_key)}"
    # Keys to a bucket: nobody else's business, from the first byte on.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"input": job}, file, indent=2)
        file.write("\n")
    target.chmod(0o600)
    sys.stdout.write(f"{target}: {len(names)} photos; the splat goes to {bucket}/{upload_key}. Do not commit it.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
