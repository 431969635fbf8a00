#!/bin/sh
# features.sh LIBRARY: what the assembly's feature note says. IBT, so that a program which asks for
# indirect branch tracking can have it; never SHSTK, since a return address moves with its slice.
command -v readelf >/dev/null || { echo "readelf is missing: apt-get install binutils"; exit 77; }
notes=$(readelf --wide --notes "$1")
echo "$notes"
case $notes in *SHSTK*) echo "FAILED: marked SHSTK"; exit 1 ;; esac
case $notes in *"x86 feature: IBT"*) ;; *) echo "FAILED: not marked IBT"; exit 1 ;; esac
