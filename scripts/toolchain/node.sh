# shellcheck shell=bash
# Node.js, for the TypeScript client and the page. Expects common.sh.

# Checked before anything is built.
need_node() {
  local version
  version=$(node --version 2>/dev/null) && command -v npm >/dev/null ||
    die "no Node.js on PATH: install Node.js $NODE_MIN or newer with npm"
  [ "$(printf '%s\n' "v$NODE_MIN" "$version" | sort -V | head -n 1)" = "v$NODE_MIN" ] ||
    die "Node.js $version is too old: $NODE_MIN or newer is needed"
}

# npm_in FOLDER ARGUMENT…: runs npm there.
npm_in() {
  (cd "$ROOT/$1" && npm "${@:2}")
}

# npm_packages FOLDER TITLE: exactly those of its lock file.
npm_packages() {
  run_step "packages of the $2" npm_in "$1" ci --no-audit --no-fund --loglevel=error
}
