# Boost.Context for another CPU: Debian's static library, and a cross file that says where it is.

# fetch_boost CPU DIRECTORY: once, into that directory.
fetch_boost() {
  local architecture package library
  [[ ! -e $2/boost.ini ]] || return 0
  architecture=$(constant debian "arch/cross/$1.ini")
  package=$(apt-cache depends libboost-context-dev | sed -n 's/^ *Depends: //p')
  rm -rf "$2" && mkdir "$2"
  fetch_packages "$2" "$package" -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture" || {
    echo "dev: fetching $package for $1 has failed" >&2
    return 1
  }
  mkdir "$2/include" && ln -s /usr/include/boost "$2/include" # the same for every CPU
  library=$(echo "$PWD/$2"/usr/lib/*/libboost_context.a)
  cat >"$2/boost.ini" <<INI
[properties]
boost_includedir = '$PWD/$2/include'
boost_librarydir = '${library%/*}'
INI
}
