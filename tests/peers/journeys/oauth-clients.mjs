// OAuth client libraries that know nothing of ringback, at its token endpoint: each through three refreshes and a token
// that the API rejects.
import fs from 'node:fs';
import path from 'node:path';
import { atSandbox, check, checkLog, fingerprint, journey, PEERS, request, until } from '../world.mjs';

const PYTHON = [path.join(PEERS, '.venv/bin/python'), path.join(PEERS, 'oauth_clients.py')];
const NODE = [process.execPath, path.join(PEERS, 'oauth-clients.mjs')];
const RUST = [process.env.OAUTH2_CLIENT ?? path.join(PEERS, '../../target/oauth2-crate/debug/oauth2-client')];

/** The libraries, how each is run, and the token URL that it is given. */
const CLIENTS = {
  'requests-oauthlib': [PYTHON, '/oauth2/token'],
  authlib: [PYTHON, '/oauth2/authlib/token'],
  'httpx-oauth': [PYTHON, '/oauth/access-token'],
  'openid-client': [NODE, '/oauth2/token'],
  'simple-oauth2': [NODE, '/v4/oauth/access-token'],
  oauth2: [RUST, '/oauth2/token'],
};
const LIFETIME = 6;

/** The calls of a client so far: `[status, fingerprint of the token]`. */
const calls = ({ out }) => out.split('\n').slice(0, -1).map((line) => line.split(' '));
/** The different tokens of these calls, in order. */
const tokens = (made) => made.map(([, token]) => token).filter((token, at, all) => token !== all[at - 1]);

const names = Object.keys(CLIENTS);
await journey(`${names.join(', ')}: three refreshes and a rejected token`, async (world) => {
  // Only whoever asks causes a refresh, so that a token which is rejected stays the current one until its client says so.
  const accounts = (account) => names.map((name) => account(name, 'lazy = true')).join('');
  // Six accounts refresh more often than Phone.com allows one client to.
  const more = 'rate_limit_endpoint = "1000/30s"\nrate_limit = "4000/60s"';
  const { sandbox, daemon } = await atSandbox(world, { flags: ['--access-lifetime', `${LIFETIME}s`, '--rate-limit', 'off'], preferred: names[0], more, accounts });
  const api = `${sandbox.url}/v4/oauth/access-token`;
  for (const name of names) await world.loginByForm(name);

  const keys = [];
  const clients = [];
  for (const [name, [[command, ...args], target]] of Object.entries(CLIENTS)) {
    const added = await world.ringback(['app', 'add', `app-of-${name}`, '--account', name]);
    check(added.code === 0, `ringback app add: ${added.err}`);
    keys.push(added.out.trim());
    const env = { NAME: `app-of-${name}`, KEY: keys.at(-1), TOKEN_URL: daemon.url + target, ISSUER: `${daemon.url}/oauth2`, API: api };
    clients.push([name, world.start(command, [...args, name], { env })]);
  }

  await Promise.all(clients.map(async ([name, client]) => {
    const running = () => check(client.code === undefined, `${name} ended with ${client.code}: ${client.err.slice(-500)}`);
    await until(`${name}: three refreshes`, (LIFETIME + 4) * 4000, () => { running(); return tokens(calls(client)).length >= 4; });
    // At its end a token may be rejected before its client takes it for expired.
    const answered = calls(client);
    check(answered.every(([status]) => ['200', '401'].includes(status)), `${name}: ${client.out}`);
    check(answered.filter(([status]) => status === '200').length > 4 * 5, `${name} was rejected too often: ${client.out}`);

    const held = (await request(`${daemon.url}/v1/accounts/${name}/token`, { headers: daemon.authorization })).json().access_token;
    const gone = await request(api, { method: 'DELETE', headers: { authorization: `Bearer ${held}` } });
    check(gone.status < 300, `the sandbox did not deactivate the token: ${gone.status}`);
    const before = calls(client).length;
    const worksAgain = () => calls(client).slice(before).find(([status, token]) => status === '200' && token !== fingerprint(held));
    await until(`${name}: another token after a 401`, LIFETIME * 2000, () => { running(); return worksAgain(); });
    check(calls(client).slice(before).some(([status, token]) => status === '401' && token === fingerprint(held)), `${name} had no 401: ${client.out}`);
  }));

  const lines = await until('the audit log', 2000, () => fs.readFileSync(path.join(world.state, 'audit.jsonl'), 'utf8'));
  const noted = lines.trim().split('\n').map((line) => JSON.parse(line));
  for (const name of names) {
    const of = (event) => noted.filter((line) => line.event === event && line.app === `app-of-${name}`);
    check(of('token').every((line) => line.result === 'ok' && line.account === name), `${name}: ${JSON.stringify(of('token').at(-1))}`);
    check(of('refresh').length >= 1, `${name}: no report of the rejected token`);
  }
  checkLog(daemon, keys);
});

await journey('openid-client and requests-oauthlib: an account without a login keeps the key and shows the hint', async (world) => {
  const chosen = ['openid-client', 'requests-oauthlib'];
  const { daemon } = await atSandbox(world, { preferred: chosen[0], accounts: (account) => chosen.map((name) => account(name)).join('') });
  for (const name of chosen) {
    const added = await world.ringback(['app', 'add', `app-of-${name}`, '--account', name]);
    const [[command, ...args], target] = CLIENTS[name];
    const env = { NAME: `app-of-${name}`, KEY: added.out.trim(), TOKEN_URL: daemon.url + target, ISSUER: `${daemon.url}/oauth2`, API: `${daemon.url}/healthz` };
    const ended = await world.run(command, [...args, name], { env });
    check(ended.code === 1 && ended.out === '' && !ended.err.includes('invalid_grant'), `${name}: ${ended.code} ${ended.out} ${ended.err.slice(-500)}`);
    const expected = name === 'openid-client' ? /503/ : new RegExp(`Run .ringback login ${name}`);
    check(expected.test(ended.err), `${name} says: ${ended.err.slice(-500)}`);
  }
});
