#!/bin/sh
# The apply: deploy what the plan rendered, from the workspace that the plan left.
set -eu
: "${SITE_TARGET:?where the site is deployed}"
for file in rendered/*; do
    cp "$file" "$SITE_TARGET/${file##*/}"
    echo "deployed ${file##*/}"
done
echo "Apply complete."
