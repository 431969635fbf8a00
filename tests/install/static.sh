#!/usr/bin/env bash
# A program of each installed package, linked where only the static libraries are.
source "$(dirname "$0")/installed.sh"
find "$libdir" -name '*.so*' -delete
for package in $(packages); do
  # shellcheck disable=SC2046 # flags are words
  $CXX -std=c++20 "$here/$package.cpp" -o "$work/$package" \
    $(installed_flags --static --cflags --libs "$package")
  ! readelf --dynamic "$work/$package" | grep liboffshoot || fail "$package: not static"
  diff "$here/$package.expected" <("$work/$package")
done
