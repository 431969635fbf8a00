# The C++ library as MemorySanitizer needs it. With Debian's, which is not compiled with it, whatever
# that library writes counts as never set.

# build_instrumented_libstdcxx DIR: puts one into DIR/lib, from Debian's package of gcc's sources, of the
# version whose headers clang++ takes. Once; it takes some four minutes of a processor.
build_instrumented_libstdcxx() {
  [[ ! -e $1/lib ]] || return 0
  echo "== building the C++ library with MemorySanitizer"
  rm -rf "$1" && mkdir -p "$1/build/libgcc" "$1/build/libstdc++-v3" &&
    fetch_gcc_sources "$1" &&
    # As building gcc itself would leave it.
    ln -s "$1/sources/libgcc/gthr-posix.h" "$1/build/libgcc/gthr-default.h" &&
    (cd "$1/build/libstdc++-v3" && compile_libstdcxx "$1/sources/libstdc++-v3") >"$1/log" 2>&1 || {
    echo "building the C++ library has failed; if it began to compile, $1/log says how" >&2
    return 1
  }
  mkdir "$1/lib.new" && cp -P "$1"/build/libstdc++-v3/src/.libs/libstdc++.so* "$1/lib.new" &&
    mv "$1/lib.new" "$1/lib" && rm -rf "$1/sources" "$1/build"
}

# Puts them into DIR/sources: what the C++ library is built from.
fetch_gcc_sources() {
  local version
  version=$(clang++ -v 2>&1 | sed -n 's/^Selected GCC installation: .*\///p')
  (cd "$1" && with_packages_known apt-get -qq download "gcc-$version-source") &&
    dpkg-deb -x "$1"/gcc-*.deb "$1/package" &&
    mkdir "$1/sources" &&
    tar -xf "$1/package/usr/src/gcc-$version"/gcc-*.tar.xz -C "$1/sources" --strip-components=1 --wildcards \
      'gcc-*/'{libstdc++-v3,libgcc,libiberty,include,config}'/*' \
      'gcc-*/gcc/'{BASE-VER,DATESTAMP,DEV-PHASE} 'gcc-*/'{config.guess,config.sub,config-ml.in} \
      'gcc-*/'{compile,depcomp,install-sh,libtool-ldflags,ltmain.sh,missing,mkinstalldirs} &&
    rm -rf "$1/package" "$1"/gcc-*.deb
}

# In an empty directory, with clang, what gcc's own build does with gcc.
compile_libstdcxx() {
  local flags=(-O1 -gline-tables-only -fsanitize=memory -fno-omit-frame-pointer -nostdinc++ -w
    -fsized-deallocation -mrdrnd -mrdseed -D__builtin_ia32_rdseed_si_step=__builtin_ia32_rdseed32_step)
  # Not yet instrumented: what configure tries out is linked with what there is.
  "$1/configure" CC=clang CXX=clang++ CXXFLAGS='-O1 -nostdinc++ -w' --disable-multilib \
    --disable-libstdcxx-pch --disable-nls --disable-static --enable-clocale=gnu &&
    sed -i 's/-gno-as-loc-support//' src/c++11/Makefile && # gcc's only
    make -j "$(nproc)" -C include &&
    make -j "$(nproc)" -C libsupc++ CFLAGS="${flags[*]}" CXXFLAGS="${flags[*]} -faligned-allocation" && # C++17's default
    make -j "$(nproc)" -C src CFLAGS="${flags[*]}" CXXFLAGS="${flags[*]}"
}
