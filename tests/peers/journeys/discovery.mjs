// Discovery: the issuer's metadata supplies endpoints, PKCE, `iss`, revocation, introspection and pushed requests.
import { check, checkLogAgainst, cookiesSet, ended, fingerprint, journey, request, submitConsent, until, work } from '../world.mjs';

const PEER = ['http://127.0.0.1/callback/peer'];
const provider = (url, more = 'client_auth = "none"') => `preset = "oidc"\nissuer = "${url}"\n${more}`;
const account = (id, more = '') => `client_id = "${id}"\nscope = ["openid", "offline_access"]\nextra_authorize = { prompt = "consent" }\n${more}`;
const same = (got, wanted, what) => check(JSON.stringify(got) === JSON.stringify(wanted), `${what}: ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`);
const works = async (peer, token) => (await request(`${peer.url}/me`, { headers: { authorization: `Bearer ${token}` } })).status;

/** An oidc-provider with a confidential client, and a daemon with that account. */
async function confidential(world, features = {}, more = '', lifetime = 600) {
  const peer = await world.oidcProvider({ ACCESS_TTL: String(lifetime) }, {
    clients: [{ client_id: 'office', client_secret: 'office-secret', application_type: 'native', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: PEER }],
    features,
  });
  const secret = world.file('office.secret', 'office-secret');
  return { peer, daemon: await work(world, provider(peer.url, more), account('office', `client_secret_file = "${secret}"`)) };
}

const RFC8414 = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
for (const [what, env, asked] of [
  ['by RFC 8414', {}, [[RFC8414, 200]]],
  ['by OpenID Connect', { METADATA: 'openid' }, [[RFC8414, 404], [OPENID, 200]]],
]) {
  await journey(`discovery ${what}: the config has only the issuer`, async (world) => {
    const peer = await world.oidcProvider({ REDIRECT_URIS: PEER.join(' '), ...env });
    const daemon = await work(world, provider(peer.url), account('public'));
    await world.loginByForm('work');
    const token = await world.token();
    same(await works(peer, token), 200, 'the token at userinfo');
    const refresh = await world.ringback(['refresh']);
    check(refresh.code === 0, `ringback refresh: exit ${refresh.code}: ${refresh.err}`);
    const journal = await peer.journal();
    same(journal.filter((e) => e.event === 'metadata request').map((e) => [e.path, e.status]), asked, 'metadata was asked for');
    same(journal.filter((e) => e.event === 'token request').map((e) => [e.grant, e.auth, e.status]), [['authorization_code', 'none', 200], ['refresh_token', 'none', 200]], 'token requests');
    checkLogAgainst(journal, daemon, [token]);
  });
}

await journey('discovery: metadata of another issuer is refused with both names, and nothing is sent', async (world) => {
  const peer = await world.oidcProvider({ REDIRECT_URIS: PEER.join(' ') });
  await work(world, provider(`${peer.url}/`), account('public')); // one slash too many
  const login = await world.ringback(['login', 'work', '--no-browser'], { limit: 10_000 });
  check([6, 7, 8].includes(login.code), `ringback login: exit ${login.code}: ${login.err}`);
  check(login.err.includes(`${peer.url}/ `) && login.err.includes(`(${peer.url})`), `the message does not name both issuers: ${login.err}`);
  const events = new Set((await peer.journal()).map((e) => e.event));
  same([...events].sort(), ['metadata request', 'ready'], 'events');
});

await journey('PKCE: a provider that requires it gets S256, and refuses a request without it', async (world) => {
  const peer = await world.oidcProvider({ REDIRECT_URIS: `${PEER[0]} http://127.0.0.1/callback/lax` });
  await work(world, provider(peer.url), account('public'), `[providers.lax]\n${provider(peer.url, 'client_auth = "none"\npkce = "off"')}\n[accounts.lax]\nprovider = "lax"\n${account('public')}`);
  await world.loginByForm('work');
  const lax = await world.tryLoginByForm('lax');
  check(lax.code === 6, `without PKCE: exit ${lax.code}: ${lax.cli.err}`);
  check(/PKCE/.test(lax.cli.err) && !/Logged in/.test(lax.page.text), `without PKCE: ${lax.cli.err}; page: ${lax.page.text.slice(0, 200)}`);
  const journal = await peer.journal();
  same(journal.filter((e) => e.event === 'authorized').map((e) => e.pkce), ['S256'], 'authorized');
  const exchanges = journal.filter((e) => e.event === 'token request');
  check(exchanges.length === 1 && exchanges[0].names.includes('code_verifier'), `token requests: ${JSON.stringify(exchanges)}`);
});

await journey('iss: a callback of another issuer is refused, and no code is exchanged', async (world) => {
  const peer = await world.oidcProvider({ REDIRECT_URIS: PEER.join(' ') });
  const bare = (issuer) => `preset = "generic"\nauthorize_url = "${peer.url}/auth"\ntoken_url = "${peer.url}/token"\nclient_auth = "none"\nissuer = "${issuer}"\niss_required = true`;
  await work(world, bare('https://id.example.test'), account('public'));
  const { page, code, cli } = await world.tryLoginByForm('work');
  check(code === 6 && /iss/.test(cli.err), `ringback login: exit ${code}: ${cli.err}`);
  check(!/You are logged in|^Logged in/m.test(page.text), `the page claims success: ${page.text.slice(0, 200)}`);
  const journal = await peer.journal();
  check(journal.some((e) => e.event === 'authorized'), 'the provider gave no code');
  same(journal.filter((e) => e.event === 'token request'), [], 'token requests');
  const token = await world.ringback(['token', 'work']);
  check(token.code === 5 && token.out === '', `token: exit ${token.code}`);
});

await journey('nonce: an ID token with a wrong nonce ends the login and its grant is revoked; the right one is accepted', async (world) => {
  const { peer, daemon } = await confidential(world);
  const { running, url } = await world.beginLogin('work');
  const opened = await request(url);
  const other = new URL(opened.headers.location);
  check(other.searchParams.get('nonce')?.length >= 43, `the authorize request: ${other.search}`);
  other.searchParams.set('nonce', 'of another login');
  const page = await submitConsent(other.href, { [new URL(url).origin]: cookiesSet(opened) });
  check(await ended(running, 15_000) === 6 && /nonce of another login/.test(running.err), `ringback login: exit ${running.code}: ${running.err}`);
  check(!/^Logged in/m.test(page.text) && /nonce/.test(page.text), `the page: ${page.text.slice(0, 300)}`);
  const revoked = await until('the grant is revoked', 10_000, async () => {
    const journal = await peer.journal();
    return journal.filter((e) => e.event === 'revocation request').length === 2 && journal;
  });
  check(revoked.some((e) => e.event === 'grant revoked'), 'the grant is still valid');
  const exchanges = revoked.filter((e) => e.event === 'token request');
  same(exchanges.map((e) => [e.grant, e.status]), [['authorization_code', 200]], 'token requests');
  same(revoked.filter((e) => e.event === 'revocation request').map((e) => [e.status, e.token]), [[200, exchanges[0].refresh_token], [200, exchanges[0].access_token]], 'revocations');
  check((await world.ringback(['token', 'work'])).code === 5, 'there is a token');

  await world.loginByForm('work');
  const token = await world.token();
  same(await works(peer, token), 200, 'the token at userinfo');
  const journal = await peer.journal();
  same(journal.filter((e) => e.event === 'authorized').map((e) => e.nonce), [true, true], 'nonces');
  checkLogAgainst(journal, daemon, [token, 'office-secret', 'eyJ']);
});

await journey('nonce: with nonce = "off", none is sent and none is checked', async (world) => {
  const { peer } = await confidential(world, {}, 'nonce = "off"');
  await world.loginByForm('work');
  same(await works(peer, await world.token()), 200, 'the token at userinfo');
  same((await peer.journal('authorized')).map((e) => e.nonce), [false], 'nonces');
});

await journey('pushed requests: if the metadata requires them, the browser carries only a reference', async (world) => {
  const { peer, daemon } = await confidential(world, { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true } });
  await world.loginByForm('work');
  const token = await world.token();
  const journal = await peer.journal();
  const pushed = journal.filter((e) => e.event === 'pushed request');
  same(pushed.map((e) => [e.auth, e.status]), [['basic', 201]], 'pushed requests');
  const parameters = ['code_challenge', 'code_challenge_method', 'nonce', 'redirect_uri', 'response_type', 'scope', 'state'];
  check(parameters.every((name) => pushed[0].names.includes(name)) && !pushed[0].names.includes('client_secret'), `pushed: ${pushed[0].names}`);
  same(journal.filter((e) => e.event === 'authorize request').map((e) => e.names), [['client_id', 'request_uri']], 'authorize requests');
  same(journal.filter((e) => e.event === 'authorized').map((e) => [e.pkce, e.state]), [['S256', true]], 'authorized');
  checkLogAgainst(journal, daemon, [token, 'office-secret']);
});

await journey("introspection: ringback info shows the provider's reply and never the token", async (world) => {
  const { peer, daemon } = await confidential(world);
  await world.loginByForm('work');
  const token = await world.token();
  const info = await world.ringback(['info', 'work', '--json']);
  check(info.code === 0, `ringback info --json: exit ${info.code}: ${info.err}`);
  const told = JSON.parse(info.out);
  same([told.version, told.account, told.source, told.active], [1, 'work', 'introspection', true], 'info');
  same([told.claims.sub, told.claims.client_id, told.claims.iss], ['alice', 'office', peer.url], 'claims');
  check(told.expires_at === told.claims.exp && /openid/.test(told.scope), `info: ${info.out}`);
  const plain = await world.ringback(['info', 'work']);
  check(plain.code === 0 && !(plain.out + plain.err + info.out + info.err).includes(token), `ringback info: exit ${plain.code}, or it shows the token`);
  const asked = await peer.journal('introspection request');
  same(asked.map((e) => [e.auth, e.status, e.active, e.token]), Array(2).fill(['basic', 200, true, fingerprint(token)]), 'introspection requests');
  checkLogAgainst(await peer.journal(), daemon, [token, 'office-secret']);
});

await journey('revocation: a logout revokes both tokens at the provider', async (world) => {
  const { peer, daemon } = await confidential(world);
  await world.loginByForm('work');
  const token = await world.token();
  same(await works(peer, token), 200, 'before logout');
  const logout = await world.ringback(['logout', 'work']);
  check(logout.code === 0, `ringback logout: exit ${logout.code}: ${logout.err}`);
  same(await works(peer, token), 401, 'after logout');
  const journal = await peer.journal();
  const [exchange] = journal.filter((e) => e.event === 'token request');
  same(journal.filter((e) => e.event === 'revocation request').map((e) => [e.auth, e.status, e.hint, e.token]), [['basic', 200, 'refresh_token', exchange.refresh_token], ['basic', 200, 'access_token', exchange.access_token]], 'revocations');
  check(journal.some((e) => e.event === 'grant revoked'), 'the grant is still valid');
  const after = await world.ringback(['token', 'work']);
  check(after.code === 5 && after.out === '', `token after logout: exit ${after.code}`);
  checkLogAgainst(journal, daemon, [token, 'office-secret']);
});

await journey('rotation: after an attacker has used an old refresh token, the account needs a login', async (world) => {
  const LIFETIME = 8;
  const { peer, daemon } = await confidential(world, {}, '', LIFETIME);
  await world.loginByForm('work');
  for (const round of [1, 2]) {
    const refresh = await world.ringback(['refresh', 'work']);
    check(refresh.code === 0, `refresh ${round}: exit ${refresh.code}: ${refresh.err}`);
  }
  const chain = await peer.journal('token request');
  same(chain.map((e) => e.grant), ['authorization_code', 'refresh_token', 'refresh_token'], 'token requests');
  same(chain.slice(1).map((e) => e.used), chain.slice(0, 2).map((e) => e.refresh_token), 'each refresh uses the token of the reply before');
  same(new Set(chain.map((e) => e.refresh_token)).size, 3, 'refresh tokens');
  const token = await world.token();
  const thief = (await request(`${peer.url}/replay`, { method: 'POST' })).json();
  same(thief, { status: 400, error: 'invalid_grant' }, 'the thief');
  same(await works(peer, token), 401, 'the token after the theft');

  // The next refresh reveals it; the last token is served until it expires.
  const asked = (path) => request(`${daemon.url}/v1/accounts/work${path}`, { headers: daemon.authorization });
  const view = await until('the account needs a login', LIFETIME * 1000, async () => {
    const account = (await asked('')).json();
    return account.state === 'needs_login' && account;
  });
  same(view.attention_needed, true, 'attention is needed');
  const after = await until('the last token has expired', LIFETIME * 1000, async () => {
    const reply = await asked('/token');
    return reply.status !== 200 && reply;
  });
  same([after.status, after.json().error], [428, 'login_required'], 'the token after the theft');
  same((await peer.journal('token request')).slice(3).map((e) => [e.grant, e.status, e.used]), [
    ['refresh_token', 400, chain[0].refresh_token], ['refresh_token', 400, chain[2].refresh_token],
  ], 'token requests after the theft: the thief, and one of the daemon');
  const count = (await peer.journal('token request')).length;
  for (const command of ['token', 'status']) {
    const done = await world.ringback([command, 'work']);
    check(done.code === 5, `ringback ${command} after the theft: exit ${done.code}: ${done.err}`);
  }
  same((await peer.journal('token request')).length, count, 'a dead refresh token is not sent again');
  checkLogAgainst(await peer.journal(), daemon, [token, 'office-secret']);
});

await journey('resource indicators: one token for each resource, requested once', async (world) => {
  const [calls, faxes, other] = ['calls', 'faxes', 'other'].map((name) => `https://${name}.example.test/`);
  const peer = await world.oidcProvider({
    ACCESS_TTL: '600', REDIRECT_URIS: PEER.join(' '), RESOURCES: JSON.stringify({ [calls]: 'read', [faxes]: 'read write', [other]: 'read' }),
  });
  const daemon = await work(world, provider(peer.url, 'client_auth = "none"\nnarrow = "resource"'),
    account('public', `resource = ["${calls}", "${faxes}"]`).replace('"offline_access"', '"offline_access", "read"'));
  await world.loginByForm('work');
  const plain = await world.token();
  const url = `${daemon.url}/v1/accounts/work/token?resource=${encodeURIComponent(calls)}`;
  const replies = await Promise.all(Array.from({ length: 8 }, () => request(url, { headers: daemon.authorization })));
  check(replies.every((reply) => reply.status === 200), `eight at once: ${replies.map((r) => r.status)} ${replies[0].text.slice(0, 300)}`);
  const tokens = new Set(replies.map((reply) => reply.json().access_token));
  same(tokens.size, 1, 'tokens that eight callers got');
  const [first] = tokens;
  const second = await world.token('--resource', faxes);
  same([await world.token('--resource', calls), await world.token('--resource', faxes), await world.token()], [first, second, plain], 'the same again');
  const audience = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).aud;
  same([audience(first), audience(second)], [calls, faxes], 'audiences');
  const asked = await peer.journal('token request');
  same(asked.map((e) => [e.grant, e.resource]), [['authorization_code', []], ['refresh_token', [calls]], ['refresh_token', [faxes]]], 'token requests');
  same((await peer.journal('authorized')).map((e) => e.resource), [[calls, faxes]], 'what was asked of the user');

  // oidc-provider spends the refresh token before it refuses such a resource: the request would end the login.
  const refused = await world.ringback(['token', '--resource', other]);
  check(refused.code !== 0 && refused.out === '', `a resource that was not granted: exit ${refused.code}`);
  const refresh = await world.ringback(['refresh']);
  check(refresh.code === 0, `the account did not survive it: exit ${refresh.code}: ${refresh.err}`);
  checkLogAgainst(await peer.journal(), daemon, [plain, first, second]);
});
