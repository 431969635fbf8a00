# Builds and test runs, one build directory for each configuration: build-NAME.

# configure NAME OPTION...: a directory that is configured already is left as it is.
configure() {
  [[ -e build-$1/build.ninja ]] || meson setup "build-$1" "${@:2}"
}

# run_tests NAME OPTION...: configures, builds and tests. It goes on after a failure, which is
# count's to report: a build that failed has left no log. With setup=NAME before it, in that test
# setup of meson's.
run_tests() {
  local log=build-$1/meson-logs/testlog${setup:+-$setup}.json
  rm -f "$log"
  logs+=("$log")
  echo "== $1${setup:+, $setup}"
  configure "$1" -Dtests=enabled -Dexamples=enabled -Dbench=disabled "${@:2}" &&
    meson compile -C "build-$1" &&
    meson test -C "build-$1" --no-rebuild --print-errorlogs ${setup:+--setup="$setup"} || true
}
logs=()
setup=

# Prints the closing line over all that run_tests has run; fails if any test did, or none ran.
count() {
  tools/count_tests.py "${logs[@]}"
}
