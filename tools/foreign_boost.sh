# Boost.Context for another CPU: Debian's static library, and a cross file that says where it is.

# fetch_boost CPU DIRECTORY: into that directory, which apt gets lists of its own in. Nothing of the system's changes.
fetch_boost() {
  local architecture package apt library
  [[ ! -e $2/boost.ini ]] || return 0
  architecture=$(constant debian "arch/cross/$1.ini")
  package=$(apt-cache depends libboost-context-dev | sed -n 's/^ *Depends: //p')
  mkdir -p "$2"/{lists,cache/archives}/partial "$2/include"
  apt=(apt-get -qq -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture"
    -o APT::Sandbox::User= -o "Dir::State::Lists=$PWD/$2/lists" -o "Dir::Cache=$PWD/$2/cache")
  "${apt[@]}" update
  (cd "$2" && "${apt[@]}" download "$package" && dpkg-deb -x "$package"_*.deb .)
  ln -sfn /usr/include/boost "$2/include/boost" # the same for every CPU
  library=$(echo "$PWD/$2"/usr/lib/*/libboost_context.a)
  cat >"$2/boost.ini" <<INI
[properties]
boost_includedir = '$PWD/$2/include'
boost_librarydir = '${library%/*}'
INI
}
