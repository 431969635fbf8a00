# need PACKAGE...: sees to it that what these packages of Debian's provide is there.
#
# It looks for the commands and headers themselves, so that one installed by hand is as good as
# Debian's. What is missing is installed where there is apt-get, and listed where there is not.

declare -A provided_by=(
  [g++]="command g++"
  [clang]="command clang++"
  [clang-19]="command clang++-19"
  [lld-19]="command ld.lld-19"
  [clang-format]="command clang-format"
  [meson]="command meson"
  [ninja-build]="command ninja"
  [pkg-config]="command pkg-config"
  [doctest-dev]="header doctest/doctest.h"
  [libbenchmark-dev]="header benchmark/benchmark.h"
  [libboost-context-dev]="header boost/context/fiber.hpp"
  [qemu-user]="command qemu-aarch64"
  [libcli11-dev]="header CLI/CLI.hpp"
  [valgrind]="header valgrind/memcheck.h"
  [libdw-dev]="header elfutils/libdwfl.h"
  [gdb]="command gdb"
  [make]="command make"
  [xz-utils]="command xz"
)

export CXX=${CXX:-g++}
to_build=(g++ meson ninja-build pkg-config)
[[ $CXX != *clang* ]] || to_build[0]=clang
to_test=(doctest-dev libcli11-dev libdw-dev gdb valgrind)

have() {
  case $1 in
    command) command -v "$2" >/dev/null ;;
    header) # asks the compiler, or looks where compilers look as long as there is none
      $CXX -E -x c++ -include "$2" /dev/null &>/dev/null || [[ -e /usr/include/$2 ]] ;;
  esac
}

# Sets `missing` to those of the packages that are.
find_missing() {
  local package kind what _
  missing=()
  for package in "$@"; do
    read -r kind what _ <<<"${provided_by[$package]}"
    have "$kind" "$what" || missing+=("$package")
  done
}

as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

# with_packages_known COMMAND...: a fresh system knows none yet, and an old list names files that are gone.
with_packages_known() {
  "$@" 2>/dev/null || { as_root apt-get update -qq && "$@"; }
}

apt_install() {
  with_packages_known as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends "$@"
}

# constant NAME FILE: what a cross file says.
constant() {
  sed -n "s/^$1 = '\(.*\)'$/\1/p" "$2"
}

# need_cross CPU: what its cross file asks for: the compiler, whose libraries clang++ takes as well, and the
# emulator.
need_cross() {
  local triple
  if [[ -n $(cross_root "$1") ]]; then
    need clang-19 lld-19
    fetch_cross_root "$1"
  else
    triple=$(constant triple "arch/cross/$1.ini")
    provided_by[g++-$triple]="command $triple-g++"
    need "g++-$triple" qemu-user
  fi
}

need() {
  local missing
  find_missing "$@"
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if have command apt-get && { [[ $EUID -eq 0 ]] || have command sudo; }; then
    echo "dev: installing ${missing[*]}"
    apt_install "${missing[@]}" </dev/null >/dev/null || true
    find_missing "$@"
    [[ ${#missing[@]} -gt 0 ]] || return 0
  fi
  local package
  {
    echo "dev: missing, with the name of Debian's package for it:"
    for package in "${missing[@]}"; do echo "  ${provided_by[$package]} ($package)"; done
  } >&2
  exit 1
}
