#!/usr/bin/env bash
# Upload the photos in test-images/ to an R2 bucket: ./upload-test-images.sh
#   R2_BUCKET               the bucket
#   R2_PREFIX               the folder in it (test-images)
#   CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID   what wrangler logs in with, unless `wrangler login` was used
set -euo pipefail
cd "$(dirname "$0")"

if [ $# -gt 0 ]; then
  echo "usage: R2_BUCKET=NAME ./upload-test-images.sh   photos are those in test-images/" >&2
  exit 2
fi
bucket=${R2_BUCKET:-}
prefix=${R2_PREFIX:-test-images}
folder=test-images

if [ -z "$bucket" ]; then
  echo "upload-test-images.sh: set R2_BUCKET to the bucket's name." >&2
  exit 1
fi
if command -v wrangler >/dev/null; then
  wrangler=(wrangler)
elif command -v npx >/dev/null; then
  wrangler=(npx --yes wrangler@4)
else
  echo "upload-test-images.sh: wrangler is needed: npm install -g wrangler" >&2
  exit 1
fi

photos=()
while IFS= read -r -d '' photo; do photos+=("$photo"); done < <(
  find "$folder" -maxdepth 1 -type f \
    \( -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.png' -o -iname '*.webp' -o -iname '*.heic' -o -iname '*.tif' \
    -o -iname '*.tiff' \) -print0 2>/dev/null | sort -z
)
if [ "${#photos[@]}" -lt 5 ]; then
  echo "upload-test-images.sh: $folder/ holds ${#photos[@]} photos; put at least 5 there." >&2
  exit 1
fi

content_type() {
  case "${1,,}" in
    *.jpg | *.jpeg) echo image/jpeg ;;
    *.png) echo image/png ;;
    *.webp) echo image/webp ;;
    *.heic) echo image/heic ;;
    *) echo image/tiff ;;
  esac
}

for photo in "${photos[@]}"; do
  name=${photo##*/}
  echo "$name"
  # --remote: without it wrangler 4 writes to a store on this machine and says nothing about it.
  if ! "${wrangler[@]}" r2 object put "$bucket/$prefix/$name" --file "$photo" --content-type "$(content_type "$name")" \
    --remote >/dev/null; then
    echo "upload-test-images.sh: $name was not uploaded to $bucket; wrangler login, or set CLOUDFLARE_API_TOKEN." >&2
    exit 1
  fi
done
echo "Uploaded ${#photos[@]} photos to $bucket/$prefix. Next: ./generate-presigned-urls.sh"
