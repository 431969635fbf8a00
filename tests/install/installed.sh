# Sourced: installs the build into a directory of its own, which goes away at the end, and lets
# pkg-config see that alone. Leaves `root`, where the installed prefix is, and `work` to build in.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

meson install -C "$BUILD" --no-rebuild --quiet --destdir "$work/destdir"
pc=$(find "$work/destdir" -name offshoot.pc)
export PKG_CONFIG_LIBDIR=${pc%/*}
root=$work/destdir$(pkg-config --variable=prefix offshoot)
libdir=${PKG_CONFIG_LIBDIR%/pkgconfig}

# installed_flags ARGUMENT...: what pkg-config says, with the prefix where it lies for now.
installed_flags() { pkg-config --define-variable=prefix="$root" "$@"; }

# The packages that this build installs.
packages() { find "$PKG_CONFIG_LIBDIR" -name '*.pc' -printf '%f\n' | sed 's/\.pc$//' | sort; }

fail() {
  echo "$*" >&2
  exit 1
}
