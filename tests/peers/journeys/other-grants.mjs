// Grants without a browser on this machine: device codes, client credentials, signed clients, passwords.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { check, checkLogAgainst, ended, fingerprint, freePort, journey, PEERS, request, RINGBACK, submitConsent, until, work } from '../world.mjs';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const MACHINE = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
const same = (got, wanted, what) => check(JSON.stringify(got) === JSON.stringify(wanted), `${what}: ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`);
const works = async (peer, token) => (await request(`${peer.url}/me`, { headers: { authorization: `Bearer ${token}` } })).status;

/** `ringback login --device` at an oidc-provider, up to the point where the user has to act. */
async function device(world, env) {
  const peer = await world.oidcProvider({ ACCESS_TTL: '600', DEVICE_INTERVAL: '1', ...env }, {
    clients: [{ client_id: 'tv', token_endpoint_auth_method: 'none', application_type: 'native', grant_types: [DEVICE, 'refresh_token'], response_types: [], redirect_uris: [] }],
    features: { deviceFlow: { enabled: true } },
  });
  const daemon = await work(world, `preset = "oidc"\nissuer = "${peer.url}"\nclient_auth = "none"`,
    'grant = "device_code"\nclient_id = "tv"\nscope = ["openid", "offline_access"]');
  const cli = world.start(RINGBACK, ['login', 'work', '--device']);
  const shown = await until('the code', 10_000, () => {
    check(cli.code === undefined, `ringback login --device ended with ${cli.code}: ${cli.err}`);
    const [uri, code] = [/^(http:\/\/\S+)$/m, /^([B-Z]{4}-[B-Z]{4})$/m].map((pattern) => pattern.exec(cli.err)?.[1]);
    return uri && code && { uri, code };
  });
  same(shown.uri, `${peer.url}/device`, 'where to go');
  const polls = async () => (await peer.journal('token request')).filter((e) => e.grant === DEVICE);
  return { peer, daemon, cli, shown, polls };
}

await journey("device code: polled at the provider's interval until the user enters it", async (world) => {
  const { peer, daemon, cli, shown, polls } = await device(world, { SLOW_DOWN: '2' });
  await until('pending and slow_down', 10_000, async () => (await polls()).length >= 2);
  const page = await submitConsent(shown.uri, {}, { user_code: shown.code.toLowerCase().replace('-', ' ') });
  check(/Sign-in Success/.test(page.text), `the visitor ended at ${page.url}: ${page.status} ${page.text.slice(0, 200)}`);
  check(await ended(cli, 15_000) === 0 && cli.out === '', `ringback login --device: exit ${cli.code}: ${cli.err}`);
  const token = await world.token();
  same(await works(peer, token), 200, 'the token at userinfo');
  const [asked] = await peer.journal('device request');
  same([asked.auth, asked.names, asked.status], ['none', ['client_id', 'scope'], 200], 'the device request');
  const seen = await polls();
  same(seen.map((e) => e.outcome.split(':')[0]), ['authorization_pending', 'slow_down', 'granted'], 'polls');
  same(seen[0].names, ['client_id', 'device_code', 'grant_type'], 'a poll');
  const gaps = [seen[0].began - asked.at, seen[1].began - seen[0].at, seen[2].began - seen[1].at];
  check(gaps[0] >= 900 && gaps[1] >= 900 && gaps[2] >= 5900, `polls after ${gaps} ms: slow_down means five seconds more (RFC 8628 §3.5)`);
  const refresh = await world.ringback(['refresh']);
  check(refresh.code === 0, `ringback refresh: exit ${refresh.code}: ${refresh.err}`);
  same((await peer.journal('token request')).at(-1).grant, 'refresh_token', 'the refresh');
  checkLogAgainst(await peer.journal(), daemon, [token]);
});

await journey('device code: the user denies consent', async (world) => {
  const { cli, shown, polls } = await device(world, {});
  await submitConsent(shown.uri, {}, { user_code: shown.code, abort: 'yes' });
  check(await ended(cli, 10_000) === 6 && /denied/.test(cli.err), `ringback login --device: exit ${cli.code}: ${cli.err}`);
  same((await polls()).at(-1).outcome.split(':')[0], 'access_denied', 'the last poll');
  const token = await world.ringback(['token', 'work']);
  check(token.code === 5 && token.out === '', `token: exit ${token.code}`);
});

await journey('client credentials: the daemon gets the first and later tokens by itself', async (world) => {
  const lifetime = 5;
  const opened = path.join(world.dir, 'opened');
  world.env.BROWSER = world.file('browser', `#!/bin/sh\ntouch ${opened}\n`);
  fs.chmodSync(world.env.BROWSER, 0o700);
  const peer = await world.oidcProvider({ ACCESS_TTL: String(lifetime) }, {
    clients: [{ client_id: 'robot', client_secret: 'robot-secret', ...MACHINE }], features: { clientCredentials: { enabled: true } },
  });
  const secret = world.file('robot.secret', 'robot-secret');
  const daemon = await work(world, `preset = "oidc"\nissuer = "${peer.url}"`,
    `grant = "client_credentials"\nclient_id = "robot"\nclient_secret_file = "${secret}"\nscope = ["email"]`);
  const fetched = () => request(`${daemon.url}/token`, { headers: daemon.authorization });
  const first = await until('the first token', 5000, async () => {
    const reply = await fetched();
    return reply.status === 200 && reply.json();
  });
  check(first.scope === 'email' && first.expires_in > 0, `the first token: ${Object.keys(first)}`);
  const second = await until('the second token', lifetime * 1500, async () => {
    const reply = await fetched();
    check(reply.status === 200 && reply.json().expires_at * 1000 > Date.now() - 1000, `in between: ${reply.status} ${reply.text.slice(0, 200)}`);
    return reply.json().access_token !== first.access_token && reply.json();
  });
  const journal = await peer.journal();
  const asked = journal.filter((e) => e.event === 'token request');
  same(asked.slice(0, 2).map((e) => [e.grant, e.auth, e.names, e.scope, e.status]), Array(2).fill(['client_credentials', 'basic', ['grant_type', 'scope'], 'email', 200]), 'token requests');
  same(asked.slice(0, 2).map((e) => e.access_token), [first, second].map((t) => fingerprint(t.access_token)), 'tokens');
  const gap = asked[1].began - asked[0].at;
  check(asked.length === 2 && gap > lifetime * 500 && gap < lifetime * 1000, `${asked.length} requests, the second after ${gap} ms`);
  check(!journal.some((e) => e.event === 'authorize request'), 'a user was asked');
  check((await world.ringback(['status'])).code === 0, 'ringback status reports a needed login');
  check(!fs.existsSync(opened), 'a browser was opened');
  checkLogAgainst(journal, daemon, [first.access_token, second.access_token, 'robot-secret']);
});

await journey('signed clients: ES256 and RS256, for the issuer and for the token endpoint, each assertion once', async (world) => {
  const pairs = {
    es: [crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'ES256', 'sec1'],
    rs: [crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }), 'RS256', 'pkcs1'],
  };
  const clients = [];
  let accounts = '';
  for (const [name, [{ publicKey, privateKey }, alg, type]] of Object.entries(pairs)) {
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: `${name}-1`, alg, use: 'sig' };
    clients.push({ client_id: name, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: alg, jwks: { keys: [jwk] }, ...MACHINE });
    const pem = world.file(`${name}.pem`, privateKey.export({ format: 'pem', type }));
    accounts += `[accounts.${name}]\nprovider = "${name}"\ngrant = "client_credentials"\nclient_id = "${name}"\nclient_key_file = "${pem}"\nclient_key_id = "${name}-1"\nscope = ["email"]\n`;
  }
  const peer = await world.oidcProvider({ ACCESS_TTL: '600' }, { clients, features: { clientCredentials: { enabled: true } } });
  const port = await freePort();
  world.config(`[listen]\ntcp = ["127.0.0.1:${port}"]\n${['es', 'rs'].map((name) => `[providers.${name}]\npreset = "oidc"\nissuer = "${peer.url}"\nclient_auth = "private_key_jwt"\n`).join('')}assertion_audience = "token_endpoint"\n${accounts}`);
  const daemon = await world.daemon();
  const tokens = [];
  for (const name of Object.keys(pairs)) {
    await until(`a token of ${name}`, 5000, async () => (await request(`${daemon.url}/v1/accounts/${name}/token`, { headers: daemon.authorization })).status === 200);
    const refresh = await world.ringback(['refresh', name]);
    check(refresh.code === 0, `ringback refresh ${name}: exit ${refresh.code}: ${refresh.err}`);
    tokens.push(await world.token(name));
  }
  const asked = await peer.journal('token request');
  same(asked.map((e) => [e.auth, e.status, e.names.includes('client_secret')]), Array(4).fill(['private_key_jwt', 200, false]), 'token requests');
  for (const { assertion } of asked) {
    const alg = pairs[assertion.iss]?.[1];
    same([assertion.alg, assertion.kid, assertion.sub], [alg, `${assertion.iss}-1`, assertion.iss], 'an assertion');
    same(assertion.aud, { es: peer.url, rs: `${peer.url}/token` }[assertion.iss], 'audience');
    check(assertion.lifetime > 0 && assertion.lifetime <= 300, `the assertion is valid for ${assertion.lifetime} s`);
  }
  same(new Set(asked.map((e) => e.assertion.jti)).size, 4, 'assertions');
  same(asked.map((e) => e.assertion.iss).sort(), ['es', 'es', 'rs', 'rs'], 'clients');
  checkLogAgainst(asked, daemon, [...tokens, 'PRIVATE KEY', 'eyJ']);
});

const PASSWORD = 'open sesame, please';

/** A daemon with an account for the password grant; `more` sets the password's source. */
async function passwords(world, more) {
  const peer = await world.peer('password-server.mjs', { CLIENT_SECRET: 'local-secret', PASSWORD, ACCESS_TTL: '600' });
  const secret = world.file('local.secret', 'local-secret');
  const daemon = await work(world, `preset = "generic"\nauthorize_url = "${peer.url}/authorize"\ntoken_url = "${peer.url}/token"`,
    `grant = "password"\nclient_id = "local"\nclient_secret_file = "${secret}"\nusername = "alice"\n${more}`);
  return { peer, daemon };
}

/** Checks that the token works, and that no password is sent for later ones. */
async function onePassword(world, peer, daemon) {
  for (const round of [1, 2]) {
    const refresh = await world.ringback(['refresh', 'work']);
    check(refresh.code === 0, `refresh ${round}: exit ${refresh.code}: ${refresh.err}`);
  }
  const token = await world.token();
  same(await works(peer, token), 200, 'the token at the resource');
  const asked = await peer.journal('token request');
  same(asked.map((e) => [e.grant, e.auth, e.status, e.names.includes('password'), e.query]), [
    ['password', 'basic', 200, true, []], ['refresh_token', 'basic', 200, false, []], ['refresh_token', 'basic', 200, false, []],
  ], 'token requests');
  same(asked[0].names, ['grant_type', 'password', 'username'], 'the first request');
  same(asked.slice(1).map((e) => e.used), asked.slice(0, 2).map((e) => e.refresh_token), 'each refresh uses the token of the reply before');
  check(!world.onDisk(PASSWORD) && !world.onDisk(token), 'a secret is in the state folder in clear text');
  checkLogAgainst(asked, daemon, [token, PASSWORD, 'sesame', 'local-secret']);
}

await journey('password: from a file, sent once', async (world) => {
  const { peer, daemon } = await passwords(world, `password_file = "${world.file('alice.password', `${PASSWORD}\n`)}"`);
  const login = await world.ringback(['login', 'work']);
  check(login.code === 0 && login.out === '', `ringback login: exit ${login.code}: ${login.err}`);
  check(!(login.out + login.err).includes('sesame'), 'ringback login shows the password');
  await onePassword(world, peer, daemon);
});

await journey('password: typed at the terminal without echo', async (world) => {
  const { peer, daemon } = await passwords(world, '');
  const done = await world.run('python3', [path.join(PEERS, 'terminal.py'), RINGBACK, 'login', 'work'], { input: `${PASSWORD}\n`, limit: 30_000 });
  check(done.code === 0, `terminal.py: exit ${done.code}: ${done.err}`);
  const { code, output, echo } = JSON.parse(done.out);
  check(code === 0, `ringback login: exit ${code}: ${output}`);
  same(echo, { asked: false, after: true }, 'whether the terminal shows what is typed');
  check(/alice/.test(output) && !/sesame/.test(output), `the terminal shows: ${output}`);
  await onePassword(world, peer, daemon);
});

await journey('password: a wrong password is sent once, and the login fails', async (world) => {
  const { peer } = await passwords(world, `password_file = "${world.file('alice.password', 'open barley')}"`);
  const login = await world.ringback(['login', 'work']);
  check(login.code === 6 && !login.err.includes('barley'), `ringback login: exit ${login.code}: ${login.err}`);
  same((await peer.journal('token request')).map((e) => [e.grant, e.status]), [['password', 400]], 'token requests');
  const token = await world.ringback(['token', 'work']);
  check(token.code === 5 && token.out === '', `token: exit ${token.code}`);
});
