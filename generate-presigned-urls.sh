#!/usr/bin/env bash
# Write a job for the photos in test-images/ that ./upload-test-images.sh has uploaded: ./generate-presigned-urls.sh [FILE]
#   FILE                     where to (test_input.json); it then holds keys to the bucket: do not commit it
#   R2_BUCKET, R2_PREFIX     the bucket, and the folder in it (test-images)
#   R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY   an R2 token's keys that may read and write objects
#   R2_ACCOUNT_ID            the account; or R2_ENDPOINT, the whole address of another S3 store
#   R2_PUBLIC_URL            https://pub-....r2.dev of a public bucket: photos are then read from there, unsigned
#   UPLOAD_KEY               what the splat is called in the bucket (test-output/point_cloud.ply)
set -euo pipefail
cd "$(dirname "$0")"

if [ $# -gt 1 ] || [[ ${1:-} == -* ]]; then
  echo "usage: ./generate-presigned-urls.sh [FILE]   see its head for the environment that it reads" >&2
  exit 2
fi
missing=()
for name in R2_BUCKET R2_ACCESS_KEY_ID R2_SECRET_ACCESS_KEY; do
  [ -n "${!name:-}" ] || missing+=("$name")
done
[ -n "${R2_ACCOUNT_ID:-}${R2_ENDPOINT:-}" ] || missing+=("R2_ACCOUNT_ID")
if [ "${#missing[@]}" -gt 0 ]; then
  echo "generate-presigned-urls.sh: set ${missing[*]}." >&2
  exit 1
fi

python=python3
[ ! -x .venv/bin/python ] || python=.venv/bin/python
if ! "$python" -c 'import boto3' 2>/dev/null; then
  echo "generate-presigned-urls.sh: boto3 is needed: scripts/setup installs it." >&2
  exit 1
fi
"$python" scripts/presign.py test-images "${1:-test_input.json}"
