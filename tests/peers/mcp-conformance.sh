#!/usr/bin/env bash
# The MCP project's conformance scenarios: for authorization (revision 2026-07-28) with ringback as the client, where
# mcp-client.sh does what a user does; and for servers, through the proxy and without it. Prints "ok - ..." or
# "not ok - ..." for each. `tests/run conformance` runs it.
# RINGBACK_BIN: the binary. The scenarios and the Node.js that they need are packages of tests/peers/mcp. Kept in
# target/conformance from run to run: the server, which is among the sources of PyPI's `mcp`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=$here/mcp/node_modules
kept=$here/../../target/conformance
SOURCES='mcp==2.3.0 --hash=sha256:8b147a50441cf059dc88c684e0aeed3687f0aa0f39c6cde7b90330effd2b34d8'
SCENARIOS=(metadata-default metadata-var1 metadata-var2 metadata-var3 basic-cimd scope-from-www-authenticate
  scope-from-scopes-supported scope-omitted-when-undefined scope-step-up scope-retry-limit token-endpoint-auth-basic
  token-endpoint-auth-post token-endpoint-auth-none pre-registration resource-mismatch offline-access-scope
  offline-access-not-supported authorization-server-migration iss-supported iss-not-advertised iss-supported-missing
  iss-wrong-issuer iss-unexpected iss-normalized metadata-issuer-mismatch
  dpop dpop-nonce)

if [ "$(cat "$kept/made-from" 2>/dev/null)" != "$SOURCES" ]; then
  rm -rf "$kept"
  mkdir -p "$kept"
  "$here/.venv/bin/pip" download --quiet --no-deps --no-binary mcp --require-hashes -r <(echo "$SOURCES") --dest "$kept"
  tar xzf "$kept"/mcp-*.tar.gz -C "$kept" --strip-components 1 --wildcards 'mcp-*/examples/servers/everything-server'
  echo "$SOURCES" >"$kept/made-from"
fi
for folder in "$packages"/node-linux-*/bin; do PATH=$folder:$PATH; done
failed=0
# --force: dpop and dpop-nonce are of an extension, which has no revision.
for scenario in "${SCENARIOS[@]}"; do
  said=$(timeout 120 "$packages/.bin/conformance" client --command "bash $here/mcp-client.sh" \
    --scenario "auth/$scenario" --spec-version 2026-07-28 --force --timeout 90000 2>&1) || true
  if grep -aq 'OVERALL: PASSED' <<<"$said"; then
    echo "ok - conformance: $scenario: $(grep -a '^Passed:' <<<"$said")"
  else
    failed=1
    echo "not ok - conformance: $scenario"
    grep -aE 'FAILURE|WARNING|^error|exit' <<<"$said" | tail -n 20 | sed 's/^/#   /'
  fi
done
EVERYTHING_SERVER=$kept/examples/servers/everything-server node "$here/mcp-conformance-server.mjs" || failed=1
exit $failed
