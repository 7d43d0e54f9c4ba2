// A long run with short token lifetimes and random callers; not part of CI.
//
//   cargo build --release && RINGBACK_BIN=target/release/ringback MINUTES=120 node tests/peers/soak.mjs
//
// MINUTES: duration (2). ACCOUNTS: number of accounts at the sandbox (6); one more is at npm oidc-provider, which
// revokes a grant whose refresh token is reused. LIFETIME: token lifetime in seconds (20). It prints a table, and fails
// if a caller got no valid token or one that the provider rejects, or if a refresh token was reused.
import http from 'node:http';
import { RINGBACK, check, costs, freePort, journey, request, sleep } from './world.mjs';

const MINUTES = Number(process.env.MINUTES ?? 2);
const ACCOUNTS = Number(process.env.ACCOUNTS ?? 6);
const LIFETIME = Number(process.env.LIFETIME ?? 20);
const CALLERS = 8;

const count = {};
const add = (what, n = 1) => { count[what] = (count[what] ?? 0) + n; };
const failures = [];
const fail = (why) => { add('failures'); if (failures.length < 20) failures.push(`${new Date().toISOString()} ${why}`); };
const pick = (list) => list[Math.floor(Math.random() * list.length)];

/** A GET request over the unix socket. */
function overSocket(socketPath, target) {
  return new Promise((done, failed) => {
    const asked = http.get({ socketPath, path: target, headers: { host: 'localhost' }, timeout: 40_000 }, (reply) => {
      let body = '';
      reply.on('data', (data) => { body += data; });
      reply.on('end', () => done({ status: reply.statusCode, json: () => JSON.parse(body) }));
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in 40 s')));
    asked.on('error', failed);
  });
}

await journey(`soak: ${MINUTES} min`, async (world) => {
  const secret = world.file('practice-client', 'practice-secret');
  const sandbox = await world.sandbox(['--client-id', 'practice', '--client-secret-file', secret, '--access-lifetime', `${LIFETIME}s`]);
  const day = 86_400;
  const ttl = { AccessToken: LIFETIME, RefreshToken: day, AuthorizationCode: 30, IdToken: 300, Interaction: 300, Session: day, Grant: day };
  const peer = await world.oidcProvider({ REDIRECT_URIS: 'http://127.0.0.1/callback/peer' }, { ttl });
  const port = await freePort();
  const names = Array.from({ length: ACCOUNTS }, (_, i) => `practice${i}`);
  world.config(`[listen]
tcp = ["127.0.0.1:${port}"]
[providers.practice]
preset = "phonecom"
authorize_url = "${sandbox.url}/v4/oauth/authorization"
token_url = "${sandbox.url}/v4/oauth/access-token"
[providers.peer]
preset = "generic"
authorize_url = "${peer.url}/auth"
token_url = "${peer.url}/token"
client_auth = "none"
[accounts.peer]
provider = "peer"
client_id = "public"
scope = ["openid", "offline_access"]
redirect_uri = "http://127.0.0.1:${port}/callback/peer"
extra_authorize = { prompt = "consent" }
${names.map((name) => `[accounts.${name}]
provider = "practice"
client_id = "practice"
client_secret_file = "${secret}"
scope = ["account-owner"]
redirect_uri = "http://127.0.0.1:${port}/callback/practice-${name}"`).join('\n')}`);
  const daemon = await world.daemon();
  for (const name of names) await world.loginByForm(name);
  const { page, code } = await world.loginWithChromium('peer');
  check(code === 0, `login at oidc-provider: ${code} ${page.text?.slice(0, 200)}`);
  const all = [...names, 'peer'];
  const token = (account, query = '') => `/v1/accounts/${account}/token${query}`;

  /** Whether the provider accepts the token: sampled, since each check costs a request. */
  async function proveAtSandbox(account, value) {
    if (account === 'peer' || Math.random() > 0.002) return;
    const reply = await request(`${sandbox.url}/v4/oauth/access-token`, { headers: { authorization: `Bearer ${value}` } });
    add('tokens shown to the provider');
    if (reply.status !== 200) fail(`the provider refuses a served token of ${account}: ${reply.status}`);
  }

  const ways = {
    tcp: async (account) => request(`${daemon.url}${token(account)}`, { headers: daemon.authorization }),
    'tcp, min_ttl': async (account) => request(`${daemon.url}${token(account, `?min_ttl=${Math.floor(LIFETIME / 4)}`)}`, { headers: daemon.authorization }),
    socket: async (account) => overSocket(daemon.socket, token(account)),
    'command line': async (account) => {
      const done = await world.run(RINGBACK, ['token', account, '--json']);
      world.children.splice(world.children.findIndex((child) => child === done), 1);
      return { status: done.code === 0 ? 200 : done.code, json: () => JSON.parse(done.out) };
    },
    leaver: async (account) => {
      // Sends a request and hangs up, which must have no effect.
      const asked = http.get({ socketPath: daemon.socket, path: token(account, '?min_ttl=60&wait=5'), headers: { host: 'localhost' } });
      asked.on('error', () => {});
      await sleep(Math.random() * 5);
      asked.destroy();
      return undefined;
    },
  };
  const odds = [...Array(10).fill('tcp'), ...Array(10).fill('socket'), 'tcp, min_ttl', 'tcp, min_ttl', 'command line', 'leaver'];

  const start = costs(daemon.child.pid);
  const until = Date.now() + MINUTES * 60_000;
  const samples = [];
  async function caller() {
    while (Date.now() < until) {
      const [account, way] = [pick(all), pick(odds)];
      try {
        const reply = await ways[way](account);
        add('requests');
        add(way);
        if (reply && reply.status !== 200) fail(`${way} ${account}: ${reply.status}`);
        else if (reply) {
          const { access_token: value, expires_in: left } = reply.json();
          if (!value || !(left >= 0)) fail(`${way} ${account}: expires_in ${left}`);
          else await proveAtSandbox(account, value);
        }
      } catch (error) {
        fail(`${way} ${account}: ${error.message}`);
      }
      await sleep(Math.random() * 200);
    }
  }
  async function sampler() {
    while (Date.now() < until) {
      samples.push(costs(daemon.child.pid));
      await sleep(Math.min(60_000, MINUTES * 6_000));
    }
  }
  await Promise.all([sampler(), ...Array.from({ length: CALLERS }, caller)]);
  const end = costs(daemon.child.pid);
  const accounts = (await overSocket(daemon.socket, '/v1/accounts')).json().accounts;
  const refreshes = accounts.reduce((sum, account) => sum + account.generation - 1, 0);
  const reuses = (await peer.journal()).filter((entry) => entry.event === 'grant revoked').length;
  const most = (what) => Math.max(...samples.map((sample) => sample[what]));
  const bad = count.failures ?? 0;
  delete count.failures;
  console.log(['| what | |', '| --- | --- |',
    ...Object.entries(count).map(([what, n]) => `| ${what} | ${n} |`),
    `| failures | ${bad} |`, `| refreshes | ${refreshes} |`, `| accounts in trouble at the end | ${accounts.filter((a) => a.attention_needed).length} |`,
    `| grants ended for reuse at oidc-provider | ${reuses} |`,
    ...['rss', 'fds', 'threads'].map((what) => `| ${what} at start, most, end | ${start[what]}, ${most(what)}, ${end[what]} |`)].join('\n'));
  if (failures.length) console.log(failures.join('\n'));
  check(!failures.length && reuses === 0, `${bad} callers got no valid token, ${reuses} grants were revoked`);
  check(refreshes > (MINUTES * 60 / LIFETIME) * all.length * 0.8, `only ${refreshes} refreshes`);
}, MINUTES * 60_000 + 120_000);
