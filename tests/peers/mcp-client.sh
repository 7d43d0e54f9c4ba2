#!/usr/bin/env bash
# mcp-client.sh ... URL: an MCP client behind ringback, as a user sets it up, who does what messages say.
set -uo pipefail
url=${*: -1}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
world=$(mktemp -d)
export HOME=$world/home XDG_CONFIG_HOME=$world/config XDG_STATE_HOME=$world/state XDG_RUNTIME_DIR=$world/run \
  XDG_CACHE_HOME=$world/cache XDG_DATA_HOME=$world/data NO_COLOR=1 BROWSER=/bin/false
mkdir -m 700 -p "$HOME" "$XDG_CONFIG_HOME/ringback" "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR" "$XDG_CACHE_HOME"
config=$XDG_CONFIG_HOME/ringback/config.toml
# Outside of the ports that the system gives away.
port=$(python3 -c '
import random, socket
for port in random.sample(range(20000, 32000), 100):
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)):
            print(port)
            break')
(umask 077 && printf '[listen]\ntcp = ["127.0.0.1:%s"]\n' "$port" >"$config")
"$RINGBACK_BIN" serve 2>"$world/daemon" &
daemon=$!
trap 'kill $daemon 2>/dev/null; rm -rf "$world"' EXIT
until_said() { for _ in {1..200}; do grep -q "$2" "$1" 2>/dev/null && return; sleep .1; done; return 1; }
until_said "$world/daemon" ready || { cat "$world/daemon" >&2; exit 1; }

# What the scenario gives a client beforehand.
add=("$RINGBACK_BIN" mcp add notes "$url")
given=${MCP_CONFORMANCE_CONTEXT:-'{}'}
id=$(jq -r '.client_id // empty' <<<"$given") secret=$(jq -r '.client_secret // empty' <<<"$given")
[ -z "$id" ] || add+=(--client-id "$id")
[ -z "$secret" ] || add+=(--client-secret-stdin)
case ${MCP_CONFORMANCE_SCENARIO:-} in
  auth/basic-cimd) add+=(--client-metadata-url https://conformance-test.local/client-metadata.json) ;;
esac
add() { echo "$secret" | timeout 40 "${add[@]}" >&2; }
# In the place of a browser: the scenario's page needs no answer.
log_in() {
  timeout 60 "$RINGBACK_BIN" login notes --no-browser "$@" >"$world/login" 2>&1 &
  local waiting=$!
  until_said "$world/login" 'http://.*/login/start/'
  curl -sL --max-time 20 -c "$world/jar" -b "$world/jar" "$(grep -o 'http://.*/login/start/.*' "$world/login")" >/dev/null
  wait $waiting || { cat "$world/login" >&2; return 1; }
}
add && log_in || exit 1
"$RINGBACK_BIN" mcp config cursor notes 2>/dev/null | grep -o 'Bearer [^"]*' | cut -d' ' -f2 >"$world/key"
for round in 1 2 3; do
  timeout 60 "$here/.venv/bin/python" "$here/mcp_tools.py" "http://127.0.0.1:$port/proxy/notes" "$world/key" 2>"$world/said"
  rc=$?
  cat "$world/said" >&2
  [ $rc != 0 ] && [ $round != 3 ] || exit $rc
  # A login that did not bring the scope would not bring it again.
  ! grep -q 'asks for this scope already' "$world/said" || exit $rc
  # The command that the message names; otherwise, the server may have moved to another issuer.
  if grep -q 'ringback login notes --more-scope' "$world/said"; then
    log_in --more-scope || exit 1
  else
    add
    log_in || exit 1
  fi
done
