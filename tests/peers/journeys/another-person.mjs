// Two people log in to the same account, one after the other, at npm oidc-provider in a real Chromium: the page asks
// for confirmation.
import { check, checkLog, ended, fingerprint, freePort, journey, oidcConfig, request, until } from '../world.mjs';
import { visit } from '../browser.mjs';

/** `user` logs in with their own browser and presses `button` on the page that asks. There is no terminal. */
async function logIn(world, user, button, end) {
  const { running, url } = await world.beginLogin('work');
  const page = await visit(url, { user, press: button, end });
  return { page, code: await ended(running, 15_000), said: running.err };
}

await journey('oidc-provider: a login as another person asks in Chromium and replaces the tokens only after a yes', async (world) => {
  const port = await freePort();
  const provider = await world.oidcProvider({ ACCESS_TTL: '600', REDIRECT_URIS: 'http://127.0.0.1/callback/peer' });
  world.config(oidcConfig(provider.url, port));
  const daemon = await world.daemon();
  const whose = async (token) => (await request(`${provider.url}/me`, { headers: { authorization: `Bearer ${token}` } })).json().sub;
  const revoked = async () => (await provider.journal('revocation request')).map((e) => e.token);

  const ann = await logIn(world, 'ann', undefined, /Logged in to work/);
  check(ann.code === 0 && /sub ann/.test(ann.page.text), `ann: exit ${ann.code}: ${ann.page.text.slice(0, 300)}`);
  const first = await world.token();
  check(await whose(first) === 'ann', 'the first token is not ann\'s');
  const again = await logIn(world, 'ann', undefined, /Logged in to work/);
  check(again.code === 0 && !/Before/.test(again.page.text), `a second login as ann asks: ${again.page.text.slice(0, 300)}`);

  const kept = await logIn(world, 'eve', 'Keep', /No new login to work/);
  check(kept.code === 11 && /--replace/.test(kept.said), `without a terminal: exit ${kept.code}: ${kept.said}`);
  check(/logged in as .*sub ann/.test(kept.page.asked) && /logged in as .*sub eve/.test(kept.page.asked), `the question: ${kept.page.asked}`);
  check(!kept.page.complaints.some((said) => said.startsWith(daemon.url)) && kept.page.history.every((url) => !/[?&](code|state)=/.test(url)), JSON.stringify(kept.page.complaints));
  check(await whose(await world.token()) === 'ann', 'a no replaced the tokens');
  const granted = (await provider.journal('token request')).at(-1);
  const ofEve = [granted.refresh_token, granted.access_token];
  await until("the revocation of eve's grant", 10_000, async () => (await revoked()).length >= ofEve.length);
  check(JSON.stringify(await revoked()) === JSON.stringify(ofEve), `something else was revoked: ${JSON.stringify(await revoked())}`);

  const replaced = await logIn(world, 'eve', 'Replace', /Logged in to work/);
  check(/sub ann, .*whose tokens were replaced/.test(replaced.page.text), `the page: ${replaced.page.text.slice(0, 400)}`);
  const last = await world.token();
  check(await whose(last) === 'eve', 'a yes replaced nothing');
  const refreshed = await world.ringback(['refresh', 'work']);
  check(refreshed.code === 0 && await whose(await world.token()) === 'eve', `refresh: exit ${refreshed.code}: ${refreshed.err}`);
  check(fingerprint(first) !== fingerprint(last) && (await revoked()).length === ofEve.length, 'something else was revoked');
  checkLog(daemon, [first, last, daemon.key]);
}, 120_000);
