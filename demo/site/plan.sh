#!/bin/sh
# The plan: render the site into ./rendered, and show how it differs from what is deployed.
set -eu
: "${SITE_TARGET:?where the site is deployed}"
: "${SITE_PASSWORD:?the password of the status page}"
echo "rendering with the password $SITE_PASSWORD, which must not be seen here"
rm -rf rendered && mkdir rendered
for template in templates/*; do
    sed -e "s|@VERSION@|$SITE_VERSION|g" -e "s|@PASSWORD@|$SITE_PASSWORD|g" "$template" > "rendered/${template##*/}"
done
mkdir -p "$SITE_TARGET"
if diff -ruN "$SITE_TARGET" rendered; then
    echo "No changes."
else
    echo "Plan: $(find rendered -type f | wc -l | tr -d ' ') files to deploy."
fi
