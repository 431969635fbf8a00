# Packages of Debian's that are for another CPU or release than this system: unpacked, never installed.

# fetch_packages DIR "PACKAGE..." OPTION...: into that directory, by an apt-get that has lists of its own there, knows no
# package to be installed, and takes the options.
fetch_packages() (
  mkdir -p "$1"/apt/{lists,archives}/partial && cd "$1/apt" || return 1
  apt=(apt-get -qq -o Dir::State="$PWD" -o Dir::State::status=/dev/null -o Dir::Cache="$PWD" -o APT::Sandbox::User=
    "${@:3}")
  # shellcheck disable=SC2086  # words
  "${apt[@]}" update && "${apt[@]}" download $2 || return 1
  for package in *.deb; do dpkg-deb -x "$package" .. || return 1; done
  rm -r "$PWD"
)
