#!/usr/bin/env bash
# A project that has offshoot as a subproject: builds, runs, and is spared our tests.
set -euo pipefail
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp -r "$here/subproject" "$work/project"
cp "$here/offshoot.cpp" "$work/project/main.cpp"
mkdir "$work/project/subprojects"
ln -s "$SOURCE" "$work/project/subprojects/offshoot"
meson setup --buildtype=plain "$work/build" "$work/project"
meson compile -C "$work/build"
diff "$here/offshoot.expected" <("$work/build/main")
tests=$(meson introspect --tests "$work/build")
[[ $tests == "[]" ]] || { echo "brings its own tests: $tests" >&2; exit 1; }
