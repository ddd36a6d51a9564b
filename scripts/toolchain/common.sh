# shellcheck shell=bash
# Shared by the scripts: messages, elapsed time, checks of the machine. Expects $ROOT, the repository.

# shellcheck source=scripts/toolchain/versions.env
source "$ROOT/scripts/toolchain/versions.env"

say() { printf '%s\n' "$*" >&2; }
warn() { say "WARNING: $*"; }
die() {
  say "ERROR: $*"
  exit 1
}

[ -n "${HOME:-}" ] || die "HOME is not set: tools and their downloads are kept below it"
[ -f "$ROOT/programs/Cargo.lock" ] || die "$ROOT is not the repository, or not all of it: programs/Cargo.lock is missing"

# The private folder of everything that is downloaded or built for the tools.
CACHE=${BALLAST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ballast}

need_cache() {
  mkdir -p "$CACHE" 2>/dev/null && [ -w "$CACHE" ] || die "$CACHE cannot be written to: name another folder in BALLAST_CACHE"
}

# no_arguments ARGUMENT…: refuses any.
no_arguments() { [ $# -eq 0 ] || die "scripts/$(basename "$0") takes no argument, and was given: $*"; }

# run_step TITLE COMMAND…: runs it with a heading and the time it took. Not to be called where `set -e` is off.
run_step() {
  local title=$1 start=$SECONDS
  shift
  say "==> $title"
  "$@"
  say "    done in $((SECONDS - start)) s: $title"
}

# The SHA-256 of a file.
sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

# Runs apt-get as root, which nothing else needs.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "apt-get needs root, and there is no sudo. As root: apt-get update${packages:+ && apt-get install ${packages[*]}}"
  fi
}

is_debian() { [ -r /etc/debian_version ] && command -v apt-get >/dev/null; }

is_debian_12_amd64() {
  is_debian && [ "$(dpkg --print-architecture)" = amd64 ] &&
    grep -qx 'ID=debian' /etc/os-release && grep -qx 'VERSION_ID="12"' /etc/os-release
}

# apt_install NAME[=VERSION]…: with fresh package lists only when the old ones do not do.
apt_install() {
  local packages=("$@") install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends
    -o DPkg::Lock::Timeout=120 "$@")
  as_root "${install[@]}" >&2 || { as_root apt-get update -q >&2 && as_root "${install[@]}" >&2; }
}

# apt_need NAME…: or ends with an error.
apt_need() { apt_install "$@" || die "apt-get could not install $*: is there a network?"; }

# The host's Rust: tests, IDL and linker are built with it.
need_rust() {
  local version
  version=$(rustc --version 2>/dev/null | cut -d' ' -f2) || true
  command -v cargo >/dev/null && [ -n "$version" ] ||
    die "no Rust on PATH: install Rust $RUST_MIN or newer (rustup, or on Debian 12 the packages rustc-web and cargo-web)"
  [ "$(printf '%s\n' "$RUST_MIN" "$version" | sort -V | head -n 1)" = "$RUST_MIN" ] ||
    die "Rust $version is too old: $RUST_MIN or newer is needed (with rustup: rustup update)"
}

# Where programs/build-tools is built.
build_tools_target=$ROOT/target/build-tools

# build_tool ARGUMENT…: runs programs/build-tools, built with the host's Rust. rustup's own variable is taken away:
# anchor-lang-idl 0.2.0 passes it on wrongly.
build_tool() {
  need_rust
  (
    cd "$ROOT/programs"
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET RUSTUP_TOOLCHAIN
    cargo build --locked -q -p ballast-build-tools --target-dir "$build_tools_target" >&2
    "$build_tools_target/debug/ballast-build-tools" "$@" >&2
  )
}

# The C compiler, which Rust links with.
need_cc() {
  command -v cc >/dev/null && return
  is_debian || die "no C compiler: install one that answers to \`cc\`"
  run_step "installing a C compiler" apt_need gcc libc6-dev
}
