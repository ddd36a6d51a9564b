# shellcheck shell=bash
# The engine as WebAssembly. Sourced by scripts/build after packages.sh.

wasm_target=wasm32-unknown-unknown

# Whether the host's Rust has the target's standard library.
wasm_host_ready() { [ -d "$(rustc --print target-libdir --target $wasm_target 2>/dev/null)" ]; }

# The packages that compile the standard library too, where there is none.
wasm_setup() {
  is_debian_12_amd64 || die "no standard library for $wasm_target.
  With rustup: rustup target add $wasm_target. Without, build on Debian 12 (amd64)."
  install_host_packages "$HOST_PACKAGES $WASM_PACKAGES"
}

# wasm_cargo CARGO OUTPUT ARGUMENT…
wasm_cargo() {
  local cargo=$1 output=$2 target_dir=$ROOT/target/wasm
  shift 2
  "$cargo" rustc --locked -q --profile wasm -p ballast-engine-wasm --crate-type cdylib --target $wasm_target \
    --target-dir "$target_dir" --manifest-path "$ROOT/Cargo.toml" "$@" >&2
  mkdir -p "$(dirname "$output")"
  install -m 644 "$target_dir/$wasm_target/wasm/ballast_engine_wasm.wasm" "$output"
}

# wasm_build_host OUTPUT
wasm_build_host() { wasm_cargo cargo "$1"; }

# wasm_build_packages OUTPUT
wasm_build_packages() {
  # Panics trap at once; the engine does not, and their messages would be half of the file.
  local flags=(-C linker="$WASM_LD" -Z unstable-options -C panic=immediate-abort)
  (
    unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS RUSTC_WRAPPER CARGO_TARGET_DIR
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}")
    export CARGO_ENCODED_RUSTFLAGS
    wasm_cargo /usr/bin/cargo "$1" -Z build-std=std,panic_abort
  )
}
