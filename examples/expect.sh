#!/bin/bash
# expect.sh PROGRAM FILE: runs the program, whose output must be what is in the file.
set -o pipefail
$MESON_EXE_WRAPPER "$1" | diff "$2" -
