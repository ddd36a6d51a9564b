# shellcheck shell=bash
# The toolchain made of Debian and crates.io packages alone, for machines that cannot download Solana's tools.
# Sourced by scripts/build after common.sh.
#
#   rustc-web + rust-web-src   compile the program and std to BPF bitcode        (installed, Debian 12)
#   libLLVM 23                 what the linker is built on; 22 cannot do it     (unpacked in the cache, Debian sid)
#   sbpf-linker                bitcode to SBPF                                  (built in the cache, crates.io)

# One folder per set of pins, so that a changed version never meets old files.
packages_dir=$CACHE/packages-$(sha256 "$ROOT/scripts/toolchain/versions.env" | cut -c1-12)
llvm_lib=$packages_dir/llvm/usr/lib/x86_64-linux-gnu

# once NAME TITLE COMMAND…: runs a step unless its stamp says that it was finished before.
once() {
  local stamp=$packages_dir/$1.done
  shift
  [ -e "$stamp" ] && return
  run_step "$@"
  touch "$stamp"
}

packages_setup() {
  is_debian_12_amd64 || die "no usable toolchain for this system.
  Install Solana's tools (cargo build-sbf $CARGO_BUILD_SBF_VERSION, for example from the Agave release), or build on Debian 12 (amd64)."
  need_cache
  mkdir -p "$packages_dir"
  # Two builds that start together set up once.
  exec 9>"$CACHE/lock"
  flock 9
  install_host_packages "$HOST_PACKAGES"
  need_rust
  need_cc
  [ ! -e "$packages_dir/linker.done" ] || linker_works || {
    warn "the toolchain in $packages_dir is incomplete or was moved: it is made anew"
    rm -f "$packages_dir"/*.done
  }
  once llvm "fetching LLVM 23 from Debian sid (about 50 MB)" unpack_llvm
  once linker "building sbpf-linker $SBPF_LINKER_VERSION (one to three minutes)" build_linker
  linker_works || die "$packages_dir/linker/sbpf-linker does not run as version $SBPF_LINKER_VERSION: remove $packages_dir and try again"
  exec 9>&-
}

installed_version() { { dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$1" 2>/dev/null || true; } | sed -n 's/^ii //p'; }

# install_host_packages PINS: each NAME=VERSION.
install_host_packages() {
  local pin name have missing=() names=()
  for pin in $1; do
    name=${pin%%=*}
    have=$(installed_version "$name")
    if [ -z "$have" ]; then
      missing+=("$pin")
      names+=("$name")
    elif [ "$have" != "${pin#*=}" ]; then
      warn "$name is installed as $have, the build is pinned to ${pin#*=}: what it makes may differ"
    fi
  done
  [ ${#missing[@]} = 0 ] && return
  run_step "installing Debian packages: ${names[*]}" install_pinned
}

# Reads `missing` and `names` of install_host_packages. The Debian mirror keeps only the newest build of a package.
install_pinned() {
  apt_install "${missing[@]}" && return
  warn "not to be had as pinned: ${missing[*]}; taking the newest: what is built may differ"
  apt_install "${names[@]}" || die "apt-get could not install ${names[*]}"
}

# apt-get and apt-cache that see Debian sid and nothing else, with files of their own; signatures are verified.
sid_apt() {
  local tool=$1
  shift
  "$tool" -q -o Dir::Etc::sourcelist="$packages_dir/apt/sid.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::status=/dev/null \
    -o Dir::State::Lists="$packages_dir/apt/lists" -o Dir::Cache="$packages_dir/apt/cache" \
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Default-Release= \
    -o APT::Sandbox::User="$(id -un)" "$@"
}

# The mirror from which this system gets Debian 12 itself, whichever way its sources are written.
debian_mirror() {
  local query=(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages')
  local found
  found=$("${query[@]}" | awk '$2 == "bookworm" { print $1; exit }')
  if [ -z "$found" ]; then
    as_root apt-get update -q >&2
    found=$("${query[@]}" | awk '$2 == "bookworm" { print $1; exit }')
  fi
  [ -n "$found" ] || die "no source for bookworm in /etc/apt"
  echo "$found"
}

unpack_llvm() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror pin name wanted=() deb
  local apt=$packages_dir/apt debs=$packages_dir/debs root=$packages_dir/llvm
  [ -e "$keyring" ] || apt_install debian-archive-keyring
  mirror=$(debian_mirror)
  # Anything half done is from an interrupted run.
  rm -rf "$apt" "$debs" "$root"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$debs" "$root"
  echo "deb [signed-by=$keyring arch=amd64] $mirror sid main" >"$apt/sid.list"
  sid_apt apt-get update --error-on=any >&2 || die "Debian sid's list of packages could not be had from $mirror: is there a network?"
  for pin in $SID_PACKAGES; do
    name=${pin%%=*}
    if sid_apt apt-cache madison "$name" | awk -v v="${pin#*=}" '$3 == v { found = 1 } END { exit !found }'; then
      wanted+=("$pin")
    else
      warn "sid no longer has $pin; taking the newest $name (linker and program may come out different)"
      wanted+=("$name")
    fi
  done
  (cd "$debs" && sid_apt apt-get download "${wanted[@]}" >&2)
  for deb in "$debs"/*.deb; do dpkg -x "$deb" "$root"; done
  libllvm >/dev/null
  rm -rf "$apt" "$debs"
}

# The path of the unpacked libLLVM, whatever its minor version.
libllvm() {
  local found=("$llvm_lib/$LLVM_SONAME".*)
  [ -e "${found[0]}" ] || die "the unpacked packages have no $LLVM_SONAME"
  echo "${found[0]}"
}

# Whether the linker, and with it the LLVM that it loads, is here in its version.
# Of all that it prints, since a reader that stops at the first line may end it before the second.
linker_works() {
  local printed
  printed=$("$packages_dir/linker/sbpf-linker" --version 2>/dev/null) && [[ $'\n'$printed$'\n' == *$'\n'"sbpf-linker $SBPF_LINKER_VERSION"$'\n'* ]]
}

build_linker() {
  local target=$packages_dir/linker-target bin=$packages_dir/linker llvm
  llvm=$(libllvm)
  # The unpacked LLVM wants a newer libc than the host's: left open here, found by the loader below.
  env -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET -u RUSTC_WRAPPER \
    RUSTFLAGS="-C link-arg=$llvm -C link-arg=-Wl,--allow-shlib-undefined" \
    cargo install sbpf-linker --version "=$SBPF_LINKER_VERSION" --locked --no-track --force -q \
    --no-default-features --features "$SBPF_LINKER_FEATURES" --root "$packages_dir/linker-root" --target-dir "$target" >&2
  # The wrapper rustc calls: the linker under the loader and libraries unpacked beside it.
  mkdir -p "$bin"
  cat >"$bin/sbpf-linker" <<EOF
#!/bin/sh
exec "$llvm_lib/ld-linux-x86-64.so.2" --library-path "$llvm_lib" "$packages_dir/linker-root/bin/sbpf-linker" "\$@"
EOF
  chmod +x "$bin/sbpf-linker"
  rm -rf "$target"
}

# packages_build PROGRAM ARCH OUTPUT: compiles the program of a folder in programs/ for SBPF v0 or v3.
packages_build() {
  local program=$1 arch=$2 output=$3 sbf=$ROOT/target/sbf library=lib${1//-/_}.so adapter sysroot cargo_home flag
  local wide=sbf_multi3,sbf_udivti3,sbf_umodti3,sbf_divti3,sbf_modti3,__multi3,__divti3,__modti3
  cargo_home=${CARGO_HOME:-$HOME/.cargo}
  sysroot=$(/usr/bin/rustc --print sysroot)

  # Named by content, so that a change of it links anew.
  adapter=$sbf/wide-returns-$(sha256 "$ROOT/scripts/toolchain/wide-returns.ll" | cut -c1-12).bc
  mkdir -p "$sbf" "$(dirname "$output")"
  "$LLVM_AS" "$ROOT/scripts/toolchain/wide-returns.ll" -o "$adapter"

  local flags=(
    # By name, found on PATH: a full path would change with the machine, and with it the symbol hashes.
    -C linker=sbpf-linker
    # Panics trap at once; their messages would be half of the program.
    -Z unstable-options -C panic=immediate-abort
    -C relocation-model=static
    # What makes the Solana crates use syscalls, and std accept the target.
    '--cfg=target_os="solana"' '--cfg=target_feature="static-syscalls"' '--cfg=target_arch="csky"'
    -A explicit_builtin_cfgs_in_flags
    # SBPF: frames of 4 KiB, and none of the instructions that it lacks.
    -C link-arg=--arch="$arch"
  )
  for flag in -bpf-stack-size=4096 --bpf-max-stores-per-memfunc=5 --disable-gotox --disable-ldsx --disable-movsx; do
    flags+=(-C link-arg=--llvm-args="$flag")
  done
  # The same bytes from any folder.
  flags+=(
    --remap-path-prefix="$ROOT=/ballast"
    --remap-path-prefix="$cargo_home=/cargo"
    --remap-path-prefix="$(realpath "$sysroot/lib/rustlib/src/rust")=/rust"
  )

  # Told to write NAME.o, the linker leaves the object there, names and all, and the program beside it as NAME.so:
  # scripts/program-size reads the object.
  mkdir -p "$sbf/linker"
  cat >"$sbf/linker/sbpf-linker" <<EOF
#!/usr/bin/env bash
for argument; do
  shift
  case \$argument in
  */libballast.so) set -- "\$@" "\${argument%.so}.o" ;;
  *) set -- "\$@" "\$argument" ;;
  esac
done
exec "$packages_dir/linker/sbpf-linker" "\$@"
EOF
  chmod +x "$sbf/linker/sbpf-linker"

  # `cargo rustc`, because the adapter and the exports are for the program alone: some dependencies are cdylibs too. A
  # program without the functions of the adapter must not need them; the linker drops it.
  (
    cd "$ROOT/programs/$program" || exit
    unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS RUSTC_WRAPPER
    export PATH=$sbf/linker:$PATH RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTC_BOOTSTRAP_SYNTHETIC_TARGET=1
    CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}")
    export CARGO_ENCODED_RUSTFLAGS SOURCE_DATE_EPOCH=0
    /usr/bin/cargo rustc --locked --release --lib --target-dir "$sbf" \
      --target "$ROOT/scripts/toolchain/sbpf-$arch.json" -Z json-target-spec -Z build-std=std,panic_abort \
      -- -C link-arg="$adapter" -C link-arg=--export="$wide" >&2
  )
  if [ "$arch" = v0 ]; then
    # sbpf-linker passes stack arguments as if there were no gaps between the frames of v0.
    build_tool stack-args "$sbf/sbpf-v0/release/$library" "$output"
  else
    install -m 644 "$sbf/sbpf-$arch/release/$library" "$output"
  fi
}
