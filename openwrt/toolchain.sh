# shellcheck shell=bash
# Read by openwrt/build and tests/foreign: what is built for which router, and with which compiler.
#   CROSS_PREFIX   where the compiler is (default: ~/.cache/leash-cross; keep it between builds)
PREFIX=${CROSS_PREFIX:-$HOME/.cache/leash-cross}
ZIG=0.15.2 ZIGBUILD=0.24.0
# Architectures of OpenWrt's packages.
ALL=(mipsel_24kc mips_24kc aarch64_cortex-a53 aarch64_generic arm_cortex-a7_neon-vfpv4 x86_64 riscv64_generic)

# The compiler's triple and its flags; Cross.toml has the same.
#
# No libc of the router's own, no unwind tables. Nowhere position-independent: OpenWrt does not ask for that of a daemon either,
# and it costs a table of all addresses; on MIPS calls go without a detour by a table, too, which saves a seventh (the linker
# fits it to libc's other way; tests run it on such a board's kernel).
target() {
  local all="-Ctarget-feature=+crt-static -Crelocation-model=static -Clink-self-contained=no -Cforce-unwind-tables=no"
  # What a panic says without its place, and no text of Debug, which only tests print: 13 kB of the package.
  all+=" -Zlocation-detail=none -Zfmt-debug=none"
  # Ciphers of the crates as loops: a few of them are read for each connection that begins.
  all+=' --cfg=sha2_backend_soft="compact" --cfg=aes_backend_soft="compact"'
  case $1 in
    mipsel_24kc) echo mipsel-unknown-linux-musl "$all" -Ctarget-feature=+noabicalls ;;
    mips_24kc) echo mips-unknown-linux-musl "$all" -Ctarget-feature=+noabicalls ;;
    aarch64_cortex-a53) echo aarch64-unknown-linux-musl "$all" -Ctarget-cpu=cortex-a53 ;;
    aarch64_generic) echo aarch64-unknown-linux-musl "$all" ;;
    arm_cortex-a7_neon-vfpv4) echo armv7-unknown-linux-musleabihf "$all" -Ctarget-cpu=cortex-a7 -Ctarget-feature=+neon,+vfp4,+thumb-mode ;;
    x86_64) echo x86_64-unknown-linux-musl "$all" ;;
    riscv64_generic) echo riscv64gc-unknown-linux-musl "$all" ;;
    s390x) echo s390x-unknown-linux-musl "$all" ;; # no router; big endian with a kernel of Debian's
    *) echo "'$1' is none of: ${ALL[*]}" >&2; return 64 ;;
  esac
}

# The only compiler with MIPS whose standard library can be built from matching sources: Debian's for browsers. Its packages
# would displace others, so they are unpacked, not installed. zig links, and brings musl for every target.
toolchain() {
  if [ ! -x "$PREFIX/rust/usr/bin/rustc" ]; then
    mkdir -p "$PREFIX/debs/partial"
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends --download-only --reinstall -o Dir::Cache::archives="$PREFIX/debs" \
      -o APT::Sandbox::User=root -o Debug::NoLocking=1 rustc-web cargo-web rust-web-src
    rm -rf "$PREFIX/rust.new" && mkdir "$PREFIX/rust.new"
    for deb in "$PREFIX"/debs/*.deb; do dpkg-deb -x "$deb" "$PREFIX/rust.new"; done
    mv "$PREFIX/rust.new" "$PREFIX/rust"
  fi
  if [ ! -x "$PREFIX/venv/bin/cargo-zigbuild" ]; then
    python3 -m venv "$PREFIX/venv"
    "$PREFIX/venv/bin/pip" install -q "ziglang==$ZIG" "cargo-zigbuild==$ZIGBUILD"
  fi
  export LD_LIBRARY_PATH="$PREFIX/rust/usr/lib/x86_64-linux-gnu" PATH="$PREFIX/rust/usr/bin:$PREFIX/venv/bin:$PATH"
  export RUSTC="$PREFIX/rust/usr/bin/rustc" RUSTC_BOOTSTRAP=1 # takes -Z on a stable compiler
  unset RUSTUP_TOOLCHAIN
  local sources
  sources=$(rustc --print sysroot)/lib/rustlib/src/rust
  [ "$(basename "$(readlink -f "$sources")")" = "rustc-$(rustc -vV | sed -n 's/^release: //p')" ] ||
    { echo "openwrt/build: compiler and sources in $PREFIX are of two versions: remove it and try again" >&2; return 69; }
  # No path of this machine in the program: the same bytes wherever it is built.
  # shellcheck disable=SC2034 # for openwrt/build
  REMAP="--remap-path-prefix=$sources=/rustc --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$PWD=/leash"
}
