#!/bin/sh
# Make a virtual environment with the first Python that is new enough: the one named, else a newer one on the PATH.
# Usage: tools/make_venv.sh FOLDER PYTHON
set -eu
folder=$1
wanted=$2

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

for python in "$wanted" python3.13 python3.12 python3.11 none; do
    if new_enough "$python"; then break; fi
done
if [ "$python" = none ]; then
    found=$("$wanted" --version 2>/dev/null) || found="not there"
    echo "mailflow needs Python 3.11 or newer, and '$wanted' is $found." >&2
    echo "Install a newer one, or say where it is: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi
echo "Making a virtual environment in $folder with $("$python" --version) ..."
if ! "$python" -m venv "$folder"; then
    rm -rf "$folder"
    echo "Python's own 'venv' did not work (above is why). On Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi
