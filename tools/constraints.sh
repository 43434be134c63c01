#!/usr/bin/env bash
# Writes constraints.txt: one name==version line for every package that the project and its dependency groups resolve to today.
# Names and versions only: where packages come from is each machine's own affair.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset PIP_CONSTRAINT

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m venv "$scratch"
pip="$scratch/bin/python -m pip"
$pip install --quiet --upgrade pip

groups=$("$scratch/bin/python" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"])')
"$scratch/bin/python" - >"$scratch/requirements.txt" <<'PYTHON'
import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
print(*project["dependencies"], *sum(project.get("optional-dependencies", {}).values(), []), sep="\n")
PYTHON
# shellcheck disable=SC2086
$pip install --quiet --requirement "$scratch/requirements.txt" $(printf -- '--group %s ' $groups)

{
    echo "# Written by \`make constraints\`. Tested versions; the ranges that users get are in pyproject.toml."
    $pip freeze --all --exclude setuptools
} >"$scratch/constraints.txt"
if grep -nE '@|://' "$scratch/constraints.txt"; then
    echo "constraints: the lines above are not name==version" >&2
    exit 1
fi
mv "$scratch/constraints.txt" constraints.txt
