// The practice provider that ringback ships, logged into by a real Chromium: yes, and no.
import { check, journey, practice, request } from '../world.mjs';

await journey('sandbox: login in Chromium, the token works, it is refreshed', async (world) => {
  const { sandbox, daemon } = await practice(world, ['--access-lifetime', '6s']);
  const { page, code, cli } = await world.loginWithChromium('practice');
  check(code === 0, `ringback login: exit ${code}: ${cli.err}; page: ${page.text.slice(0, 200)}`);
  check(page.clicks === 1, `expected one consent page, clicked ${page.clicks} times`);
  check(page.url.startsWith(daemon.url) && !/[?&](code|state)=/.test(page.url), `the browser ended at ${page.url}`);
  check(page.outside.length === 0 && page.complaints.length === 0, `the pages are not clean: ${JSON.stringify([page.outside, page.complaints])}`);

  const token = async () => (await world.ringback(['token', 'practice'])).out.trim();
  const works = async (t) => (await request(`${sandbox.url}/v4/accounts/1000001`, { headers: { authorization: `Bearer ${t}` } })).status;
  const first = await token();
  check(await works(first) === 200, `the sandbox refused the token: ${await works(first)}`);

  const refresh = await world.ringback(['refresh', 'practice']);
  check(refresh.code === 0, `ringback refresh: exit ${refresh.code}: ${refresh.err}`);
  const second = await token();
  check(second !== first, 'the token did not change');
  check(await works(second) === 200, 'the sandbox refused the refreshed token');

  const logout = await world.ringback(['logout', 'practice']);
  check(logout.code === 0, `ringback logout: exit ${logout.code}: ${logout.err}`);
  check(await works(second) === 401, 'after logout the token still works: it was not revoked at the provider');
});

await journey('sandbox: the person says no', async (world) => {
  const { daemon } = await practice(world);
  const { page, code, cli } = await world.loginWithChromium('practice', 'deny');
  check(code === 6, `ringback login: exit ${code}, expected 6: ${cli.err}`);
  check(page.url.startsWith(daemon.url), `the browser ended at ${page.url}`);
  check(!/success|you are logged in|signed in/i.test(page.text), `the page claims success: ${page.text.slice(0, 200)}`);
  check(/denied|declined|refused|not allowed|said no|cancel/i.test(page.text), `the page does not say what happened: ${page.text.slice(0, 300)}`);
  const token = await world.ringback(['token', 'practice']);
  check(token.code === 5 && token.out === '', `token: exit ${token.code}`);
});
