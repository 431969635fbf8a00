#!/usr/bin/env bash
# gdb finds its commands by itself when a program loads the installed library.
source "$(dirname "$0")/installed.sh"
# shellcheck disable=SC2046 # flags are words
$CXX -std=c++20 "$here/offshoot.cpp" -o "$work/program" \
  $(installed_flags --cflags --libs offshoot) -Wl,-rpath,"$libdir"
# gdb composes the script's path from the library's: what was installed for the prefix is put under the
# place where the prefix lies for now.
scripts=$work/scripts
mkdir -p "$scripts$(dirname "$libdir")"
ln -s "$root/share/gdb/auto-load${libdir#"$work/destdir"}" "$scripts$libdir"
said=$(gdb -nx -batch -iex "set debuginfod enabled off" -iex "add-auto-load-safe-path $work" \
  -iex "add-auto-load-scripts-directory $scripts" \
  -ex "break main" -ex run -ex "help info greenlets" "$work/program" 2>&1 </dev/null)
[[ $said == *"List the greenlets of all threads"* ]] || fail "not loaded: $said"
