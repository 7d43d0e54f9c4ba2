// Logins at ringback's sandbox provider in a real Chromium: consent given and denied.
import { visit } from '../browser.mjs';
import { check, cookiesSet, ended, journey, practice, request, screenshot, submitConsent } from '../world.mjs';

await journey('sandbox: login in Chromium, the token works and is refreshed', async (world) => {
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

await journey('sandbox: the user denies consent', async (world) => {
  const { daemon } = await practice(world);
  const { page, code, cli } = await world.loginWithChromium('practice', 'deny');
  check(code === 6, `ringback login: exit ${code}, expected 6: ${cli.err}`);
  check(page.url.startsWith(daemon.url), `the browser ended at ${page.url}`);
  check(!/success|you are logged in|signed in/i.test(page.text), `the page claims success: ${page.text.slice(0, 200)}`);
  check(/denied|declined|refused|not allowed|said no|cancel/i.test(page.text), `the page does not say what happened: ${page.text.slice(0, 300)}`);
  const token = await world.ringback(['token', 'practice']);
  check(token.code === 5 && token.out === '', `token: exit ${token.code}`);
});

await journey('sandbox: a login link works once, and only the browser that opened it can complete the login', async (world) => {
  const { daemon } = await practice(world);
  const { running, url } = await world.beginLogin('practice');
  const opened = await request(url);
  check(opened.status === 303 && opened.headers['referrer-policy'] === 'no-referrer', `the start URL: ${opened.status} ${JSON.stringify(opened.headers)}`);

  const second = await visit(url, { screenshot: screenshot('start-used') });
  check(second.status === 410 && second.clicks === 0, `the start URL a second time: ${second.status}, ended at ${second.url}`);
  check(/has been used/.test(second.text) && /ringback login/.test(second.text), `the page does not say what happened: ${second.text.slice(0, 300)}`);

  const { location } = opened.headers;
  const elsewhere = await submitConsent(location); // another user's or an attacker's click: a valid code, but no cookie
  check(elsewhere.status === 400, `a callback from another browser: ${elsewhere.status} ${elsewhere.text.slice(0, 200)}`);
  const signedOut = await request(`${daemon.url}/token`, { headers: daemon.authorization });
  check(signedOut.status === 428 && running.code === undefined, `it changed something: token ${signedOut.status}, login ${running.code}`);

  const page = await submitConsent(location, { [new URL(url).origin]: cookiesSet(opened) });
  check(page.status === 200 && /Logged in/.test(page.text), `in its own browser: ${page.status} ${page.text.slice(0, 300)}`);
  check(await ended(running, 15_000) === 0, `ringback login: exit ${running.code}: ${running.err}`);
  const token = await request(`${daemon.url}/token`, { headers: daemon.authorization });
  check(token.status === 200, `token: ${token.status} ${token.text.slice(0, 200)}`);
});
