#!/bin/sh
# Build the wheel, install it into an empty environment and use it as a stranger would.
# Usage: tools/wheel_check.sh PYTHON   (a Python that has `build` and the build requirements)
set -eu
python=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo "Building the wheel ..."
"$python" -m build --wheel --no-isolation --outdir "$folder/dist" . >"$folder/build.log" 2>&1 || {
    cat "$folder/build.log" >&2
    exit 1
}
"$python" -m venv "$folder/venv"
pip="$folder/venv/bin/python -m pip --disable-pip-version-check --quiet"
$pip install --require-hashes -r requirements.txt
$pip install --no-deps "$folder"/dist/*.whl

# Away from the clone, so that nothing of src/ or shared files can help.
cd "$folder"
"$folder/venv/bin/python" -m pip check
"$folder/venv/bin/mailflow" --version
"$folder/venv/bin/mailflow" --help >/dev/null
"$folder/venv/bin/mailflow" demo "$folder/shop" --quiet >/dev/null
"$folder/venv/bin/mailflow" status --workspace "$folder/shop"
echo "The wheel works in an empty environment."
