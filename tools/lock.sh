#!/bin/sh
# Write requirements.lock: the versions of everything `make venv` installs, taken from a fresh environment.
# Names and versions only: where packages come from is the business of the machine's own pip configuration.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM

"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip --disable-pip-version-check --quiet --quiet install ".[dev]"
{
    echo "# Every Python package of .venv, pinned. Written by 'make lock'; do not edit by hand."
    "$scratch/venv/bin/python" -m pip --disable-pip-version-check freeze --local | grep '==' | grep -v '^icsframework=='
} >"$scratch/lock"
mv "$scratch/lock" requirements.lock
echo "requirements.lock: $(grep -c '==' requirements.lock) packages"
