#!/usr/bin/env bash
# Tests systemd/ringback.service with a real `systemd --user`: it is confined and works; it becomes ready, is found by
# the command line, reloads and stops; after a kill nothing announces its port; it is not restarted after a mistake in
# the config; the browser opens outside of the unit. Then the same with systemd/ringback-namespaces.conf, and with
# systemd/ringback.socket: the first request starts the daemon, and a restart refuses no request; stopped together with
# its socket, it stays stopped during an export and an import. And `ringback service`. Prints "ok - ..." or "not ok - ..."; skips where it
# can't run.
#   RINGBACK_BIN=target/debug/ringback tests/peers/systemd.sh
# Nothing outside is touched: sd_booted() only looks for /run/systemd/system, which exists in a private mount
# namespace, and HOME is a temporary folder. The manager runs as an unprivileged user (uid 1) if it can get a cgroup,
# otherwise as root.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
name='systemd: the user unit is confined, works, opens a browser outside of itself, reloads and stops'
namespaces='systemd: it works with the file system closed, too'
sockets='systemd: with the socket unit it starts when somebody asks, and a restart refuses nobody'
service='systemd: ringback service installs the units, starts the daemon, and removes both'

if [ "${1:-}" != --inside ]; then
  bin=$(realpath "${RINGBACK_BIN:-target/debug/ringback}")
  manager=$(ls /lib/systemd/systemd /usr/lib/systemd/systemd 2>/dev/null | head -1)
  skip() { echo "ok - $name # SKIP $1"; exit 0; }
  [ -n "$manager" ] && command -v systemctl systemd-analyze >/dev/null || skip 'there is no systemd here'
  [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip 'needs root, for a private mount namespace'
  [ -d /run/systemd ] || skip 'there is no /run/systemd to put a throw-away one over'
  [ -x "$bin" ] || { echo "not ok - $name: no program at $bin"; exit 1; }
  SYSTEMD_SH=$(mktemp -d)
  trap 'rm -rf "$SYSTEMD_SH"' EXIT
  export SYSTEMD_SH
  timeout --kill-after=2 120 unshare --mount --propagation private bash tests/peers/systemd.sh --inside "$bin" "$manager" >"$SYSTEMD_SH/log" 2>&1
  code=$?
  own=ringback-test-$(basename "$SYSTEMD_SH")
  # Kill everything, whatever went wrong.
  find /sys/fs/cgroup -type d -name "$own" -exec sh -c '[ ! -e "$1/cgroup.kill" ] || echo 1 >"$1/cgroup.kill"' sh {} \;
  for _ in {1..20}; do
    find /sys/fs/cgroup -depth -type d -path "*/$own*" -exec rmdir {} + 2>/dev/null && break
    sleep .1
  done
  case $code in
    0) echo "ok - $name"; echo "ok - $namespaces$(cat "$SYSTEMD_SH/no-namespaces" 2>/dev/null)"; echo "ok - $sockets"; echo "ok - $service" ;;
    77) skip 'systemd --user does not start here' ;;
    *) echo "not ok - $name: $(grep -m1 '^FAILED' "$SYSTEMD_SH/log" || echo "exit code $code")"; sed 's/^/#   /' "$SYSTEMD_SH/log" | tail -40; exit 1 ;;
  esac
  exit
fi

# --- in the private mount namespace ---------------------------------------------------------------------------------
bin=$2 manager=$3
# unit-root: PID 1 creates it, and namespaces are built on it.
mount -t tmpfs -o mode=755 tmpfs /run/systemd && mkdir -p /run/systemd/system /run/systemd/unit-root || exit 77
export HOME=/run/systemd/home XDG_RUNTIME_DIR=/run/systemd/rt NO_COLOR=1
export PATH=$HOME/bin:$PATH
units=$HOME/.config/systemd/user ringback=$HOME/.cargo/bin/ringback
mkdir -m 700 -p "$XDG_RUNTIME_DIR" "$HOME" "$units/ringback.service.d" "$HOME/.config/ringback" "$HOME/.cargo/bin" "$HOME/bin"
cp systemd/ringback.service "$units/"
cp "$bin" "$ringback"
# No journal runs here.
printf '[Service]\nStandardError=append:%s/daemon.log\n' "$HOME" >"$units/ringback.service.d/test.conf"

# --- an unprivileged user's manager, if it can get a cgroup ----------------------------------------------------------
clean=(env -i HOME="$HOME" XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" PATH="$PATH" NO_COLOR=1)
user=("${clean[@]}") unprivileged=''
own_cgroup() {
  local line path cgroup made=1
  for line in $(cat /proc/self/cgroup); do
    case $line in
      0::*) path=/sys/fs/cgroup/unified; [ -d "$path" ] || path=/sys/fs/cgroup ;;
      *:name=systemd:*) path=/sys/fs/cgroup/systemd ;;
      *) continue ;;
    esac
    cgroup=$path${line#*:*:}/ringback-test-$(basename "$SYSTEMD_SH")
    mkdir "$cgroup" && chown -R 1:1 "$cgroup" && echo $$ >"$cgroup/cgroup.procs" && made=0
  done
  return $made
}
if own_cgroup 2>/dev/null; then
  unprivileged=yes user=(setpriv --reuid=1 --regid=1 --clear-groups --inh-caps=-all -- "${clean[@]}")
  chown -R 1:1 "$HOME" "$XDG_RUNTIME_DIR"
fi
systemctl() { "${user[@]}" systemctl --user "$@"; }
ringback() { "${user[@]}" "$ringback" "$@"; }

fail() {
  echo "FAILED $*"
  systemctl status ringback --no-pager --lines=0
  tail -n 8 "$SYSTEMD_SH/manager.log" "$HOME/daemon.log"
  exit 1
}
state() { systemctl show -P "$1" ringback; }
# until WHAT COMMAND...: at most 5 s.
until_true() {
  local what=$1 tries
  shift
  for tries in {1..50}; do "$@" >/dev/null 2>&1 && return; sleep .1; done
  fail "$what: not within 5 s"
}
provider=$((20000 + RANDOM % 10000)) callback=$((30000 + RANDOM % 10000))
config() {
  cat >"$HOME/.config/ringback/config.toml" <<CONFIG
[listen]
tcp = []
[store]
key = "command"
key_command = ["sh", "-c", "cat $HOME/.config/ringback/master"]
[providers.practice]
preset = "phonecom"
authorize_url = "http://127.0.0.1:$provider/v4/oauth/authorization"
token_url = "http://127.0.0.1:$provider/v4/oauth/access-token"
revoke_url = "http://127.0.0.1:$provider/v4/oauth/access-token"
[accounts.$1]
provider = "practice"
client_id = "00000000-0000-4000-8000-000000000001"
client_secret = "practice-secret"
grant = "client_credentials"
[accounts.person]
provider = "practice"
client_id = "00000000-0000-4000-8000-000000000001"
client_secret = "practice-secret"
redirect_uri = "http://127.0.0.1:$callback/callback/practice"
[accounts.visitor]
provider = "practice"
client_id = "00000000-0000-4000-8000-000000000001"
client_secret = "practice-secret"
redirect_uri = "http://127.0.0.1:$callback/callback/practice"
$2
CONFIG
}
umask 077
touch "$HOME/.config/ringback/config.toml" "$HOME/.config/ringback/master"
[ -z "$unprivileged" ] || chown 1:1 "$HOME"/.config/ringback/*
printf '%064d' 7 >"$HOME/.config/ringback/master"
# `status` exits with 5, since no account is logged in.
knows() { ringback status --json 2>&1 | grep -q "\"$1\""; }
# A login, a token and a refresh use network, disk and the key program under the unit's restrictions.
works() {
  ringback login "$1" || fail "no login $2"
  local token
  token=$(ringback token "$1") && [ -n "$token" ] || fail "no token $2"
  ringback refresh "$1" || fail "no refresh $2"
  [ "$(ringback token "$1")" != "$token" ] || fail "the refresh brought no new token $2"
}

# --- confinement -----------------------------------------------------------------------------------------------------
analyze() { "${user[@]}" systemd-analyze --user "$@"; }
analyze verify --man=no --recursive-errors=no "$units/ringback.service" || fail 'systemd-analyze verify'
# The exposure in tenths, by the scale of systemd 252. The rest are namespaces, and what a daemon with a socket needs.
analyze security --offline=yes --threshold=65 --no-pager "$units/ringback.service" >"$SYSTEMD_SH/exposure" ||
  fail "more exposed than it was: $(tail -1 "$SYSTEMD_SH/exposure")"

"${user[@]}" SYSTEMD_LOG_TARGET=console "$manager" --user --unit=basic.target >"$SYSTEMD_SH/manager.log" 2>&1 &
pid=$!
"${user[@]}" "$ringback" sandbox --port "$provider" --rate-limit off >"$SYSTEMD_SH/sandbox.log" 2>&1 &
sandbox=$!
stop_manager() {
  kill $sandbox
  kill -s RTMIN+4 $pid; for _ in {1..20}; do kill -0 $pid || break; sleep .1; done; kill -9 $pid
  # The browser left the unit on purpose.
  kill -9 "$(cat "$HOME/browser.pid")"
  wait
} 2>/dev/null
trap stop_manager EXIT
for _ in {1..50}; do systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded' && break; sleep .1; done
systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded' || exit 77

# The manager has its own PATH.
systemctl set-environment PATH="$PATH"
config first ''
# `start` returns when the daemon has sent READY=1, and fails if it never does.
timeout 15 "${user[@]}" systemctl --user start ringback || fail 'the unit does not start'
[ "$(state ActiveState)" = active ] || fail "the unit is $(state ActiveState)"
[ "$(stat -c %a "$XDG_RUNTIME_DIR/ringback" "$HOME/.local/state/ringback" | sort -u)" = 700 ] || fail 'a folder is accessible to other users'
knows first || fail 'the command line does not find the daemon by endpoint.json'
main=$(state MainPID)
grep -q '^Max core file size *0 *0 ' "/proc/$main/limits" || fail 'the daemon could dump core'
grep -q '^NoNewPrivs:.*1' "/proc/$main/status" || fail 'the daemon could gain privileges'
grep -q '^Seccomp:.*2' "/proc/$main/status" || fail 'the daemon has no system call filter'
works first 'in the unit'
grep -q WARN "$HOME/daemon.log" && fail 'the daemon logs a warning'

# --- the browser opens outside ---------------------------------------------------------------------------------------
cat >"$HOME/bin/xdg-open" <<'OPEN'
#!/bin/sh
{ echo "url=$1"; env; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; cat /proc/self/cgroup; } >"$HOME/opened.new"
# Like a browser: the launcher exits, and the process that it started stays.
sleep 300 &
echo $! >"$HOME/browser.pid"
mv "$HOME/opened.new" "$HOME/opened"
OPEN
chmod 755 "$HOME/bin/xdg-open"
open_browser() {
  "${user[@]}" curl --silent --fail --unix-socket "$XDG_RUNTIME_DIR/ringback/ringback.sock" \
    --json '{"via":"daemon_browser"}' "http://localhost/v1/accounts/$1/login" >/dev/null || fail 'no login begins'
}
# The status that the callback listener returns to this user.
seen_by() {
  setpriv --reuid="$1" --regid="$1" --clear-groups -- curl --silent --max-time 10 --output /dev/null \
    --write-out '%{http_code}' "http://127.0.0.1:$callback/static/style.css"
}
only_ours() {
  [ -n "$unprivileged" ] || return 0
  [ "$(seen_by 1)" = 200 ] || fail "its own user is refused $1: $(seen_by 1)"
  [ "$(seen_by 2)" = 403 ] || fail "another user is let in $1: $(seen_by 2)"
}
open_browser person
only_ours 'in the unit'
until_true 'it says that there is no desktop' grep -q 'there is no browser on this machine' "$HOME/daemon.log"
# The desktop starts after the daemon and sets its variables in the manager only.
systemctl set-environment DISPLAY=:7
open_browser visitor
until_true 'the browser opens' test -e "$HOME/opened"
opened() { grep -q "$1" "$HOME/opened"; }
opened "^url=http://127.0.0.1:$callback/login/start/[A-Za-z0-9_-]*$" || fail 'it was not the start URL that was opened'
opened '^DISPLAY=:7$' || fail 'the browser does not know the display'
opened '^NoNewPrivs:.*0$' || fail 'the browser could not use its sandbox'
[ "$(grep '^Seccomp:' "$HOME/opened")" = "$(grep '^Seccomp:' "/proc/$pid/status")" ] || fail 'the browser inherits the filter'
opened 'ringback.service' && fail 'the browser is in the unit'
opened '^\(RINGBACK_\|CREDENTIALS_DIRECTORY\|NOTIFY_SOCKET\|RUNTIME_DIRECTORY\)' && fail 'the browser sees what is the daemon'"'"'s own'
grep -q 'login/start' "$SYSTEMD_SH/manager.log" "$HOME/daemon.log" && fail 'the ticket is in a log'
systemctl restart ringback || fail 'the daemon does not restart'
kill -0 "$(cat "$HOME/browser.pid")" || fail 'the browser ended with the launcher or with the daemon'
main=$(state MainPID)

config second ''
systemctl reload ringback || fail 'it does not reload'
until_true 'the new config is taken over' knows second
[ "$(state MainPID)" = "$main" ] || fail 'a reload restarted it'

announced() { [ -e "$XDG_RUNTIME_DIR/ringback/endpoint.json" ]; }
announced || fail 'the daemon is not announced'
kill -9 "$main"
# systemd restarts it after two seconds.
until_true 'the announcement of a killed daemon is removed' eval '! announced'
back() { local now; now=$(state MainPID); [ "$now" != 0 ] && [ "$now" != "$main" ] && systemctl is-active ringback; }
until_true 'the daemon is restarted after a crash' back

# --- the drop-in -----------------------------------------------------------------------------------------------------
install -m644 systemd/ringback-namespaces.conf "$units/ringback.service.d/"
analyze security --offline=yes --threshold=26 --no-pager "$units/ringback.service" >"$SYSTEMD_SH/exposure" ||
  fail "more exposed than it was: $(tail -1 "$SYSTEMD_SH/exposure")"
systemctl daemon-reload
# systemd creates it again, since the daemon could not.
systemctl stop ringback
rm -rf "$HOME/.cache"
if ! timeout 15 "${user[@]}" systemctl --user restart ringback; then
  [ "$(state ExecMainStatus)" = 226 ] || fail 'it does not start with the file system closed'
  echo ' # SKIP no user namespaces' >"$SYSTEMD_SH/no-namespaces"
elif [ -z "$unprivileged" ]; then
  echo ' # SKIP the manager runs as root, which needs no user namespace' >"$SYSTEMD_SH/no-namespaces"
fi
if [ ! -e "$SYSTEMD_SH/no-namespaces" ]; then
  main=$(state MainPID)
  [ "$(readlink "/proc/$main/ns/user")" != "$(readlink /proc/self/ns/user)" ] || fail 'it has no namespace of its own'
  grep -q ' / [^ ]* ro,' "/proc/$main/mountinfo" || grep -q ' / / ro' "/proc/$main/mountinfo" || fail 'its root can be written to'
  works second 'with the file system closed'
  mark=$(echo "$HOME"/.cache/ringback/generations/*/second)
  [ "$(stat -c %a "$mark" "$HOME/.cache/ringback" | tr '\n' ' ')" = '600 700 ' ] || fail 'there is no high-water mark, or others may read it'
  ringback status second --json | grep -q "\"generation\": *$(cat "$mark")," || fail 'the high-water mark is another'
  grep -q 'high-water' "$HOME/daemon.log" && fail 'the daemon warns that it can not store a high-water mark'
  rm -f "$HOME/opened"
  open_browser person
  only_ours 'with the file system closed'
  until_true 'the browser opens' test -e "$HOME/opened"
fi
rm "$units/ringback.service.d/ringback-namespaces.conf"
systemctl daemon-reload
systemctl reset-failed ringback

empty() { [ -z "$(ls -A "$XDG_RUNTIME_DIR/ringback")" ]; }
systemctl restart ringback && systemctl stop ringback || fail 'it does not stop'
[ "$(state Result)" = success ] || fail "it stopped with $(state Result)"
empty || fail 'it left something in its runtime folder'
"${user[@]}" "$ringback" serve >"$HOME/by-hand.log" 2>&1 & by_hand=$!
until_true 'one that is started by hand tells where it is' announced
systemctl start ringback && fail 'two daemons run at once'
[ "$(state ExecMainStatus)" = 9 ] || fail "it ended with $(state ExecMainStatus) where another runs"
announced || fail 'the unit took away what another daemon told of itself'
kill $by_hand; wait $by_hand
systemctl reset-failed ringback
empty || fail 'the one that was started by hand left something in its runtime folder'
ringback status
[ $? = 3 ] || fail 'the command line does not say that nobody is there'

# --- the socket unit -------------------------------------------------------------------------------------------------
port=$((10000 + RANDOM % 10000)) socket=$XDG_RUNTIME_DIR/ringback/ringback.sock
cp systemd/ringback.socket "$units/"
# The default port may be in use on this machine.
mkdir "$units/ringback.socket.d"
printf '[Socket]\nListenStream=\nListenStream=%%t/ringback/ringback.sock\nListenStream=127.0.0.1:%s\n' $port >"$units/ringback.socket.d/test.conf"
[ -z "$unprivileged" ] || chown -R 1:1 "$units"
analyze verify --man=no --recursive-errors=no "$units/ringback.socket" || fail 'systemd-analyze verify, of the socket unit'
config second ''
sed -i "s/^tcp = .*/tcp = [\"127.0.0.1:$port\"]/" "$HOME/.config/ringback/config.toml"
systemctl daemon-reload
: >"$HOME/daemon.log"
systemctl start ringback.socket || fail 'the socket unit does not start'
[ "$(stat -c %a "$socket" "${socket%/*}" | tr '\n' ' ')" = '600 700 ' ] || fail 'the socket is open to others'
[ "$(state ActiveState)" = inactive ] || fail 'the daemon runs before anybody asked'
ringback token second >/dev/null || fail 'no token for who asks first'
[ "$(state ActiveState)" = active ] || fail 'it was not systemd that started the daemon'
knows second || fail 'the command line does not find it, with sockets that were passed'
grep -q WARN "$HOME/daemon.log" && fail 'the daemon logs a warning, with passed sockets'
ask() { "${user[@]}" curl --silent --fail --max-time 10 "$@" >/dev/null 2>>"$SYSTEMD_SH/curl"; }
# Sends requests until the file "enough" exists; prints a dot for each success, adds a line to "refused" for a failure.
caller() { until [ -e "$SYSTEMD_SH/enough" ]; do ask "$@" && printf . || echo "code $?: $*" >>"$SYSTEMD_SH/refused"; done; }
caller --unix-socket "$socket" http://localhost/healthz >"$SYSTEMD_SH/by-unix" & callers=$!
caller "http://127.0.0.1:$port/healthz" >"$SYSTEMD_SH/by-tcp" & callers="$callers $!"
for _ in 1 2 3; do sleep .2; timeout 15 "${user[@]}" systemctl --user restart ringback.service || fail 'the daemon does not restart'; done
touch "$SYSTEMD_SH/enough"
wait $callers
[ ! -e "$SYSTEMD_SH/refused" ] || fail "refused during a restart: $(cat "$SYSTEMD_SH/refused")"
[ "$(stat -c %s "$SYSTEMD_SH/by-unix")" -gt 5 ] && [ "$(stat -c %s "$SYSTEMD_SH/by-tcp")" -gt 5 ] || fail 'too few requests were sent'
systemctl stop ringback.service || fail 'the daemon does not stop, with passed sockets'
[ -S "$socket" ] || fail 'the socket is gone with the daemon'
ask "http://127.0.0.1:$port/healthz" || fail 'a request over TCP does not start the daemon again'
# Export and import, as in docs/files.md.
printf 'correct horse battery' >"$HOME/phrase"
[ -z "$unprivileged" ] || chown 1:1 "$HOME/phrase"
with_phrase() { ringback "$@" --passphrase-file "$HOME/phrase"; }
with_phrase export "$HOME/export.age" --forget
[ $? = 9 ] || fail 'an export does not notice that the socket started the daemon again'
systemctl stop ringback.socket ringback.service || fail 'the socket unit does not stop'
empty || fail 'the socket unit left something behind'
ringback token second >/dev/null 2>&1 && fail 'a daemon answers after both units were stopped'
with_phrase export "$HOME/export.age" --forget || fail 'no export after both units were stopped'
with_phrase import --from "$HOME/export.age" || fail 'no import after both units were stopped'
systemctl start ringback.socket ringback.service || fail 'the units do not start together'
ringback token second >/dev/null || fail 'no token after the import'
[ -S "$socket" ] && [ "$(systemctl is-active ringback.socket ringback.service | sort -u)" = active ] || fail 'the units are not both active after the import'
systemctl stop ringback.socket ringback.service || fail 'the units do not stop after the import'
rm -r "$units/ringback.socket" "$units/ringback.socket.d"
systemctl daemon-reload
# Without a socket unit, the same two commands print an error for it and do the rest.
systemctl start ringback.socket ringback.service
[ "$(state ActiveState)" = active ] || fail 'without a socket unit, starting both starts nothing'
systemctl stop ringback.socket ringback.service
[ "$(state ActiveState)" = inactive ] || fail 'without a socket unit, stopping both stops nothing'

# A mistake in an account would only disable that account (see docs/config.md).
config third '[serve]
unknown_key = 1'
systemctl start ringback && fail 'the daemon starts with a mistake in the config'
[ "$(state ExecMainStatus)" = 2 ] && [ "$(state ActiveState)" = failed ] || fail "a mistake in the config: $(state ExecMainStatus), $(state ActiveState)"
systemctl reset-failed ringback

# --- ringback service -----------------------------------------------------------------------------------------------
# The line of the installed unit that starts with this.
line_of() { grep "^$2" "$units/ringback.$1"; }
config second ''
sed -i "s/^tcp = .*/tcp = [\"127.0.0.1:$port\"]/" "$HOME/.config/ringback/config.toml"
[ -z "$unprivileged" ] || chown -R 1:1 "$HOME/.config"
# refuses CODE WORDS COMMAND...: the command fails with this code and says this.
refuses() {
  local code=$1 words=$2 said got
  shift 2
  said=$(ringback "$@" 2>&1)
  got=$?
  [ $got = "$code" ] && [[ $said = *"$words"* ]] || fail "$*: $got, $said"
}
refuses 2 'was not written by' service install
refuses 3 'ringback.service is inactive' service status
mkdir "$HOME/with \$pace" && cp "$bin" "$HOME/with \$pace/ringback"
[ -z "$unprivileged" ] || chown -R 1:1 "$HOME/with \$pace"
ringback="$HOME/with \$pace/ringback"
"${user[@]}" "$ringback" serve >"$HOME/by-hand.log" 2>&1 & by_hand=$!
until_true 'one that is started by hand tells where it is' announced
refuses 2 "(process $by_hand)" service install --force
kill $by_hand; wait $by_hand
ringback service install --force --socket || fail 'the service is not installed'
[ "$(line_of service ExecStart=)" = "ExecStart=\"$ringback\" serve --log-format json" ] || fail "it runs another program: $(line_of service ExecStart=)"
[ "$(line_of socket ListenStream=127)" = "ListenStream=127.0.0.1:$port" ] || fail 'the sockets are not those of the config'
[ "$(systemctl is-enabled ringback.service ringback.socket | sort -u)" = enabled ] || fail 'the units are not enabled'
[ "$(readlink "/proc/$(state MainPID)/exe")" = "$ringback" ] || fail 'it runs another program'
ringback token second >/dev/null || fail 'no token from the installed service'
ringback service status | grep -q '^ringback.service: active, enabled$' || fail 'the service is not seen as active'
main=$(state MainPID)
bound() { systemctl show -P ActiveEnterTimestampMonotonic ringback.socket; }
before=$(bound)
ringback service install || fail 'it does not replace a unit of its own'
[ "$(state MainPID)" != "$main" ] || fail 'an update does not restart the daemon'
[ "$(bound)" = "$before" ] && [ "$(systemctl is-active ringback.socket)" = active ] || fail 'an update binds the sockets again'
systemctl stop ringback.socket ringback.service
sed -i 's/^\[store\]/[serve]\nautostart = true\n[store]/' "$HOME/.config/ringback/config.toml"
ringback token second 2>"$HOME/started" >/dev/null || fail 'autostart brings no token'
grep -q 'Started the daemon with systemd' "$HOME/started" && [ "$(state ActiveState)" = active ] || fail "autostart: $(cat "$HOME/started")"
ringback service uninstall || fail 'the service is not removed'
[ ! -e "$units/ringback.service" ] && [ ! -e "$units/ringback.socket" ] || fail 'a unit is left'
[ "$(state ActiveState)" = inactive ] || fail 'the daemon still runs'
[ -e "$HOME/.config/ringback/config.toml" ] && [ -d "$HOME/.local/state/ringback" ] || fail 'the config or the tokens are gone'
ringback service uninstall || fail 'nothing to remove is a failure'
refuses 3 'is not installed' service status
exit 0
