#!/bin/sh
# Builds the extension's package with the server in it: FOLDER/steadyhand.vsix. Nothing is built in the
# checkout. PYTHON is one that has the build dependencies of the repository (`make` has them in .venv).
set -eu
python=${1:?usage: package.sh PYTHON FOLDER}
folder=${2:?usage: package.sh PYTHON FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
for name in LICENSE README.md .vscodeignore media package.json package-lock.json src tsconfig.json; do
  rm -rf "${folder:?}/$name"
  cp -R "$here/$name" "$folder/"
done
rm -rf "$folder/server"
mkdir "$folder/server"
"$python" -m pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w "$folder/server" "$here/../.."
cp "$here/../../requirements.lock" "$folder/server/"
cd "$folder"
npm ci --no-audit --no-fund --loglevel=error
npm run --silent package
