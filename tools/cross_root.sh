# What there is for another CPU in a later release of Debian only: its libraries and an emulator, in a directory.

# cross_root CPU: that directory, or nothing if its cross file names no release.
cross_root() {
  local release
  release=$(constant release "arch/cross/$1.ini")
  echo "${release:+build-root-$1}"
}

# fetch_cross_root CPU: once; root.ini in it says to meson where it is.
fetch_cross_root() {
  local root mirror packages architecture file=arch/cross/$1.ini
  root=$(cross_root "$1")
  [[ ! -e $root/root.ini ]] || return 0
  if ! have command apt-get || ! mirror=$(with_packages_known debian_mirror); then
    echo "dev: $file takes libraries and an emulator from a mirror of Debian's, which apt-get does not know here" >&2
    return 1
  fi
  echo "dev: fetching libraries and an emulator for $1"
  rm -rf "$root" && mkdir "$root"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $(constant release "$file") main" \
    >"$root/sources.list"
  architecture=$(constant debian "$file")
  packages=({libc6{,-dev},linux-libc-dev,libgcc-s1,libstdc++6,lib{gcc,stdc++}-14-dev}"-$architecture-cross")
  fetch_packages "$root" "qemu-user ${packages[*]}" \
    -o Dir::Etc::sourcelist="$PWD/$root/sources.list" -o Dir::Etc::sourceparts=- || {
    echo "dev: fetching them has failed" >&2
    return 1
  }
  find "$root/usr/bin" -name 'qemu-*' ! -name "qemu-$(constant cpu_family "$file")" -delete # some hundred MB
  printf "[constants]\nroot = '%s'\n" "$PWD/$root" >"$root/root.ini"
}

# The one that this system's own packages come from.
debian_mirror() {
  # shellcheck disable=SC2016  # apt-get's words
  apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | grep -m 1 .
}
