#!/bin/sh
# Renew requirements*.txt: exact versions with the hashes of every platform's files, for all Pythons from 3.11 on.
# uv runs with an empty environment and without its configuration, so that no index or folder of this machine gets in.
# Usage: tools/pins.sh UV
set -eu
uv=$(command -v "$1") || {
    echo "uv is not installed: pip install uv" >&2
    exit 2
}

compile() {
    output=$1
    shift
    env -i PATH="$PATH" HOME="$HOME" SSL_CERT_FILE="${SSL_CERT_FILE-}" "$uv" --no-config --quiet pip compile \
        --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
        --custom-compile-command "make pins" "$@" --output-file "$output"
}

compile requirements-dev.txt --upgrade pyproject.toml --group build --group dev
# The two smaller sets are parts of the large one: the same versions everywhere.
compile requirements.txt --upgrade pyproject.toml --constraints requirements-dev.txt
compile requirements-build.txt --upgrade --group build --constraints requirements-dev.txt
