#!/usr/bin/env bash
# A program of each installed package, linked to the shared library.
source "$(dirname "$0")/installed.sh"
for package in $(packages); do
  # shellcheck disable=SC2046 # flags are words
  $CXX -std=c++20 "$here/$package.cpp" -o "$work/$package" \
    $(installed_flags --cflags --libs "$package") -Wl,-rpath,"$libdir"
  needed=$(readelf --dynamic "$work/$package" | grep NEEDED)
  [[ $needed == *"lib$package.so."* ]] || fail "$package: not linked to its soname: $needed"
  diff "$here/$package.expected" <("$work/$package")
done
