// Further journeys of the grants: many callers, attackers and mistakes.
import crypto from 'node:crypto';
import path from 'node:path';
import { check, checkLogAgainst, cookiesSet, ended, journey, PEERS, request, RINGBACK, sleep, submitConsent, until, work } from '../world.mjs';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const PEER = ['http://127.0.0.1/callback/peer'];
const MACHINE = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
const same = (got, wanted, what) => check(JSON.stringify(got) === JSON.stringify(wanted), `${what}: ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`);
const claims = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
const asked = (daemon, route) => request(`${daemon.url}${route}`, { headers: daemon.authorization });

await journey('resource indicators: twenty callers for each of two resources, and six refreshes, all at once', async (world) => {
  const [calls, faxes] = ['calls', 'faxes'].map((name) => `https://${name}.example.test/`);
  const peer = await world.oidcProvider({ ACCESS_TTL: '600', REDIRECT_URIS: PEER.join(' '), RESOURCES: JSON.stringify({ [calls]: 'read', [faxes]: 'read' }) });
  const daemon = await work(world, `preset = "oidc"\nissuer = "${peer.url}"\nclient_auth = "none"\nnarrow = "resource"`,
    `client_id = "public"\nscope = ["openid", "offline_access", "read"]\nresource = ["${calls}", "${faxes}"]\nextra_authorize = { prompt = "consent" }`);
  await world.loginByForm('work');
  const crowd = (resource) => Promise.all(Array.from({ length: 20 }, () => asked(daemon, `/token?${new URLSearchParams({ resource })}`)));
  const [forCalls, forFaxes, refreshes] = await Promise.all([
    crowd(calls), crowd(faxes), Promise.all(Array.from({ length: 6 }, () => world.ringback(['refresh', 'work']))),
  ]);
  same(refreshes.map((r) => r.code), Array(6).fill(0), 'ringback refresh');
  const tokens = [];
  for (const [resource, replies] of [[calls, forCalls], [faxes, forFaxes]]) {
    check(replies.every((r) => r.status === 200), `${resource}: ${replies.map((r) => r.status)} ${replies[0].text.slice(0, 300)}`);
    const served = [...new Set(replies.map((r) => r.json().access_token))];
    same([served.length, claims(served[0]).aud, claims(served[0]).sub], [1, resource, 'alice'], `tokens for ${resource}`);
    tokens.push(...served);
  }
  const requests = await peer.journal('token request');
  for (const resource of [calls, faxes]) same(requests.filter((e) => e.resource[0] === resource).map((e) => [e.grant, e.status]), [['refresh_token', 200]], `requests for ${resource}`);
  // One chain: each request, for whichever resource, spends the refresh token of the previous reply.
  same(requests.map((e) => e.reuse), requests.map(() => false), 'reuse');
  same(requests.slice(1).map((e) => e.used), requests.slice(0, -1).map((e) => e.refresh_token), 'the chain of refresh tokens');
  check(requests.every((e, i) => i === 0 || e.began >= requests[i - 1].began), 'two requests at the same time');
  checkLogAgainst(requests, daemon, [...tokens, await world.token()]);
});

await journey('implicit: a callback from another origin or browser, without its state, with another nonce, or repeated is refused', async (world) => {
  const peer = await world.oidcProvider({ ACCESS_TTL: '600' }, {
    clients: [{ client_id: 'page', token_endpoint_auth_method: 'none', application_type: 'native', grant_types: ['implicit'], response_types: ['id_token token'], redirect_uris: PEER }],
    responseTypes: ['code', 'id_token token'],
  });
  const daemon = await work(world, `preset = "oidc"\nissuer = "${peer.url}"\nclient_auth = "none"`, 'grant = "implicit"\nclient_id = "page"\nscope = ["openid"]');
  /** A login up to the provider's response; `send` passes that to the daemon like the page's script. */
  const answered = async () => {
    const { running, url } = await world.beginLogin('work');
    const opened = await request(url);
    const page = await submitConsent(opened.headers.location);
    const { origin, pathname, hash } = new URL(page.url);
    const own = [...cookiesSet(opened)].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = new URLSearchParams(hash.slice(1));
    check(page.status === 200 && answer.get('access_token') && !page.text.includes(answer.get('access_token')), `the callback's page: ${page.status} ${page.text.slice(0, 200)}`);
    const send = (changes = {}, { from = origin, cookie = own } = {}) => {
      const fields = new URLSearchParams(answer);
      for (const [name, value] of Object.entries(changes)) value === undefined ? fields.delete(name) : fields.set(name, value);
      return request(`${origin}${pathname}`, { method: 'POST', body: fields.toString(), headers: { ...FORM, origin: from, ...(cookie && { cookie }) } });
    };
    return { running, answer, send };
  };

  const { running, answer, send } = await answered();
  const token = answer.get('access_token');
  for (const [what, ...args] of [
    ['another state', { state: answer.get('state').replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) }],
    ['no state', { state: undefined }],
    ['another browser', {}, { cookie: '' }],
    ['another origin', {}, { from: 'https://evil.example' }],
    ['the origin null', {}, { from: 'null' }],
  ]) {
    const reply = await send(...args);
    check(reply.status >= 400 && reply.status < 500 && !reply.text.includes(token), `${what}: ${reply.status} ${reply.text.slice(0, 200)}`);
    check((await asked(daemon, '/token')).status === 428 && running.code === undefined, `${what}: it changed something`);
  }
  const taken = await send();
  check(taken.status === 200 && /^\/login\/outcome\//.test(taken.json().outcome), `the unchanged callback: ${taken.status} ${taken.text.slice(0, 200)}`);
  same([await ended(running, 15_000), await world.token()], [0, token], 'the login');
  const twice = await send();
  same([twice.json().outcome, await world.token()], [`${taken.json().outcome}?again`, token], 'the same callback twice');

  // An ID token for an older request ends the login; the stored token stays valid.
  const next = await answered();
  check(claims(next.answer.get('id_token')).nonce !== claims(answer.get('id_token')).nonce, 'the same nonce twice');
  await next.send({ id_token: answer.get('id_token') });
  same([await ended(next.running, 15_000), await world.token()], [6, token], `another nonce: ${next.running.err}`);
  same(await peer.journal('token request'), [], 'token requests');
  checkLogAgainst([{ token: 'none of the kind' }], daemon, [token, next.answer.get('access_token'), 'eyJ']);
});

await journey('signed clients: an unknown key is refused; a login without a browser', async (world) => {
  const pair = () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [known, strange] = [pair(), pair()];
  const client = (name) => ({
    client_id: name, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256', ...MACHINE,
    jwks: { keys: [{ ...known.publicKey.export({ format: 'jwk' }), kid: 'K', alg: 'ES256', use: 'sig' }] },
  });
  const peer = await world.oidcProvider({ ACCESS_TTL: '600' }, { clients: ['good', 'stranger'].map(client), features: { clientCredentials: { enabled: true } } });
  const account = (name, { privateKey }) => {
    const file = world.file(`${name}.pem`, privateKey.export({ format: 'pem', type: 'pkcs8' }));
    return `grant = "client_credentials"\nclient_id = "${name}"\nclient_key_file = "${file}"\nclient_key_id = "K"`;
  };
  const daemon = await work(world, `preset = "oidc"\nissuer = "${peer.url}"\nclient_auth = "private_key_jwt"`, account('good', known),
    `[accounts.stranger]\nprovider = "peer"\n${account('stranger', strange)}`);
  const at = async (name) => (await peer.journal('token request')).filter((e) => e.assertion.iss === name);
  await until('the first token', 5000, async () => (await asked(daemon, '/v1/accounts/work/token')).status === 200);
  const before = (await at('good')).length;
  const login = await world.ringback(['login', 'work']);
  same([login.code, login.out, (await at('good')).length], [0, '', before + 1], `ringback login: ${login.err}`);
  await until('the refusal', 5000, async () => (await at('stranger')).length > 0);
  // Longer than the minimum of two seconds between forced refreshes.
  for (const end = Date.now() + 5000; Date.now() < end; await sleep(100)) {
    const reply = await asked(daemon, '/v1/accounts/stranger/token');
    same([reply.status, reply.json().error, reply.json().provider_error], [502, 'provider_refused', 'invalid_client'], 'a strange key');
  }
  const cli = await world.ringback(['token', 'stranger']);
  check(cli.code === 8 && cli.out === '' && /invalid_client/.test(cli.err), `ringback token: exit ${cli.code}: ${cli.err}`);
  const tries = await at('stranger');
  check(tries.length === 1 && tries[0].status === 401, `requests with the unknown key: ${JSON.stringify(tries)}`);
  const requests = await peer.journal('token request');
  same(new Set(requests.map((e) => e.assertion.jti)).size, requests.length, 'assertions');
  checkLogAgainst(requests, daemon, [await world.token('work'), 'PRIVATE KEY', 'eyJ', known.privateKey.export({ format: 'jwk' }).d]);
});

await journey('introspection: ringback info shows that a revoked token is inactive', async (world) => {
  const peer = await world.oidcProvider({ ACCESS_TTL: '600' }, {
    clients: [{ client_id: 'office', client_secret: 'office-secret', application_type: 'native', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: PEER }],
  });
  const secret = world.file('office.secret', 'office-secret');
  const daemon = await work(world, `preset = "oidc"\nissuer = "${peer.url}"`,
    `client_id = "office"\nclient_secret_file = "${secret}"\nscope = ["openid", "offline_access"]\nextra_authorize = { prompt = "consent" }`);
  await world.loginByForm('work');
  const token = await world.token();
  const alive = await asked(daemon, '/v1/accounts/work/info');
  same([alive.status, alive.json().active, alive.json().source, alive.json().claims.sub], [200, true, 'introspection', 'alice'], 'GET info');
  check(!alive.text.includes(token), 'GET info shows the token');

  const authorization = `Basic ${Buffer.from('office:office-secret').toString('base64')}`;
  const revoked = await request(`${peer.url}/token/revocation`, { method: 'POST', headers: { ...FORM, authorization }, body: new URLSearchParams({ token }).toString() });
  same(revoked.status, 200, 'the revocation by somebody else');
  const info = await world.ringback(['info', 'work', '--json']);
  same([info.code, JSON.parse(info.out).active], [5, false], `ringback info: ${info.err}`);
  // This provider revokes the grant's refresh tokens together with the access token.
  const refresh = await world.ringback(['refresh', 'work']);
  same([refresh.code, (await peer.journal('token request')).at(-1).outcome.split(':')[0]], [5, 'invalid_grant'], `ringback refresh: ${refresh.err}`);
  const status = await world.ringback(['status', 'work', '--json']);
  check(status.code === 5 && status.out.includes('"attention_needed":true'), `ringback status: exit ${status.code}: ${status.out}`);
  await world.loginByForm('work');
  check(await world.token() !== token && (await world.ringback(['status', 'work'])).code === 0, 'the next login does not repair the account');
  checkLogAgainst(await peer.journal(), daemon, [token, 'office-secret']);
});

await journey('password: without a terminal none is requested; a typed wrong password is not shown', async (world) => {
  const peer = await world.peer('password-server.mjs', { CLIENT_SECRET: 'local-secret', PASSWORD: 'open sesame, please', ACCESS_TTL: '600' });
  const secret = world.file('local.secret', 'local-secret');
  const daemon = await work(world, `preset = "generic"\ntoken_url = "${peer.url}/token"`, // this grant needs no authorization endpoint
    `grant = "password"\nclient_id = "local"\nclient_secret_file = "${secret}"\nusername = "alice"`);
  const piped = await world.run('setsid', ['--wait', RINGBACK, 'login', 'work'], { input: 'open sesame, please\n' });
  check(piped.code === 2 && /terminal/.test(piped.err) && /password_file/.test(piped.err), `without a terminal: exit ${piped.code}: ${piped.err}`);
  same(await peer.journal('token request'), [], 'token requests');
  const done = await world.run('python3', [path.join(PEERS, 'terminal.py'), RINGBACK, 'login', 'work'], { input: 'open barley\n', limit: 30_000 });
  const { code, output, echo } = JSON.parse(done.out || '{}');
  same([code, echo], [6, { asked: false, after: true }], `a wrong password: ${output}${done.err}`);
  check(!output.includes('barley'), `the terminal shows: ${output}`);
  same((await peer.journal('token request')).map((e) => [e.grant, e.status]), [['password', 400]], 'token requests');
  same((await world.ringback(['token', 'work'])).code, 5, 'ringback token');
  check(!world.onDisk('barley'), 'the password is in the state folder');
  checkLogAgainst([{ token: 'none of the kind' }], daemon, ['barley', 'sesame', 'local-secret']);
});
