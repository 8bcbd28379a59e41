#!/usr/bin/env bash
# Makes the pictures of the README anew: the table of a run, the gallery, and one picture's details. Needs Chromium.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

cargo build --release -p aws-adapter --bin imgcore
imgcore=$(cargo metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/release/imgcore

shoot() { # URL FILE WIDTH,HEIGHT
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update \
        --disable-sync --hide-scrollbars --force-prefers-reduced-motion --lang=en-US --user-data-dir="$work/profile" --window-size="$3" --virtual-time-budget=6000 \
        --screenshot="$2" "$1" 2>/dev/null
}

cp -r "$here/../test-images" "$work/pictures"
cd "$work"
{
    echo '<meta charset="utf-8"><style>body{margin:26px;background:#14181b;color:#eee;font:14px/1.5 "DejaVu Sans Mono",monospace;white-space:pre}'
    echo 'b{font-weight:400;color:#7fe3c8}i{font-style:normal;color:#8fe3a1}u{text-decoration:none;color:#f5d06f}</style><body><b>$</b> imgcore run'
    echo
    "$imgcore" run pictures | sed -E 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/ succeeded /<i>&<\/i>/; s/ rejected /<u>&<\/u>/; s/\[([a-z_]+)\]$/[<u>\1<\/u>]/'
} > table.html
shoot "file://$work/table.html" "$here/run.png" 1140,900

"$imgcore" serve pictures --port 8799 > /dev/null 2>&1 &
server=$!
sleep 3
shoot http://127.0.0.1:8799/ "$here/gallery.png" 1120,800
id=$("$imgcore" run pictures --json | sed -nE 's/.*"imageId":"([a-z0-9]+)".*phone-with-gps.*/\1/p')
shoot "http://127.0.0.1:8799/#$id" "$here/detail.png" 1120,800
