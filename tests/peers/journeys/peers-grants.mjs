// Checks the peers' grants, which the journeys of the other files need, without using ringback.
import crypto from 'node:crypto';
import http from 'node:http';
import { visit } from '../browser.mjs';
import { check, fingerprint, freePort, journey, request, submitConsent } from '../world.mjs';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const ask = (url, fields, headers = {}) => request(url, { method: 'POST', headers: { ...FORM, ...headers }, body: new URLSearchParams(fields).toString() });
const basic = (id, secret) => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` });
const same = (got, wanted, what) => check(JSON.stringify(got) === JSON.stringify(wanted), `${what}: ${JSON.stringify(got)}`);

/** A code for the public client by plain requests; the redirect leads to a closed port. */
async function code(provider, fields, verifier) {
  const port = await freePort();
  const redirect_uri = `http://127.0.0.1:${port}/callback`;
  const query = new URLSearchParams({
    client_id: 'public', response_type: 'code', redirect_uri, prompt: 'consent', state: 'S', code_challenge_method: 'S256',
    code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url'), scope: 'openid offline_access',
  });
  for (const [name, value] of fields) query.append(name, value);
  const answers = [];
  const client = http.createServer((req, res) => { answers.push(new URL(req.url, redirect_uri).searchParams); res.end('arrived'); });
  await new Promise((done) => client.listen(port, '127.0.0.1', done));
  try {
    const page = await submitConsent(`${provider.url}/auth?${query}`);
    check(page.text === 'arrived', `no redirect: ${page.status} ${page.text.slice(0, 300)}`);
    const [answer] = answers;
    same([answer.get('iss'), answer.get('state')], [provider.url, 'S'], 'the answer');
    return { client_id: 'public', grant_type: 'authorization_code', redirect_uri, code: answer.get('code'), code_verifier: verifier };
  } finally {
    client.close();
    client.closeAllConnections();
  }
}

await journey('oidc-provider alone: device codes, client credentials, signed clients, introspection', async (world) => {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const machine = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
  const provider = await world.oidcProvider({ DEVICE_INTERVAL: '1', SLOW_DOWN: '2' }, {
    clients: [
      { client_id: 'tv', token_endpoint_auth_method: 'none', application_type: 'native', grant_types: [DEVICE, 'refresh_token'], response_types: [], redirect_uris: [] },
      { client_id: 'robot', client_secret: 'robot-secret', ...machine },
      { client_id: 'signer', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }] }, ...machine },
    ],
    features: { deviceFlow: { enabled: true }, clientCredentials: { enabled: true } },
  });
  const token = (fields, headers) => ask(`${provider.url}/token`, fields, headers).then((reply) => reply.json());

  const device = (await ask(`${provider.url}/device/auth`, { client_id: 'tv', scope: 'openid offline_access' })).json();
  check(device.interval === 1 && /^[B-Z]{4}-[B-Z]{4}$/.test(device.user_code), `device authorization: ${Object.keys(device)}`);
  const poll = () => token({ grant_type: DEVICE, client_id: 'tv', device_code: device.device_code });
  same([(await poll()).error, (await poll()).error], ['authorization_pending', 'slow_down'], 'polls');
  const page = await submitConsent(device.verification_uri, {}, { user_code: device.user_code });
  check(/Sign-in Success/.test(page.text), `the visitor ended at ${page.url}: ${page.status} ${page.text.slice(0, 300)}`);
  const granted = await poll();
  check(granted.access_token && granted.refresh_token, `after the consent: ${Object.keys(granted)} ${granted.error_description}`);

  const denied = (await ask(`${provider.url}/device/auth`, { client_id: 'tv', scope: 'openid' })).json();
  await submitConsent(denied.verification_uri, {}, { user_code: denied.user_code, abort: 'yes' });
  same((await token({ grant_type: DEVICE, client_id: 'tv', device_code: denied.device_code })).error, 'access_denied', 'after a no');

  const robot = await token({ grant_type: 'client_credentials', scope: 'email' }, basic('robot', 'robot-secret'));
  check(robot.expires_in === 8 && !robot.refresh_token, `client credentials: ${Object.keys(robot)}`);
  const told = (await ask(`${provider.url}/token/introspection`, { token: robot.access_token }, basic('robot', 'robot-secret'))).json();
  check(told.active === true && told.client_id === 'robot' && told.scope === 'email', `introspection: ${JSON.stringify(told)}`);

  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const text = `${part({ alg: 'ES256', kid: 'k1' })}.${part({ iss: 'signer', sub: 'signer', aud: provider.url, iat: now, exp: now + 60, jti: crypto.randomUUID() })}`;
  const signature = crypto.sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  const signed = { grant_type: 'client_credentials', client_assertion: `${text}.${signature}`, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' };
  check((await token(signed)).access_token, 'a signed client was refused');
  same((await token(signed)).error, 'invalid_client', 'an assertion a second time');

  const journal = await provider.journal();
  same(journal.filter((e) => e.grant === DEVICE).map((e) => e.outcome.split(':')[0]), ['authorization_pending', 'slow_down', 'granted', 'access_denied'], 'polls in the journal');
  const { auth, assertion } = journal.find((e) => e.assertion);
  same([auth, assertion.alg, assertion.kid, assertion.aud, assertion.lifetime], ['private_key_jwt', 'ES256', 'k1', provider.url, 60], 'the assertion in the journal');
  const whole = JSON.stringify(journal);
  for (const secret of [device.device_code, granted.access_token, granted.refresh_token, robot.access_token, signature, 'robot-secret']) {
    check(!whole.includes(secret), 'the journal contains a secret');
  }
  check(whole.includes(fingerprint(granted.refresh_token)), 'the journal has no fingerprint of the refresh token');
});

await journey('oidc-provider alone: required pushed requests, resources, refresh token reuse', async (world) => {
  const [calls, faxes, other] = ['calls', 'faxes', 'other'].map((name) => `https://${name}.example.test/`);
  const provider = await world.oidcProvider({ RESOURCES: JSON.stringify({ [calls]: 'read', [faxes]: 'read write', [other]: 'read' }) });
  const verifier = crypto.randomBytes(32).toString('base64url');
  const fields = await code(provider, [['resource', calls], ['resource', faxes]], verifier);
  const first = (await ask(`${provider.url}/token`, fields)).json();
  check(first.access_token && first.refresh_token, `code: ${JSON.stringify(Object.keys(first))} ${first.error_description}`);
  const refresh = async (token, more = {}) => (await ask(`${provider.url}/token`, { client_id: 'public', grant_type: 'refresh_token', refresh_token: token, ...more })).json();
  const audience = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).aud;
  const second = await refresh(first.refresh_token, { resource: calls });
  const third = await refresh(second.refresh_token, { resource: faxes });
  same([audience(second.access_token), audience(third.access_token)], [calls, faxes], 'audiences');
  const refused = await refresh(third.refresh_token, { resource: other });
  same(refused.error, 'invalid_target', 'a resource that was not granted');
  same((await refresh(third.refresh_token)).error, 'invalid_grant', 'the refresh token that the refusal spent');

  const again = (await ask(`${provider.url}/token`, await code(provider, [], verifier))).json();
  check((await refresh(again.refresh_token)).access_token, 'a refresh was refused');
  const thief = (await request(`${provider.url}/replay`, { method: 'POST' })).json();
  same(thief, { status: 400, error: 'invalid_grant' }, 'a replay');

  const strict = await world.oidcProvider({}, { features: { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true } } });
  const bare = { client_id: 'public', response_type: 'code', redirect_uri: 'http://127.0.0.1/callback', state: 'S', scope: 'openid', code_challenge_method: 'S256', code_challenge: verifier };
  const unpushed = await request(`${strict.url}/auth?${new URLSearchParams(bare)}`);
  check(unpushed.headers.location?.includes('error=invalid_request'), `not pushed: ${unpushed.status} ${unpushed.headers.location}`);
  const pushed = await ask(`${strict.url}/request`, bare);
  check(pushed.status === 201, `pushed: ${pushed.status} ${pushed.text}`);
  const page = await request(`${strict.url}/auth?${new URLSearchParams({ client_id: 'public', request_uri: pushed.json().request_uri })}`);
  check(page.status === 303 && page.headers.location.startsWith('/interaction/'), `after the push: ${page.status} ${page.headers.location}`);
});

await journey('oidc-provider alone: the implicit grant in Chromium', async (world) => {
  const port = await freePort();
  const redirect_uri = `http://127.0.0.1:${port}/callback/peer`;
  const provider = await world.oidcProvider({}, {
    clients: [{ client_id: 'page', token_endpoint_auth_method: 'none', application_type: 'native', grant_types: ['implicit'], response_types: ['id_token token'], redirect_uris: ['http://127.0.0.1/callback/peer'] }],
    responseTypes: ['code', 'id_token token'],
  });
  const client = http.createServer((_req, res) => res.setHeader('content-type', 'text/html').end('<title>arrived</title><p>arrived</p>'));
  await new Promise((done) => client.listen(port, '127.0.0.1', done));
  try {
    const wanted = { client_id: 'page', response_type: 'id_token token', redirect_uri, scope: 'openid', state: 'S', nonce: 'N' };
    const page = await visit(`${provider.url}/auth?${new URLSearchParams(wanted)}`, { end: /arrived/ });
    const answer = new URLSearchParams(new URL(page.url).hash.slice(1));
    same([...answer.keys()].sort(), ['access_token', 'expires_in', 'id_token', 'scope', 'state', 'token_type'], 'the fragment');
    // No parameter `iss` with an ID token, which names its issuer itself (RFC 9207 §2.4).
    const { nonce: came, iss } = JSON.parse(Buffer.from(answer.get('id_token').split('.')[1], 'base64url'));
    same([came, iss], ['N', provider.url], 'the ID token');
    check(page.history.some((url) => url.includes('access_token=')), 'the history of a page that hides nothing should have the token');
    const { nonce, ...without } = wanted;
    for (const [what, fields] of [['no nonce', without], ['token alone', { ...wanted, response_type: 'token' }], ['in the query', { ...wanted, response_mode: 'query' }]]) {
      const reply = await request(`${provider.url}/auth?${new URLSearchParams(fields)}`);
      check(/[?#&]error=/.test(reply.headers.location ?? ''), `${what} was not refused: ${reply.status} ${reply.headers.location}`);
    }
  } finally {
    client.close();
    client.closeAllConnections();
  }
});

await journey('express-oauth-server alone: the password grant', async (world) => {
  const server = await world.peer('password-server.mjs', { CLIENT_SECRET: 'local-secret', PASSWORD: 'open sesame' });
  const token = async (fields) => (await ask(`${server.url}/token`, fields, basic('local', 'local-secret'))).json();
  const first = await token({ grant_type: 'password', username: 'alice', password: 'open sesame' });
  check(first.access_token && first.refresh_token && first.expires_in > 6, `password: ${JSON.stringify(Object.keys(first))}`);
  const second = await token({ grant_type: 'refresh_token', refresh_token: first.refresh_token });
  check(second.refresh_token && second.refresh_token !== first.refresh_token, `refresh: ${JSON.stringify(Object.keys(second))}`);
  const me = await request(`${server.url}/me`, { headers: { authorization: `Bearer ${second.access_token}` } });
  same(me.json().user, 'alice', 'the resource');
  same((await token({ grant_type: 'password', username: 'alice', password: 'wrong' })).error, 'invalid_grant', 'a wrong password');
  const journal = await server.journal('token request');
  same(journal.map((e) => [e.grant, e.auth, e.status]), [['password', 'basic', 200], ['refresh_token', 'basic', 200], ['password', 'basic', 400]], 'journal');
  same([journal[1].used, journal[1].access_token], [journal[0].refresh_token, fingerprint(second.access_token)], 'fingerprints');
  check(!/sesame|wrong|local-secret/.test(JSON.stringify(journal)) && !JSON.stringify(journal).includes(first.refresh_token), 'the journal contains a secret');
});
