// The cost of a start, an idle minute and a wave of refreshes with 100, 1,000 and 10,000 accounts; not part of CI.
//
//   cargo build --release && RINGBACK_BIN=target/release/ringback node tests/peers/many.mjs
//
// COUNTS: numbers of accounts, separated by spaces. It fails if any account has no valid token at the end.
import http from 'node:http';
import { check, costs, freePort, journey, request, sleep, until } from './world.mjs';

const COUNTS = (process.env.COUNTS ?? '100 1000 10000').split(' ').map(Number);
const LIFETIME = 120; // seconds
const AT_ONCE = 32;

const rows = [];

const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });

async function atOnce(list, work) {
  const left = [...list];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => { while (left.length) await work(left.pop()); }));
}

for (const count of COUNTS) {
  await journey(`many: ${count} accounts`, async (world) => {
    const secret = world.file('client-secret', 'practice-secret');
    const sandbox = (lifetime) => world.sandbox(['--client-id', 'practice', '--client-secret-file', secret, '--rate-limit', 'off', '--access-lifetime', lifetime]);
    const provider = await sandbox(`${LIFETIME}s`);
    const port = await freePort();
    const names = Array.from({ length: count }, (_, n) => `a${n}`);
    world.config(`[listen]
tcp = ["127.0.0.1:${port}"]
[providers.practice]
preset = "phonecom"
authorize_url = "${provider.url}/v4/oauth/authorization"
token_url = "${provider.url}/v4/oauth/access-token"
rate_limit = "1000000/1s"
rate_limit_endpoint = "1000000/1s"
${names.map((name) => `[accounts.${name}]
provider = "practice"
client_id = "practice"
client_secret_file = "${secret}"
scope = ["account-owner"]`).join('\n')}`);
    let daemon = await world.daemon();
    const onSocket = (target, options) => request(`http://localhost${target}`, { agent, socketPath: daemon.socket, ...options });
    const json = { 'content-type': 'application/json' };
    await atOnce(names, async (name) => {
      const body = JSON.stringify({ grant_type: 'password', username: 'alice', password: 'practice-password', client_id: 'practice', client_secret: 'practice-secret', scope: 'account-owner' });
      const given = (await request(`${provider.url}/v4/oauth/access-token`, { method: 'POST', headers: json, body })).json();
      check(given.refresh_token, `no refresh token from the sandbox: ${JSON.stringify(given)}`);
      const done = await onSocket(`/v1/accounts/${name}/import`, { method: 'POST', headers: json, body: JSON.stringify({ refresh_token: given.refresh_token }) });
      check(done.status === 200, `import: ${done.status} ${done.text}`);
    });
    const accounts = async () => (await onSocket('/v1/accounts')).json().accounts;
    const generations = async () => (await accounts()).reduce((sum, account) => sum + account.generation, 0);

    // One and a half token lifetimes: each token is refreshed at least once.
    const before = { ...costs(daemon.child.pid), generations: await generations() };
    const began = Date.now();
    await sleep(LIFETIME * 1500);
    const after = { ...costs(daemon.child.pid), generations: await generations() };
    const seconds = (Date.now() - began) / 1000;
    const refreshes = after.generations - before.generations;
    const standing = await accounts();
    const now = Date.now() / 1000;
    const dead = standing.filter((account) => account.state !== 'active' || account.expires_at <= now);
    check(dead.length === 0, `${dead.length} accounts have no valid token: ${JSON.stringify(dead[0])}`);

    // A start with all accounts stored.
    daemon.child.kill('SIGTERM');
    await daemon.exit;
    const start = performance.now();
    daemon = await world.daemon();
    const ready = performance.now() - start;
    await until('all are read', 30_000, async () => (await accounts()).every((account) => account.state === 'active'));
    const rest = costs(daemon.child.pid);
    await sleep(3000); // refreshes due at the start have finished
    const took = [];
    for (let n = 0; n < 200; n += 1) {
      const from = performance.now();
      const reply = await onSocket(`/v1/accounts/${names[n % count]}/token`);
      check(reply.status === 200, `${reply.status} ${reply.text}`);
      took.push(performance.now() - from);
    }
    took.sort((a, b) => a - b);
    rows.push(`| ${count} | ${ready.toFixed(0)} ms | ${(rest.rss / 1024).toFixed(1)} MiB | ${refreshes} in ${seconds.toFixed(0)} s (${(refreshes / seconds).toFixed(0)}/s) | ${((after.ran - before.ran) / refreshes).toFixed(2)} ms | ${(after.rss / 1024).toFixed(1)} MiB | ${took[100].toFixed(2)} ms | ${after.fds}, ${after.threads} |`);
  }, 900_000);
}
console.log(['| accounts | start to ready | RSS then | refreshes | CPU for each | RSS while refreshing | a cached fetch, median | open files, threads |', '| --- | --- | --- | --- | --- | --- | --- | --- |', ...rows].join('\n'));
