// The cost of a start, an idle minute, a wave of refreshes and a stampede with 1, 1,000 and 10,000 accounts; not part of
// CI.
//
//   cargo build --release && RINGBACK_BIN=target/release/ringback node tests/peers/many.mjs
//
// COUNTS: numbers of accounts, separated by spaces. LOAD: seconds of refreshes of tokens of LIFETIME seconds. STARTS: how many
// starts are timed; the fastest counts, for other programs' load only adds. CALLERS: of the stampede. It fails if any
// account has no valid token at the end, or if a stampede sends more than one request.
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { check, costs, freePort, journey, request, sleep, until } from './world.mjs';

const COUNTS = (process.env.COUNTS ?? '1 1000 10000').split(' ').map(Number);
const LOAD = Number(process.env.LOAD ?? 180);
const STARTS = Number(process.env.STARTS ?? 3);
const CALLERS = (process.env.CALLERS ?? '1000 5000').split(' ').filter(Boolean).map(Number);
const LIFETIME = Number(process.env.LIFETIME ?? 120); // seconds
const LONG = 86_400;
const AT_ONCE = 32;

const rows = [];

const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });

async function atOnce(list, work) {
  const left = [...list];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => { while (left.length) await work(left.pop()); }));
}

/** Context switches of all threads of a process: each wake-up is at least one. */
function switches(pid) {
  const tasks = fs.readdirSync(`/proc/${pid}/task`);
  const status = tasks.map((task) => fs.readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'));
  return status.flatMap((text) => [...text.matchAll(/^voluntary_ctxt_switches:\s+(\d+)/gm)]).reduce((sum, [, n]) => sum + Number(n), 0);
}

/** Sends one request each on `count` connections that are open already; when the last reply was complete. */
async function stampede(socketPath, target, count) {
  const open = await Promise.all(Array.from({ length: count }, () => new Promise((done, fail) => {
    const socket = net.connect(socketPath, () => done(socket)).on('error', fail);
  })));
  const statuses = await Promise.all(open.map((socket) => new Promise((done, fail) => {
    let text = '';
    socket.on('error', fail).on('close', () => done(text.split(' ')[1]));
    socket.on('data', (part) => { text += part; if (text.includes('}')) socket.destroy(); });
    socket.write(`GET ${target} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  })));
  const over = Date.now();
  const told = [...new Set(statuses)].map((status) => `${status}: ${statuses.filter((other) => other === status).length}`).join(', ');
  return { over, told };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function measure(world, count) {
  const secret = world.file('client-secret', 'practice-secret');
  const provider = await world.peer('many-provider.mjs', { LIFETIME: String(LIFETIME) });
  const set = (settings) => request(`${provider.url}/set?${new URLSearchParams(settings)}`, { method: 'POST' });
  const port = await freePort();
  const names = Array.from({ length: count }, (_, n) => `a${n}`);
  world.config(`[listen]
tcp = ["127.0.0.1:${port}"]
max_connections = 16000
[providers.practice]
preset = "generic"
authorize_url = "${provider.url}/authorize"
token_url = "${provider.url}/token"
client_auth = "post"
${names.map((name) => `[accounts.${name}]
provider = "practice"
client_id = "practice"
client_secret_file = "${secret}"
scope = ["account-owner"]`).join('\n')}`);
  let daemon = await world.daemon();
  const onSocket = (target, options) => request(`http://localhost${target}`, { agent, socketPath: daemon.socket, ...options });
  const json = { 'content-type': 'application/json' };
  await atOnce(names, async (name) => {
    const done = await onSocket(`/v1/accounts/${name}/import`, { method: 'POST', headers: json, body: JSON.stringify({ refresh_token: `first-${name}` }) });
    check(done.status === 200, `import: ${done.status} ${done.text}`);
  });
  const accounts = async () => (await onSocket('/v1/accounts')).json().accounts;
  const generations = async () => (await accounts()).reduce((sum, account) => sum + account.generation, 0);
  const stop = async () => {
    daemon.child.kill('SIGTERM');
    await daemon.exit;
  };
  const fetches = async (times) => {
    const took = [];
    for (let n = 0; n < times; n += 1) {
      const from = performance.now();
      const reply = await onSocket(`/v1/accounts/${names[n % count]}/token`);
      check(reply.status === 200, `${reply.status} ${reply.text}`);
      took.push(performance.now() - from);
    }
    return median(took);
  };

  // Refreshes of two-minute tokens, all accounts in turn.
  const before = { ...costs(daemon.child.pid), generations: await generations() };
  const began = Date.now();
  const during = [];
  while (Date.now() - began < LOAD * 1000) {
    during.push(await fetches(50));
    await sleep(500);
  }
  const after = { ...costs(daemon.child.pid), generations: await generations() };
  const refreshes = after.generations - before.generations;
  const cpu = (after.ran - before.ran) / Math.max(1, refreshes);

  // A start after a long sleep: all accounts are due at once.
  await stop();
  await set({ lifetime: LONG });
  await sleep(LIFETIME * 1000);
  daemon = await world.daemon();
  const due = { ...costs(daemon.child.pid), generations: await generations() };
  const wave = [];
  await until('all are refreshed', 300_000, async () => {
    wave.push(await fetches(20));
    return (await accounts()).every((account) => account.expires_at > Date.now() / 1000 + 3600);
  });
  const woken = { ...costs(daemon.child.pid), generations: await generations() };
  const waveCpu = (woken.ran - due.ran) / Math.max(1, woken.generations - due.generations);

  // Starts with nothing due.
  let [ready, rss] = [Infinity, Infinity];
  for (let n = 0; n < STARTS; n += 1) {
    await stop();
    const start = performance.now();
    daemon = await world.daemon();
    ready = Math.min(ready, performance.now() - start);
  }
  check((await accounts()).every((account) => account.state === 'active'), 'not all are active');
  await sleep(12_000); // threads for the disk end after ten idle seconds
  const still = switches(daemon.child.pid);
  await sleep(10_000);
  const wakeUps = switches(daemon.child.pid) - still;
  rss = costs(daemon.child.pid).rss;
  const idle = await fetches(500);
  rows.push(`| ${count} | ${ready.toFixed(0)} ms | ${(rss / 1024).toFixed(1)} MiB | ${wakeUps} | ${idle.toFixed(2)} ms | ${(refreshes / LOAD).toFixed(0)}/s | ${cpu.toFixed(2)} ms | ${median(during).toFixed(2)} ms | ${waveCpu.toFixed(2)} ms | ${median(wave).toFixed(2)} ms | ${(woken.rss / 1024).toFixed(1)} MiB |`);

  if (count === Math.min(...COUNTS)) {
    for (const callers of CALLERS) {
      await set({ lifetime: 8, latency: 0 });
      const refreshed = await onSocket(`/v1/accounts/${names[0]}/refresh`, { method: 'POST' });
      check(refreshed.status === 200, `refresh: ${refreshed.status} ${refreshed.text}`);
      const requests = async () => (await request(`${provider.url}/count`)).json();
      // The planned refresh is answered late, and the token expires meanwhile.
      await set({ lifetime: LONG, latency: 6000 });
      const first = await requests();
      await sleep(9000);
      const { over, told } = await stampede(daemon.socket, `/v1/accounts/${names[0]}/token?wait=20`, callers);
      const last = await requests();
      check(last.requests - first.requests === 1, `${last.requests - first.requests} requests in a stampede`);
      console.log(`stampede of ${callers}: 1 request, the last caller ${over - last.replied} ms after the provider's reply (${told})`);
    }
  }
}

for (const count of COUNTS) {
  await journey(`many: ${count} accounts`, (world) => measure(world, count), 1_200_000);
}
console.log(['| accounts | start to ready | RSS idle | wake-ups in 10 s | cached fetch | refreshes | CPU for each | fetch meanwhile | CPU for each in a wave | fetch meanwhile | RSS after it |', `|${' --- |'.repeat(11)}`, ...rows].join('\n'));
