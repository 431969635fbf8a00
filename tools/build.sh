# Builds and test runs, one build directory for each configuration: build-NAME.

# configure NAME OPTION...: a directory that is configured already is left as it is.
configure() {
  [[ -e build-$1/build.ninja ]] || meson setup "build-$1" "${@:2}"
}

# run_tests NAME OPTION...: configures, builds and tests. It goes on after a failure, which is
# count's to report: a build that failed has left no log. With setup=NAME before it, in that test
# setup of meson's.
run_tests() {
  local log=build-$1/run${setup:+-$setup}-${#logs[@]}.json
  rm -f "$log" "build-$1"/meson-logs/*.json
  logs+=("$log")
  echo "== $1${setup:+, $setup}"
  configure "$1" -Dtests=enabled -Dexamples=enabled -Dbench=disabled "${@:2}" &&
    meson compile -C "build-$1" &&
    meson test -C "build-$1" --no-rebuild --print-errorlogs ${setup:+--setup="$setup"} "${test_options[@]}" || true
  cat "build-$1"/meson-logs/*.json >"$log" || true # a wrapper's name is part of the log's
}
logs=()
setup=
test_options=() # further ones of meson test
# A library compiled as one file, in a fifth of the time, and once.
in_one_file=(-Ddefault_library=static -Dunity=on -Dunity_size=100)

# run_cross CPU OPTION...: every test on that CPU, in an emulator.
run_cross() {
  local compiler=g++ where=
  if [[ -n $(cross_root "$1") ]]; then
    compiler=clang++ where=clang
  elif [[ $CXX == *clang* ]]; then
    compiler=clang++ where="clang clang14"
  fi
  run_emulated "cross-$1-$compiler${2:+-core}" "$1" $compiler "$where" "${@:2}"
}

# run_fallback CPU OPTION...: every test with Boost.Context's switch, in an emulator, or natively if CPU is empty.
run_fallback() {
  local name=fallback${1:+-$1}${2:+-core}
  if [[ -z $1 ]]; then
    run_elsewhere "$name" boost --buildtype=debugoptimized -Dcontext=boost "${@:2}"
  else
    fetch_boost "$1" "build-boost-$1"
    run_emulated "$name" "$1" g++ boost --cross-file "build-boost-$1/boost.ini" -Dcontext=boost "${@:2}"
  fi
}

# run_emulated NAME CPU COMPILER WHERE OPTION...
run_emulated() {
  local file=arch/cross/$2.ini family root
  local -x OFFSHOOT_SEEDS=5 # of the model test, some twenty times as slow
  family=$(constant cpu_family "$file")
  root=$(cross_root "$2")
  run_elsewhere "$1" "cross $family $4" ${root:+--cross-file "$root/root.ini"} \
    --cross-file "arch/cross/compilers/$3.ini" --cross-file "$file" \
    -Ddebug=false -Doptimization=1 "${in_one_file[@]}" "${@:5}"
}

# run_elsewhere NAME WHERE OPTION...: every test but what tests/cross.txt leaves out in one of these places.
run_elsewhere() {
  local -x OFFSHOOT_EXCLUDED_TEST_CASES
  # shellcheck disable=SC2086  # words
  OFFSHOOT_EXCLUDED_TEST_CASES=$(tools/left_out.py case $2)
  run_tests "$1" "${@:3}"
  # shellcheck disable=SC2086
  [[ " $* " == *" -Dhub=disabled "* ]] || compare_with_native "${logs[-1]}" $2
}

# compare_with_native LOG WHERE...: whether all tests that `./dev test` has run are in this log as well, or
# in tests/cross.txt.
compare_with_native() {
  local native=build-test/run-0.json
  if [[ ! -e $native ]]; then
    echo "not compared with what runs natively: that is './dev test', which has not run here"
  elif [[ -e $1 ]]; then
    tools/left_out.py compare "$native" "$@" || logs+=("$1.is-whole") # which is missing
  fi
}

# run_sanitized MODE: every test under a sanitizer or Valgrind, but what tests/sanitizers.txt leaves
# out. With g1, reports name files and lines.
run_sanitized() {
  local options=(-Ddebug=false -Doptimization=1 -Dcpp_args=-g1) name=$1 test_options=()
  local -x OFFSHOOT_EXCLUDED_TEST_CASES OFFSHOOT_SEEDS ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS
  OFFSHOOT_EXCLUDED_TEST_CASES=$(awk -F ' *[|] *' -v mode="$1" \
    '!/^#/ && (" " $1 " ") ~ (" " mode " ") { printf "%s%s", comma, $2; comma = "," }' \
    tests/sanitizers.txt)
  case $1 in
    address | address-uar) # one build, with undefined behaviour looked for as well
      name=address
      options=(-Ddebug=false -Doptimization=1 -Db_sanitize=address,undefined
        "-Dcpp_args=-g1 -fno-sanitize-recover=undefined")
      ASAN_OPTIONS=abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=0
      # LeakSanitizer cannot see the fake stacks of suspended greenlets, which are there to be small.
      # Nor does the hand-over check see locals in fake stacks, which a program of the docs shows.
      if [[ $1 == address-uar ]]; then
        ASAN_OPTIONS=abort_on_error=1:detect_leaks=0:detect_stack_use_after_return=1\
:max_uar_stack_size_log=16
        test_options=(--no-suite docs)
      fi
      ;;
    undefined) # not optimised, and with the switch as a function: the other legs are, and compile it in
      options=(-Ddebug=false -Doptimization=0 -Db_sanitize=undefined -Dinline_switch=false
        -Dcpp_args=-fno-sanitize-recover=all)
      ;;
    leak | thread)
      options+=("-Db_sanitize=$1")
      # Its quick unwinder knows no greenlet's stack, and what has no caller it holds to be no leak.
      LSAN_OPTIONS=fast_unwind_on_malloc=0
      OFFSHOOT_SEEDS=5 # of the model test, which takes some twenty times as long here
      TSAN_OPTIONS=report_signal_unsafe=0 # the tests' handlers come at moments that make it safe
      ;;
    memory) # with a C++ library that is built with it, too; libdw is not
      local -x CXX=clang++
      local library=$PWD/build-libstdcxx
      build_instrumented_libstdcxx "$library" || { logs+=("$library/tests"); return 0; } # which are missing
      options+=(-Db_sanitize=memory -Db_lundef=false -Dbacktrace=disabled
        "-Dcpp_link_args=-fsanitize=memory -L$library/lib -Wl,-rpath,$library/lib") # meson links a program first
      ;;
    valgrind)
      # Examples are run by a script and the echo server by its test, so it follows what they start,
      # but for the system's own programs. It takes some thirty times as long, so the model test tries
      # one seed. The death tests choose for themselves what they run in; gdb is not in question.
      # Functions are bound at the start: what the dynamic linker's trampoline writes where the main
      # stack has just grown, Valgrind reports.
      OFFSHOOT_SEEDS=1
      local -x LD_BIND_NOW=1
      test_options=(--wrapper "valgrind --quiet --error-exitcode=9 --trace-children=yes
        --soname-synonyms=somalloc=nouserintercepts
        --trace-children-skip=/bin/*,/usr/bin/*,/usr/lib/*"
        --timeout-multiplier 20 --no-suite fail --no-suite install --no-suite debugger)
      ;;
  esac
  run_tests "$name" "${in_one_file[@]}" "${options[@]}"
}

# Prints the closing line over all that run_tests has run; fails if any test did, or none ran.
count() {
  tools/count_tests.py "${logs[@]}"
}
