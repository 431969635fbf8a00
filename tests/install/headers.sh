#!/usr/bin/env bash
# Every public header is installed, and each compiles alone and without a warning.
source "$(dirname "$0")/installed.sh"
without=()
[[ -e $PKG_CONFIG_LIBDIR/offshoot-hub.pc ]] || without+=(! -path './offshoot/hub*')
[[ -e $PKG_CONFIG_LIBDIR/offshoot-trace.pc ]] || without+=(! -path './offshoot/backtrace.hpp')
headers() { (cd "$1" && find . -name '*.hpp' "${without[@]}" | sort); }
diff <(headers "$SOURCE/include") <(headers "$root/include") || fail "not what include/ holds"
status=0
for header in $(headers "$root/include"); do
  # shellcheck disable=SC2046 # flags are words
  echo "#include <${header#./}>" |
    $CXX -std=c++20 -x c++ -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
      $(installed_flags --cflags offshoot) - || status=1
done
exit $status
