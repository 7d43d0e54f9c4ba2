#!/usr/bin/env bash
# systemd/ringback.service under a real `systemd --user`: ready, found by the command line, reloaded, stopped; not
# restarted after a mistake in the config. Prints "ok - ..." or "not ok - ..."; skips where it can't run.
#   RINGBACK_BIN=target/debug/ringback tests/peers/systemd.sh
# Nothing outside is touched: sd_booted() only looks for /run/systemd/system, which it gets in a private mount
# namespace, and HOME is a throw-away folder.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
name='systemd: the user unit starts, reloads and stops'

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
  timeout --kill-after=2 40 unshare --mount --propagation private bash tests/peers/systemd.sh --inside "$bin" "$manager" >"$SYSTEMD_SH/log" 2>&1
  code=$?
  case $code in
    0) echo "ok - $name" ;;
    77) skip 'systemd --user does not start here' ;;
    *) echo "not ok - $name: $(grep -m1 '^FAILED' "$SYSTEMD_SH/log" || echo "exit code $code")"; sed 's/^/#   /' "$SYSTEMD_SH/log" | tail -40; exit 1 ;;
  esac
  exit
fi

# --- in the private mount namespace ---------------------------------------------------------------------------------
bin=$2 manager=$3
mount -t tmpfs -o mode=755 tmpfs /run/systemd && mkdir -p /run/systemd/system || exit 77
export HOME=$SYSTEMD_SH/home XDG_RUNTIME_DIR=/run/systemd/rt PATH NO_COLOR=1
unset DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_CACHE_HOME \
  RINGBACK_URL RINGBACK_KEY_FILE RINGBACK_CONFIG NOTIFY_SOCKET
mkdir -m 700 -p "$XDG_RUNTIME_DIR" "$HOME" "$HOME/.config/systemd/user" "$HOME/.config/ringback" "$HOME/.cargo/bin"
cp systemd/ringback.service "$HOME/.config/systemd/user/"
cp "$bin" "$HOME/.cargo/bin/ringback"

fail() { echo "FAILED $*"; systemctl --user status ringback --no-pager --lines=0; cat "$SYSTEMD_SH/manager.log"; exit 1; }
state() { systemctl --user show -P "$1" ringback; }
# until WHAT COMMAND...: at most 5 s.
until_true() {
  local what=$1 tries
  shift
  for tries in {1..50}; do "$@" >/dev/null 2>&1 && return; sleep .1; done
  fail "$what: not within 5 s"
}
config() {
  cat >"$HOME/.config/ringback/config.toml" <<CONFIG
[listen]
tcp = []
[accounts.$1]
provider = "phonecom"
client_id = "unit-test"
client_secret = "unit-test"
redirect_uri = "http://127.0.0.1:7464/callback/phonecom"
$2
CONFIG
  chmod 600 "$HOME/.config/ringback/config.toml"
}
# `status` ends with 5: nobody is logged in.
knows() { "$HOME/.cargo/bin/ringback" status --json 2>&1 | grep -q "\"$1\""; }

systemd-analyze verify --user --man=no --recursive-errors=no "$HOME/.config/systemd/user/ringback.service" || fail 'systemd-analyze verify'

SYSTEMD_LOG_TARGET=console "$manager" --user --unit=basic.target >"$SYSTEMD_SH/manager.log" 2>&1 &
pid=$!
stop_manager() { kill -s RTMIN+4 $pid; for _ in {1..20}; do kill -0 $pid || break; sleep .1; done; kill -9 $pid; } 2>/dev/null
trap stop_manager EXIT
for _ in {1..50}; do systemctl --user is-system-running 2>/dev/null | grep -qE 'running|degraded' && break; sleep .1; done
systemctl --user is-system-running 2>/dev/null | grep -qE 'running|degraded' || exit 77

config first ''
# `start` comes back when the daemon has said READY=1, and fails if it never does.
timeout 15 systemctl --user start ringback || fail 'it does not start'
[ "$(state ActiveState)" = active ] || fail "it is $(state ActiveState)"
[ "$(stat -c %a "$XDG_RUNTIME_DIR/ringback" "$HOME/.local/state/ringback" | sort -u)" = 700 ] || fail 'a folder is open to others'
knows first || fail 'the command line does not find it by endpoint.json'
main=$(state MainPID)
grep -q '^Max core file size *0 ' "/proc/$main/limits" || fail 'it could dump core'
grep -q '^NoNewPrivs:.*1' "/proc/$main/status" || fail 'it could gain privileges'

config second ''
systemctl --user reload ringback || fail 'it does not reload'
until_true 'the new config is taken over' knows second
[ "$(state MainPID)" = "$main" ] || fail 'a reload restarted it'

kill -9 "$main"
until_true 'it is back after a crash' bash -c "systemctl --user show -P MainPID ringback | grep -qvx -e 0 -e $main && systemctl --user is-active ringback"

systemctl --user stop ringback || fail 'it does not stop'
[ "$(state Result)" = success ] || fail "it stopped with $(state Result)"
[ ! -e "$XDG_RUNTIME_DIR/ringback" ] || fail 'it left its runtime folder behind'
"$HOME/.cargo/bin/ringback" status
[ $? = 3 ] || fail 'the command line does not say that nobody is there'

# In an account it would only be that account's (see docs/config.md).
config third '[serve]
unknown_key = 1'
systemctl --user start ringback && fail 'it starts with a mistake in the config'
[ "$(state ExecMainStatus)" = 2 ] && [ "$(state ActiveState)" = failed ] || fail "a mistake in the config: $(state ExecMainStatus), $(state ActiveState)"
exit 0
