#!/usr/bin/env bash
# The README's first program and its output are the example hello, which runs as a test of its own;
# its other programs compile.
set -euo pipefail

# block LANGUAGE NUMBER: the README's code block of that language.
block() {
  awk -v opening="\`\`\`$1" -v number="$2" '
    $0 == "```" { inside = 0 }
    inside && seen == number
    $0 == opening { inside = 1; seen++ }' "$SOURCE/README.md"
}

diff <(block cpp 1) "$SOURCE/examples/hello.cpp"
diff <(block text 1) "$SOURCE/examples/hello.expected"
number=2
while [[ -n $(block cpp $number) ]]; do
  block cpp $number | $CXX -std=c++20 -x c++ -fsyntax-only -Wall -Wextra -I "$SOURCE/include" -
  number=$((number + 1))
done
[[ $number -gt 2 ]]
