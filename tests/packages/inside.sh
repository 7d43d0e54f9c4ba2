#!/usr/bin/env bash
# In a clean Debian, as root: installs the package of the version before, uses it as a user, upgrades while the daemon
# runs, removes and purges. tests/packages/run.sh calls it in a chroot, with both packages beside it. Prints "ok - ..." for
# each step, and stops at the first that fails.
#   inside.sh OLD_VERSION NEW_VERSION
set -uo pipefail
here=$(dirname "$0") old_version=$1 new_version=$2
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
home=/home/user runtime=/run/user/1000
state=$home/.local/state/ringback logs=/tmp/logs
# Nothing of the environment of the test.
user=(setpriv --reuid=1000 --regid=1000 --clear-groups -- env -i "HOME=$home" "XDG_RUNTIME_DIR=$runtime" "PATH=$PATH" NO_COLOR=1)
mkdir -p $logs
# What `fail` says is seen from a command substitution, too.
exec 3>&1

step='' daemon=''
fail() {
  {
    echo "not ok - packages: $step: $*"
    for log in $logs/*; do echo "# $log:"; tail -n 15 "$log" | sed 's/^/#   /'; done
  } >&3
  exit 1
}
ok() { echo "ok - packages: $step"; }
ringback() { "${user[@]}" ringback "$@"; }
# says WORDS COMMAND...: the command prints these words, whatever its exit code.
says() {
  local words=$1 said
  shift
  said=$("$@" 2>&1)
  [[ $said = *"$words"* ]] || fail "'$*' does not say '$words': $said"
}
until_true() {
  local what=$1 tries
  shift
  for tries in {1..150}; do "$@" >/dev/null 2>&1 && return; sleep .1; done
  fail "$what: not within 15 s"
}
package() { dpkg "$@" >>$logs/dpkg 2>&1 || fail "dpkg $*"; }

start_daemon() {
  "${user[@]}" ringback serve 2>>$logs/daemon &
  daemon=$!
  until_true 'the daemon is ready' grep -qE "\"pid\": *$daemon\b" $runtime/ringback/endpoint.json
}
stop_daemon() { kill $daemon && wait $daemon || fail "the daemon ended with $?"; }
token() { ringback token work || fail 'no token'; }
# The token after a refresh, which has to be another one.
refreshed() {
  ringback refresh work >$logs/refresh 2>&1 || fail 'no refresh'
  local next
  next=$(token) || exit 1
  [ "$next" != "$1" ] || fail 'a refresh brought the same token'
  echo "$next"
}

# In the place of a browser: follows the login's URL to the sandbox's page, and sends its form with Allow.
browse() {
  local url=$1 page action fields
  curl() { "${user[@]}" curl --silent --show-error --max-time 10 --location --cookie-jar $home/cookies --cookie $home/cookies "$@"; }
  page=$(curl --write-out '\n%{url_effective}' "$url") || return 1
  url=$(tail -n 1 <<<"$page")
  action=$(grep -o '<form [^>]*' <<<"$page" | sed -n 's/.*action="\([^"]*\)".*/\1/p' | head -n 1)
  [[ $action = http* ]] || action=$(grep -o '^http://[^/]*' <<<"$url")$action
  mapfile -t fields < <(grep -o '<input [^>]*' <<<"$page" | grep -E 'type="hidden"| checked' |
    sed -n 's/.*name="\([^"]*\)".*value="\([^"]*\)".*/--data-urlencode\n\1=\2/p' | sed 's/&amp;/\&/g')
  curl "${fields[@]}" --data decision=allow "$action" >$logs/outcome
}
log_in() {
  local waiting url
  "${user[@]}" ringback login work --no-browser >$logs/login 2>&1 &
  waiting=$!
  until_true 'the login has a URL' grep -qo 'http://127.0.0.1:[0-9]*/login/start/[^ ]*' $logs/login
  url=$(grep -o 'http://127.0.0.1:[0-9]*/login/start/[A-Za-z0-9_-]*' $logs/login)
  browse "$url" || fail 'the browser does not get through'
  wait $waiting || fail "the login ended with $?"
}

step="the package of $old_version is installed and used"
package -i "$here/old.deb"
says "ringback $old_version" ringback --version
useradd --create-home --uid 1000 user && install -d -o user -g user -m 700 /run/user $runtime || fail 'no user'
"${user[@]}" ringback sandbox 2>$logs/sandbox &
until_true 'the sandbox listens' grep -q 'practice provider at' $logs/sandbox
echo practice-secret | ringback account add work --provider practice --preset phonecom \
  --authorize-url http://127.0.0.1:7465/v4/oauth/authorization --token-url http://127.0.0.1:7465/v4/oauth/access-token \
  --client-id 00000000-0000-4000-8000-000000000001 --client-secret-stdin --scope account-owner >$logs/account 2>&1 || fail 'no account'
start_daemon
log_in
first=$(token) || exit 1
ok

step='an upgrade leaves a running daemon alone, and the command line says so'
package -i "$here/new.deb"
says "ringback $new_version" ringback --version
kill -0 $daemon || fail 'the upgrade ended the daemon'
skew="the daemon is ringback $old_version, and the command line $new_version. Restart the daemon: "
says "$skew" ringback status
says "FIX   daemon: the daemon is ringback $old_version" ringback doctor --offline
[ "$(token)" = "$first" ] || fail 'another token than before'
second=$(refreshed "$first") || exit 1
ok

step='after a restart the new daemon goes on with the old state'
stop_daemon
start_daemon
[ "$(token)" = "$second" ] || fail 'another token than before'
third=$(refreshed "$second") || exit 1
[[ $(ringback status) != *'the command line'* ]] || fail 'it still says that the versions differ'
ok

step='an older command line beside a newer daemon is told'
dpkg-deb -x "$here/old.deb" /old
older() { "${user[@]}" /old/usr/bin/ringback "$@"; }
[ "$(older token work)" = "$third" ] || fail 'it does not get the token'
older status >/dev/null || fail 'it does not get the state'
until_true 'the log tells' grep -q "the daemon is ringback $new_version, and the command line $old_version" $logs/daemon
older login work --no-browser --timeout 1 >$logs/older-login 2>&1
grep -q "warning: the daemon is ringback $new_version, and the command line $old_version. Use the newer program" $logs/older-login || fail 'a login does not tell'
ok

step='man pages, completions, units, licences and examples are there, and no unit is enabled'
for file in man/man1/ringback-token.1.gz man/man5/ringback.toml.5.gz bash-completion/completions/ringback zsh/vendor-completions/_ringback \
  fish/vendor_completions.d/ringback.fish doc/ringback/copyright doc/ringback/third-party-licences.gz doc/ringback/changelog.gz \
  doc/ringback/changelog.Debian.gz doc/ringback/examples/config.toml doc/ringback/docs/config.md; do
  [ -s /usr/share/$file ] || fail "no /usr/share/$file"
done
zcat /usr/share/man/man1/ringback.1.gz | head -n 1 | grep -qF "ringback $new_version" || fail 'the man page is of another version'
bash -c '. /usr/share/bash-completion/completions/ringback && complete -p ringback' | grep -q _ringback || fail 'no completion in bash'
grep -qx 'ExecStart=/usr/bin/ringback serve --log-format json' /usr/lib/systemd/user/ringback.service || fail 'the unit runs another program'
for helper in git docker cargo; do
  [ -x /usr/bin/$helper-credential-ringback ] || fail "no $helper-credential-ringback"
done
# It exits with 1, as the protocol says.
found=$(echo other.example | "${user[@]}" docker-credential-ringback get)
[ "$found" = 'credentials not found in native keychain' ] || fail "docker gets another answer: $found"
for unit in service socket; do
  [ "$(systemctl --global is-enabled ringback.$unit 2>&1)" = disabled ] || fail "ringback.$unit is not disabled"
  "${user[@]}" systemd-analyze verify --user --man=no --recursive-errors=no /usr/lib/systemd/user/ringback.$unit >$logs/verify 2>&1 || fail "systemd finds a mistake in ringback.$unit"
done
[ -z "$(ls -A /var/lib/dpkg/info/ringback.{pre,post}{inst,rm} 2>/dev/null)" ] || fail 'there are maintainer scripts'
ok

step='remove and purge leave the tokens'
package -r ringback
[ ! -e /usr/bin/ringback ] || fail 'the program is still there'
kill -0 $daemon || fail 'the removal ended the daemon'
stop_daemon
package -P ringback
left=$(find /bin/ /etc /lib/ /opt /usr /var -name '*ringback*')
[ -z "$left" ] || fail "left: $left"
[ -s $state/accounts/work.sealed ] && [ -s $home/.config/ringback/config.toml ] || fail 'tokens or config are gone'
package -i "$here/new.deb"
start_daemon
[ "$(token)" = "$third" ] || fail 'another token than before'
ok

step='asked for, the tokens go: at the provider and here'
ringback logout work >$logs/logout 2>&1 || fail 'no logout'
stop_daemon
"${user[@]}" rm -r $state $home/.config/ringback $home/.cache/ringback || fail 'the folders of docs/packages.md are others'
package -P ringback
[ -z "$(find $home -name '*ringback*')" ] || fail "left: $(find $home -name '*ringback*')"
ok
