// A login at npm oidc-provider in a real Chromium; then a minute of callers with short-lived, rotating tokens.
import http from 'node:http';
import { check, checkLog, freePort, journey, oidcConfig, request, sleep } from '../world.mjs';

const LIFETIME = 8; // seconds that an access token is valid: a refresh about every six
const FETCHING = Number(process.env.FETCHING ?? 60) * 1000;
const MIN_REFRESHES = Math.floor(FETCHING / 12_000);

await journey('oidc-provider: login in Chromium, a minute of fetching across refreshes, logout', async (world) => {
  const port = await freePort();
  const provider = await world.oidcProvider({ ACCESS_TTL: String(LIFETIME), REDIRECT_URIS: 'http://127.0.0.1/callback/peer' });
  world.config(oidcConfig(provider.url, port));
  const daemon = await world.daemon();

  const before = await request(`${daemon.url}/token`, { headers: daemon.authorization });
  check(before.status === 428 && before.json().error === 'login_required', `before login: ${before.status} ${before.text}`);

  const { page, code, cli } = await world.loginWithChromium('work');
  check(code === 0, `ringback login: exit ${code}, page ${page.url}: ${page.text.slice(0, 200)}`);
  check(page.clicks === 2, `expected a login page and a consent page, clicked ${page.clicks} times`);
  check(new URL(page.url).port === String(port) && !/[?&](code|state)=/.test(page.url), `the browser ended at ${page.url}`);
  check(/work/.test(page.text), `the page does not name the account: ${page.text.slice(0, 200)}`);
  check(page.outside.every((o) => o.page.startsWith(provider.url)), `a page of ringback requested another host: ${JSON.stringify(page.outside)}`);
  check(!cli.out.trim(), `ringback login printed on stdout: ${cli.out}`);
  const authorized = (await provider.journal()).find((e) => e.event === 'authorized');
  check(authorized.pkce === 'S256' && authorized.state, `authorize request: ${JSON.stringify(authorized)}`);

  const began = Date.now();
  const seen = await fetchAndUse(world, daemon, provider);
  console.log(`# ${seen.fetches} fetches, ${seen.tokens.size} tokens, ${seen.uses} uses at userinfo, slowest fetch ${seen.slowest} ms, longest time between two ${seen.gap} ms`);
  check(seen.tokens.size > MIN_REFRESHES, `${seen.tokens.size - 1} refreshes were seen by callers, expected ${MIN_REFRESHES} or more`);
  checkJournal(await provider.journal(), began);
  checkLog(daemon, [...seen.tokens, daemon.key]);

  const logout = await world.ringback(['logout', 'work']);
  check(logout.code === 0, `ringback logout: exit ${logout.code}: ${logout.err}`);
  check((await provider.journal()).some((e) => e.event === 'revocation request' && e.status === 200), 'logout revoked nothing at the provider');
  const revoked = await request(`${provider.url}/me`, { headers: { authorization: `Bearer ${[...seen.tokens].at(-1)}` } });
  check(revoked.status === 401, `the token still works after logout: ${revoked.status}`);
  const after = await world.ringback(['token', 'work']);
  check(after.code === 5 && after.out === '', `token after logout: exit ${after.code}, stdout ${after.out.length} bytes`);
}, FETCHING + 90_000);

/** Fetches a token every 20 ms and uses it at userinfo every 200 ms; any failure ends the journey. */
async function fetchAndUse(world, daemon, provider) {
  const agent = new http.Agent({ keepAlive: true });
  const seen = { fetches: 0, uses: 0, slowest: 0, gap: 0, tokens: new Set() };
  const end = Date.now() + FETCHING;
  let newest;
  const fetching = async () => {
    let served = Date.now();
    for (; Date.now() < end; await sleep(20)) {
      const began = Date.now();
      const reply = await request(`${daemon.url}/v1/accounts/work/token`, { headers: daemon.authorization, agent });
      check(reply.status === 200, `fetch ${seen.fetches + 1}: ${reply.status} ${reply.text.slice(0, 300)}`);
      const body = reply.json();
      check(body.refresh_token === undefined, 'a refresh token was served');
      check(body.expires_at * 1000 > Date.now() - 1000, `served an expired token: expires_at ${body.expires_at}`);
      newest = body.access_token;
      seen.tokens.add(newest);
      seen.fetches += 1;
      seen.slowest = Math.max(seen.slowest, Date.now() - began);
      seen.gap = Math.max(seen.gap, Date.now() - served);
      served = Date.now();
    }
  };
  const using = async () => {
    for (; Date.now() < end; await sleep(200)) {
      if (!newest) continue;
      const reply = await request(`${provider.url}/me`, { headers: { authorization: `Bearer ${newest}` }, agent });
      check(reply.status === 200, `userinfo refused a token that was just served: ${reply.status} ${reply.text.slice(0, 200)}`);
      seen.uses += 1;
    }
  };
  try {
    await Promise.all([fetching(), using()]);
  } finally {
    agent.destroy();
  }
  return seen;
}

/** Checks for one exchange, then one refresh per period: none refused, repeated or concurrent. */
function checkJournal(journal, began) {
  check(!journal.some((e) => e.event === 'grant revoked' || e.event === 'server error'), 'the provider revoked the grant or failed');
  const asked = journal.filter((e) => e.event === 'token request');
  check(asked.every((e) => e.outcome === 'granted' && !e.reuse), `refused: ${JSON.stringify(asked.filter((e) => e.outcome !== 'granted'))}`);
  check(asked[0].grant === 'authorization_code', 'the first request was not the exchange');
  const refreshes = asked.slice(1);
  check(refreshes.every((e) => e.grant === 'refresh_token'), 'a second exchange was made');
  check(refreshes.filter((e) => e.at > began).length >= MIN_REFRESHES, `${refreshes.length} refreshes`);
  const gaps = refreshes.map((e, i) => e.began - asked[i].at);
  console.log(`# ${refreshes.length} refreshes, ${Math.min(...gaps)} to ${Math.max(...gaps)} ms after the reply before`);
  // 80 % of the lifetime ± 5 %, with room for a busy machine; two within one period would be one too many.
  check(gaps.every((g) => g > LIFETIME * 500 && g < LIFETIME * 1000), `refreshes are not one per period: ${gaps}`);
}
