# What there is for another CPU in a later release of Debian only: its libraries and an emulator, unpacked into a
# directory. Nothing of it is installed.

# cross_root CPU: that directory, or nothing if its cross file names no release.
cross_root() {
  local release
  release=$(constant release "arch/cross/$1.ini")
  echo "${release:+build-root-$1}"
}

# fetch_cross_root CPU: once; root.ini in it says to meson where it is.
fetch_cross_root() {
  local root file=arch/cross/$1.ini mirror
  root=$(cross_root "$1")
  [[ ! -e $root/root.ini ]] || return 0
  if ! have command apt-get || ! mirror=$(with_packages_known debian_mirror); then
    echo "dev: $file takes libraries and an emulator from a mirror of Debian's, which apt-get does not know here" >&2
    return 1
  fi
  echo "dev: fetching libraries and an emulator for $1"
  rm -rf "$root" && mkdir -p "$root"/apt/{lists,archives}/partial
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $(constant release "$file") main" \
    >"$root/apt/sources.list"
  download_cross_root "$root" "$(constant debian "$file")" "$(constant cpu_family "$file")" || {
    echo "dev: fetching them has failed" >&2
    return 1
  }
  rm -rf "$root/apt"
  printf "[constants]\nroot = '%s'\n" "$PWD/$root" >"$root/root.ini"
}

# The one that this system's own packages come from.
debian_mirror() {
  # shellcheck disable=SC2016  # apt-get's words
  apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | grep -m 1 .
}

# download_cross_root DIR ARCHITECTURE CPU: by an apt-get that knows no other source than DIR/apt/sources.list,
# and no package to be installed.
download_cross_root() (
  cd "$1/apt" || return 1
  from=(-qq -o Dir::State="$PWD" -o Dir::State::status=/dev/null -o Dir::Cache="$PWD" -o APT::Sandbox::User=
    -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=-)
  apt-get "${from[@]}" update &&
    apt-get "${from[@]}" download qemu-user \
      {libc6{,-dev},linux-libc-dev,libgcc-s1,libstdc++6,lib{gcc,stdc++}-14-dev}"-$2-cross" &&
    for package in *-cross_*.deb; do dpkg-deb -x "$package" .. || return 1; done &&
    dpkg-deb --fsys-tarfile qemu-user_*.deb | tar -x -C .. "./usr/bin/qemu-$3"
)
