#!/usr/bin/env bash
# Packs the crates that an embedder needs, with the prebuilt guest in one of them, builds each from its package, and goes through publishing
# them but for the upload: `guest/prebuilt.sh EXUVIA [OPTION OF CARGO PACKAGE]...`; `--no-verify` builds nothing. The files are in `target/package`.
# `guest/prebuilt.sh EXUVIA publish [OPTION OF CARGO PUBLISH]...` publishes them. Needs `zstd` and the index of crates.io.
set -euo pipefail
cd "$(dirname "$0")/.."
exuvia="$1"
shift
# crates.io takes no larger package.
most=$((10 * 1024 * 1024))

# Each package is built with the profile for development: its build script compiles the guest, and is slow unless it is optimized.
export CARGO_PROFILE_DEV_BUILD_OVERRIDE_OPT_LEVEL=2

out="$(mktemp -d)"
trap 'rm -rf "$out" guest/prebuilt/guest.wasm.zst guest/prebuilt/sandbox.wit' EXIT
"$exuvia" guest export "$out" > /dev/null
zstd -q -19 --long=27 "$out/exuvia-guest.wasm" -o guest/prebuilt/guest.wasm.zst
cp "$out/sandbox.wit" guest/prebuilt/

crates=(text tool catalog guest host runtime sandbox)
# The prebuilt guest is in no commit.
packages=(--allow-dirty "${crates[@]/#/-pexuvia-}")
if [ "${1:-}" = publish ]; then
    cargo publish "${packages[@]}" "${@:2}"
    exit
fi

cargo package "${packages[@]}" "$@"
version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
for crate in "${crates[@]}"; do
    file="${CARGO_TARGET_DIR:-target}/package/exuvia-$crate-$version.crate"
    bytes="$(stat -c %s "$file")"
    echo "$bytes bytes $(basename "$file")"
    [ "$bytes" -le "$most" ] || { echo "larger than $most bytes, which is what crates.io takes" >&2; exit 1; }
done

# Manifests as crates.io wants them, versions that it does not have, dependencies that it has or that are published before.
cargo publish --dry-run --no-verify "${packages[@]}"
case " $* " in
    *" --no-verify "*) echo "published as a dry run; NOT BUILT from what is in the packages" ;;
    *) echo "published as a dry run; built from what is in the packages" ;;
esac
