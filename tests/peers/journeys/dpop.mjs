// Tokens that are bound to a key (RFC 9449): npm oidc-provider checks each proof, at its token endpoint and at userinfo.
import { check, checkLogAgainst, fingerprint, journey, request, work } from '../world.mjs';

const REDIRECT = 'http://127.0.0.1/callback/peer';
const same = (got, wanted, what) => check(JSON.stringify(got) === JSON.stringify(wanted), `${what}: ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`);

const PUSHED = { features: { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true } } };
for (const [what, env, settings, exchanges] of [
  ['without nonces', {}, {}, [200, 200]],
  // The first proof has none, and the reply names it.
  ["with the server's nonces", { DPOP: 'nonce' }, {}, [400, 200, 200]],
  ['with nonces and a pushed request', { DPOP: 'nonce' }, PUSHED, [200, 200]],
]) {
  await journey(`DPoP at oidc-provider, ${what}: login, userinfo through the proxy, refresh, logout`, async (world) => {
    const peer = await world.oidcProvider({ ACCESS_TTL: '600', REDIRECT_URIS: REDIRECT, ...env }, settings);
    const daemon = await work(world, `preset = "oidc"\nissuer = "${peer.url}"\nclient_auth = "none"`,
      `client_id = "public"\nscope = ["openid", "offline_access", "email"]\nextra_authorize = { prompt = "consent" }\ndpop = true\nproxy = { upstream = "${peer.url}" }`);
    await world.loginByForm('work');
    const asked = await peer.journal(settings.features ? 'pushed request' : 'authorize request');
    check(asked.some((e) => e.names.includes('dpop_jkt')), `the authorization request: ${JSON.stringify(asked)}`);
    const whose = async () => {
      const reply = await request(`${daemon.url}/proxy/work/me`, { headers: daemon.authorization });
      check(reply.status === 200, `userinfo through the proxy: ${reply.status} ${reply.text.slice(0, 300)}`);
      return reply.json().sub;
    };
    same([await whose(), await whose()], ['alice', 'alice'], 'userinfo');
    const refresh = await world.ringback(['refresh', 'work']);
    check(refresh.code === 0, `ringback refresh: exit ${refresh.code}: ${refresh.err}`);
    same(await whose(), 'alice', 'userinfo after the refresh');
    same((await peer.journal('token request')).map((e) => e.status), exchanges, 'token requests');

    const raw = await world.ringback(['token', 'work']);
    check(raw.code === 2 && raw.out === '' && raw.err.includes('/proxy/work'), `ringback token: exit ${raw.code}: ${raw.err}`);
    const logout = await world.ringback(['logout', 'work']);
    check(logout.code === 0, `ringback logout: exit ${logout.code}: ${logout.err}`);
    const journal = await peer.journal();
    const tokens = journal.filter((e) => e.event === 'token request').map((e) => e.access_token).filter(Boolean);
    check(journal.some((e) => e.event === 'revocation request' && e.status === 200 && e.token === tokens.at(-1)), 'the access token was not revoked');
    checkLogAgainst(journal, daemon);
  });
}

await journey('DPoP at oidc-provider: a bound token is refused as a bearer token, and without a proof', async (world) => {
  const peer = await world.oidcProvider({ ACCESS_TTL: '600', REDIRECT_URIS: REDIRECT });
  await work(world, `preset = "oidc"\nissuer = "${peer.url}"\nclient_auth = "none"`,
    'client_id = "public"\nscope = ["openid", "offline_access"]\nextra_authorize = { prompt = "consent" }\ndpop = true\nhand_out_dpop = true');
  await world.loginByForm('work');
  const told = await world.ringback(['token', 'work', '--format', 'json']);
  check(told.code === 0, `ringback token: exit ${told.code}: ${told.err}`);
  const { access_token: token, token_type: type } = JSON.parse(told.out);
  same(type, 'DPoP', 'token_type');
  same((await peer.journal('token request')).map((e) => e.access_token), [fingerprint(token)], 'the token');
  for (const scheme of ['Bearer', 'DPoP']) {
    const reply = await request(`${peer.url}/me`, { headers: { authorization: `${scheme} ${token}` } });
    check([400, 401].includes(reply.status), `a thief with ${scheme}: ${reply.status}`);
  }
});
