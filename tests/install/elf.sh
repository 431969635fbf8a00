#!/usr/bin/env bash
# What a shared library must be: a soname, no relocation in its text, a stack that is not
# executable, and no name offered but those of namespace offshoot and the switch.
source "$(dirname "$0")/installed.sh"
for package in $(packages); do
  library=$libdir/lib$package.so
  dynamic=$(readelf --dynamic "$library")
  [[ $dynamic =~ SONAME.*\[lib$package\.so\.[0-9]+\] ]] || fail "$library: soname: $dynamic"
  [[ $dynamic != *TEXTREL* ]] || fail "$library: relocations in its text"
  stack=$(readelf --wide --program-headers "$library" | grep GNU_STACK)
  [[ $stack == *" RW "* ]] || fail "$library: executable stack: $stack"
  # Their type information and tables too; and weak ones of the standard library's templates.
  others=$(nm --dynamic --defined-only --demangle "$library" | cut -d' ' -f2- |
    grep -vE '^[WVuw] |^[TDBRi] (offshoot::|offshoot_switch$|(vtable|VTT|typeinfo|typeinfo name) for offshoot::)' || true)
  [[ -z $others ]] || fail "$library offers more than its own: $others"
done
