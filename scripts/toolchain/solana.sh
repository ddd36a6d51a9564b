# shellcheck shell=bash
# Solana's own tools. Sourced by scripts/build after common.sh.

solana_root=$CACHE/cargo-build-sbf-$CARGO_BUILD_SBF_VERSION
# What cargo-build-sbf downloads on its first run.
platform_tools_url=https://github.com/anza-xyz/platform-tools/releases/download/$PLATFORM_TOOLS_VERSION/platform-tools-linux-x86_64.tar.bz2

# The cargo-build-sbf to use: the machine's, or the one installed here before.
solana_find() {
  command -v cargo-build-sbf || { [ -x "$solana_root/bin/cargo-build-sbf" ] && echo "$solana_root/bin/cargo-build-sbf"; }
}

# Whether the platform tools are here, or can be downloaded: asked before minutes go into compiling cargo-build-sbf, which takes any
# folder for all of them. What an interrupted download left goes.
solana_tools_reachable() {
  local tools=${XDG_CACHE_HOME:-$HOME/.cache}/solana/$PLATFORM_TOOLS_VERSION/platform-tools
  if [ -d "$tools" ]; then
    "$tools/rust/bin/rustc" --version >/dev/null 2>&1 && [ -x "$tools/llvm/bin/clang" ] && return
    warn "$tools is incomplete: it is removed"
    rm -rf "$tools"
  fi
  if command -v curl >/dev/null; then
    curl -sfIL -o /dev/null --connect-timeout 5 --max-time 15 "$platform_tools_url"
  elif command -v wget >/dev/null; then
    wget -q --spider --tries=1 --timeout=10 "$platform_tools_url"
  else
    timeout 5 bash -c ': </dev/tcp/github.com/443' 2>/dev/null
  fi
}

solana_install() {
  need_cache
  cargo install cargo-build-sbf --version "=$CARGO_BUILD_SBF_VERSION" --locked --no-track --force -q \
    --root "$solana_root" --target-dir "$solana_root/target" >&2 && rm -rf "$solana_root/target"
}

# solana_build TOOL PROGRAM ARCH OUTPUT: compiles the program of a folder in programs/.
solana_build() {
  local tool=$1 program=$2 arch=$3 output=$4 out=$ROOT/target/sbf-solana/$3
  mkdir -p "$(dirname "$output")"
  (
    cd "$ROOT/programs/$program"
    "$tool" --arch "$arch" --tools-version "$PLATFORM_TOOLS_VERSION" --sbf-out-dir "$out" -- --locked >&2
  ) && install -m 644 "$out/${program//-/_}.so" "$output"
}
