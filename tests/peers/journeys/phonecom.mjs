// All of Phone.com's OAuth API, with the sandbox provider: every grant side by side in one daemon, with every parameter
// of every request compared with Phone.com's documentation (the tables of docs/sandbox.md).
import crypto from 'node:crypto';
import { atSandbox, check, ended, journey, request, until } from '../world.mjs';
import { visit } from '../browser.mjs';

const CLIENT = 'practice';
const SECRET = 'practice-secret';
const PASSWORD = 'practice-password';
/** The placeholder for secrets in the sandbox's journal. */
const print = (secret) => crypto.createHash('sha256').update(secret).digest('hex').slice(0, 8);
const same = (found, wanted, what) => check(JSON.stringify(found) === JSON.stringify(wanted), `${what}: ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);

/** A sandbox and a daemon with one account for each grant. */
async function everyWay(world, flags = [], more = '') {
  const password = world.file('password', PASSWORD);
  const accounts = (account) => [
    account('code'),
    account('client', 'grant = "client_credentials"'),
    account('alice', `grant = "password"\nusername = "alice"\npassword_file = "${password}"`),
    account('phone', `grant = "password"\nphonenumber = "+12025550101"\npassword_file = "${password}"`),
    account('fragment', 'grant = "implicit"'),
    account('made'),
  ].join('\n');
  const { sandbox, daemon } = await atSandbox(world, { flags, preferred: 'code', more, accounts });
  const journal = async () => (await request(`${sandbox.url}/_sandbox/journal`)).json().requests;
  return { sandbox, daemon, journal };
}

const asked = (entry) => [entry.content_type?.split(';')[0] ?? null, entry.params, entry.outcome];
const token = async (world, account) => {
  const { code, out, err } = await world.ringback(['token', account, '--json']);
  check(code === 0, `ringback token ${account}: exit ${code}: ${err}`);
  return JSON.parse(out);
};
const succeeds = async (world, args, options) => {
  const ran = await world.ringback(args, options);
  check(ran.code === 0, `ringback ${args.join(' ')}: exit ${ran.code}: ${ran.err}`);
  return ran;
};

await journey('phone.com: five grants in one daemon, each request as documented', async (world) => {
  const { sandbox, daemon, journal } = await everyWay(world);
  const client = { client_id: CLIENT, client_secret: print(SECRET) };

  // Client credentials need no login.
  const own = await until('the client has a token', 10_000, async () => {
    const reply = await request(`${daemon.url}/v1/accounts/client/token?wait=5`, { headers: daemon.authorization });
    return reply.status === 200 && reply.json();
  });
  check(own.expires_in > 3000, `expires_in ${own.expires_in}`);
  same((await journal()).map(asked), [['application/json', { ...client, grant_type: 'client_credentials', scope: 'account-owner' }, 'granted']], 'client credentials');

  await world.loginByForm('code');
  const exchange = (await journal()).at(-1);
  same(Object.keys(exchange.params).sort(), ['client_id', 'client_secret', 'code', 'code_verifier', 'grant_type', 'redirect_uri'], 'the exchange');
  same([exchange.content_type, exchange.params.grant_type, exchange.params.client_secret], ['application/json', 'authorization_code', print(SECRET)], 'the exchange');
  await succeeds(world, ['refresh', 'code']);
  const refresh = (await journal()).at(-1);
  same([Object.keys(refresh.params).sort(), refresh.params.grant_type], [['client_id', 'client_secret', 'grant_type', 'refresh_token'], 'refresh_token'], 'the refresh');

  for (const [name, who] of [['alice', { username: 'alice' }], ['phone', { phonenumber: '+12025550101' }]]) {
    const login = await world.ringback(['login', name]);
    check(/RFC 9700/.test(login.err), `the password grant is not called discouraged: ${login.err}`);
    const entry = (await journal()).at(-1);
    const wanted = { ...client, grant_type: 'password', password: print(PASSWORD), scope: 'account-owner', ...who };
    const sorted = (params) => Object.entries(params).sort();
    same([entry.content_type, sorted(entry.params)], ['application/json', sorted(wanted)], `the password of ${name}`);
  }
  await succeeds(world, ['refresh', 'alice']);
  same((await journal()).filter((e) => e.params.password && e.params.username).length, 1, 'the password was sent once');

  const { running, url } = await world.beginLogin('fragment');
  const page = await visit(url, { end: /Logged in|Not logged in/ });
  check(await ended(running, 15_000) === 0, `the implicit login: ${page.text.slice(0, 200)}`);
  check(!/access_token/.test(page.url), `the browser ended at ${page.url}`);
  const before = (await journal()).length;
  const implicit = await token(world, 'fragment');
  same((await journal()).length, before, 'an implicit token needs no token request');
  const view = (await request(`${daemon.url}/v1/accounts/fragment`, { headers: daemon.authorization })).json();
  check(view.refreshable === false && view.login_due_at > Date.now() / 1000, `when the next login is due: ${JSON.stringify(view)}`);

  // A token from elsewhere, pasted with spaces and invisible characters around it.
  const made = await succeeds(world, ['import', 'made'], { input: `\u200b  ${own.access_token}\ufeff \n` });
  check(/voip_id/.test(made.err + made.out), `import shows the identity: ${made.err}`);
  const bad = await world.ringback(['import', 'made'], { input: 'nothing-that-works' });
  check(bad.code !== 0, 'a token that the provider does not know was imported');
  same((await token(world, 'made')).access_token, own.access_token, 'the good one is still there');

  const tokens = await Promise.all(['code', 'client', 'alice', 'fragment', 'made'].map((name) => token(world, name)));
  check(new Set(tokens.slice(0, 4).map((t) => t.access_token)).size === 4, 'two accounts have the same token');
  for (const [at, reply] of tokens.entries()) check(reply.extra.voip_id === 1000001, `account ${at}: extra ${JSON.stringify(reply.extra)}`);
  check(tokens.every((t) => t.refresh_token === undefined), 'a refresh token was served');
  same(implicit.access_token, tokens[3].access_token, 'implicit');

  const info = JSON.parse((await succeeds(world, ['info', 'code', '--json'])).out);
  same([info.source, info.active, info.voip_id, info.scope.includes('account-owner')], ['details', true, 1000001, true], 'info');
  check(info.expires_at > Date.now() / 1000 && Array.isArray(info.claims.scope_details), `info: ${JSON.stringify(info)}`);

  const out = await succeeds(world, ['logout', 'code']);
  check(/revoked at the provider/.test(out.err + out.out) && /minutes/.test(out.err + out.out), `logout: ${out.err}${out.out}`);
  await request(`${sandbox.url}/_sandbox/revoke`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"what":"all"}' });
  const gone = await succeeds(world, ['logout', 'alice']);
  check(/revoked at the provider/.test(gone.err + gone.out), `a token that is already invalid counts as revoked: ${gone.err}${gone.out}`);
  sandbox.child.kill('SIGKILL');
  await sandbox.exit;
  const alone = await succeeds(world, ['logout', 'phone']);
  check(/this machine only/.test(alone.err + alone.out), `a logout without the provider: ${alone.err}${alone.out}`);
  check(![SECRET, PASSWORD, ...tokens.map((t) => t.access_token)].some((s) => daemon.err.includes(s)), 'a secret is in the log');
});

await journey('phone.com: permanent tokens, and expires_at without expires_in', async (world) => {
  for (const [flags, expiry] of [[['--access-lifetime', 'never'], 'never'], [['--expires-in', 'absent'], undefined]]) {
    const inner = new world.constructor();
    try {
      await everyWay(inner, flags);
      await inner.loginByForm('code');
      const reply = await token(inner, 'code');
      same([reply.expiry, reply.expires_at > Date.now() / 1000 + 3000], [expiry, expiry === undefined], flags.join(' '));
    } finally {
      await inner.close();
    }
  }
});

await journey('phone.com: the documented rate limits hold, whatever callers do', async (world) => {
  const { daemon, sandbox } = await everyWay(world);
  await world.loginByForm('code');
  const began = Date.now();
  const ask = async () => (await request(`${daemon.url}/v1/accounts/code/info`, { headers: daemon.authorization })).status;
  const found = await Promise.all(Array.from({ length: 60 }, ask));
  const through = found.filter((status) => status === 200).length;
  check(Date.now() - began < 25_000, 'too slow for a result');
  check(through <= 30 && through > 20, `${through} of 60 went through`);
  check(found.every((status) => [200, 503].includes(status)), `statuses ${[...new Set(found)]}`);
  const served = await token(world, 'code');
  check(served.access_token, 'no cached token is served at the limit');
  check(!/status=429/.test(sandbox.err), 'the provider answered 429');
  check(/status=200/.test(sandbox.err), 'the sandbox does not log its statuses');
});

await journey('phone.com: secrets are in the query only if configured', async (world) => {
  const { journal } = await everyWay(world, [], 'body = "query"');
  const told = await world.ringback(['config', 'check']);
  check(told.code === 0 && /query/.test(told.err) && /log/.test(told.err), `config check does not warn: ${told.err}`);
  await world.loginByForm('code');
  const entry = (await journal()).at(-1);
  same([entry.content_type, entry.params.grant_type, entry.outcome], [null, 'authorization_code', 'granted'], 'the exchange');
});
