#!/usr/bin/env bash
# Builds the packages as a release does and tests them: lintian; install, use, upgrade, remove and purge in a clean Debian
# (inside.sh); the .rpm by what rpm says of it; the static binary in an empty folder. Prints "ok - ..." or "not ok - ...".
# Needs root, for the chroot. `tests/run packages` installs the tools. Kept in target/packages-test from run to run: cargo-deb
# and cargo-generate-rpm, the clean Debian, and the package of the version before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
CARGO_DEB=3.8.0 CARGO_GENERATE_RPM=0.21.1
kept=$PWD/target/packages-test
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
mkdir -p "$kept"
export PATH=$kept/tools/bin:$PATH

failed=0
ok() { echo "ok - packages: $1"; }
not_ok() {
  echo "not ok - packages: $1"
  [ ! -s "${2:-/dev/null}" ] || tail -n 40 "$2" | sed 's/^/#   /'
  failed=1
}
# try NAME COMMAND...: prints what the command said only if it fails.
try() {
  local name=$1
  shift
  # Not as a condition itself, in which `set -e` has no effect.
  "$@" >"$work/said" 2>&1 &
  if wait $!; then ok "$name"; else not_ok "$name" "$work/said"; fi
}
version_of() { sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$1/Cargo.toml"; }

tool() {
  [ "$(cat "$kept/tools/$1" 2>/dev/null)" = "$2" ] && return
  echo "building $1 $2"
  cargo install --locked --quiet --force "$1@$2" "${@:3}" --root "$kept/tools" --target-dir "$work/tools"
  rm -rf "$work/tools"
  echo "$2" >"$kept/tools/$1"
}

# The last commit of the version before: the parent of the commit that ended it. Packages are made since 0.2.0, so this
# tree's metadata packs 0.1.0.
old_package() {
  local version=$1 commit source deb=$kept/old.deb
  commit=$(git log -1 --format=%H -G"^version = \"${version//./\\.}\"" -- Cargo.toml)
  [ -n "$commit" ] || { echo "no commit set the version after $version: is this clone shallow?"; return 1; }
  commit=$(git rev-parse "$commit^")
  [ "$(cat "$kept/old.commit" 2>/dev/null)" != "$commit" ] || [ ! -s "$deb" ] || return 0
  source=$work/old
  mkdir "$source"
  git archive "$commit" | tar -x -C "$source"
  [ "$(version_of "$source")" = "$version" ] || { echo "$commit is not of $version"; return 1; }
  if [ ! -e "$source/.ci/package" ]; then
    cp .ci/package .ci/licences "$source/.ci/"
    sed -n '/^\[package.metadata.deb\]/,/^\[package.metadata.generate-rpm\]/p' Cargo.toml | sed '$d' >>"$source/Cargo.toml"
  fi
  # Nobody measures it, so a plain release build is enough.
  (cd "$source" && CARGO_TARGET_DIR=$kept/old-target .ci/package --profile release deb)
  cp "$source"/target/package/*.deb "$deb"
  echo "$commit" >"$kept/old.commit"
}

# The same Debian as this one, with what a user's machine has beside the package.
clean_debian() {
  local suite tar
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  tar=$kept/debian-$suite.tar
  if [ ! -s "$tar" ]; then
    debootstrap --variant=minbase --include=ca-certificates,curl,systemd "$suite" "$work/base" >"$work/debootstrap" 2>&1 || { tail "$work/debootstrap"; return 1; }
    tar -C "$work/base" --one-file-system -cf "$tar.new" . && mv "$tar.new" "$tar"
    rm -rf --one-file-system "$work/base"
  fi
  mkdir "$work/root"
  tar -C "$work/root" -xf "$tar"
}

# In namespaces of its own: the ports are free, and all that it starts ends with it.
journey() {
  mkdir "$work/root/packages"
  cp "$kept/old.deb" "$work/root/packages/old.deb"
  cp target/package/*.deb "$work/root/packages/new.deb"
  cp tests/packages/inside.sh "$work/root/packages/"
  unshare --mount --pid --net --fork --kill-child --propagation private bash -c '
    ip link set lo up && mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/run" &&
    exec chroot "$1" bash /packages/inside.sh "$2" "$3"' inside "$work/root" "$1" "$2"
}

deb_is_clean() { lintian --fail-on error --suppress-tags initial-upload-closes-no-bugs --allow-root target/package/*.deb; }

rpm_is_whole() {
  local rpm
  rpm=$(ls target/package/*.rpm)
  rpm -K --nosignature "$rpm"
  [ "$(rpm -qp --qf '%{NAME} %{VERSION} %{LICENSE}' "$rpm")" = "ringback $version MIT" ] || { echo "it is another package"; return 1; }
  # Libraries that the binary needs, and no script.
  rpm -qp --requires "$rpm" | grep -q '^libc\.so\.6' || { echo "it does not require libc"; return 1; }
  [ -z "$(rpm -qp --scripts "$rpm")" ] || { echo "it has scripts"; return 1; }
  # What both packages have is the same, but for where each system keeps changelogs, licences and completions of zsh.
  local own='/doc/ringback/(changelog|copyright|third-party)|/licenses/|/zsh/'
  diff <(dpkg-deb -c target/package/*.deb | sed -n 's/^-.* \.\(\/.*\)/\1/p' | grep -vE "$own" | sort) <(rpm -qpl "$rpm" | grep -vE "$own" | sort)
  mkdir "$work/rpm"
  # It ends with 1 where a package does not say how long its content is, though that is whole: cpio and the list tell.
  rpm2cpio "$rpm" >"$work/content" || true
  (cd "$work/rpm" && cpio --quiet -id <"$work/content")
  diff <(rpm -qpl "$rpm" | sort) <(cd "$work/rpm" && find . -type f | sed 's/^\.//' | sort)
  [ "$("$work/rpm/usr/bin/ringback" --version)" = "ringback $version" ] || { echo "the program is another"; return 1; }
  [ -s "$work/rpm/usr/share/zsh/site-functions/_ringback" ] && [ -s "$work/rpm/usr/share/licenses/ringback/LICENSE" ]
}

tarball_is_static() {
  local folder=$work/static
  mkdir "$folder"
  tar -C "$folder" --strip-components=1 -xf target/package/*-musl.tar.gz
  # Nothing of this system is in that folder.
  [ "$(chroot "$folder" /ringback --version)" = "ringback $version" ]
  ls "$folder/LICENSE" "$folder/man1/ringback.1.gz" "$folder/docs/config.md"
  timeout --kill-after=5 60 "$folder/ringback" demo --yes
}

version=$(version_of .)
old_version=$(sed -n 's/^## \[\([0-9.]*\)\].*/\1/p' CHANGELOG.md | sed -n "/^${version//./\\.}\$/{n;p}")
: "${old_version:=0.1.0}"

tool cargo-deb "$CARGO_DEB"
tool cargo-generate-rpm "$CARGO_GENERATE_RPM"
kinds=(deb rpm)
if command -v musl-gcc >/dev/null && timeout 300 rustup target add x86_64-unknown-linux-musl >/dev/null 2>&1; then kinds+=(tarball); fi
.ci/package "${kinds[@]}"
try 'lintian has no error' deb_is_clean
try 'the .rpm is whole and has what the .deb has' rpm_is_whole
case " ${kinds[*]} " in
  *' tarball '*) try 'the static binary needs nothing' tarball_is_static ;;
  *) echo 'ok - packages: the static binary # SKIP no standard library of Rust for musl here' ;;
esac
(cd target/package && sha256sum --quiet --check SHA256SUMS) && ok 'the checksums are right' || not_ok 'the checksums are right'
try "the package of $old_version is built" old_package "$old_version"
try 'there is a clean Debian' clean_debian
[ $failed = 0 ] || exit 1
journey "$old_version" "$version" || failed=1
exit $failed
