// The status page in a real Chromium: opened by `ringback open` and used with its buttons; and attacks by a hostile
// page of another origin on it and on the API, in the same browser with the same cookies.
import http from 'node:http';
import { withBrowser } from '../browser.mjs';
import { check, checkLog, freePort, journey, openStatusPage, practice, request, screenshot, until } from '../world.mjs';

const account = async (daemon) => (await request(`${daemon.url}/v1/accounts/practice`, { headers: daemon.authorization })).json();

await journey('status page in Chromium: login, refresh and logout with its buttons', async (world) => {
  const { daemon } = await practice(world);
  await withBrowser(async (context) => {
    const page = await openStatusPage(world, context);
    check(new URL(page.url()).pathname === '/', `the page opened at ${page.url()}`);
    check((await page.innerText('body')).includes('nobody has logged in'), 'the page does not say that nobody has logged in');
    await page.getByRole('button', { name: 'Log in to practice' }).click();
    await page.click('button[name=decision][value=allow]');
    await page.waitForURL(/\/login\/outcome\//);
    await page.goto(`${daemon.url}/`);
    await page.waitForSelector('text=has a valid token');
    if (screenshot('status')) await page.screenshot({ path: screenshot('status'), fullPage: true });
    const before = (await account(daemon)).generation;
    await page.click('text=Refresh now');
    await page.waitForSelector('text=practice has a new token.');
    check((await account(daemon)).generation === before + 1, 'Refresh now got no new token');
    const token = await world.token();
    const html = await page.content();
    check(![token, daemon.key, 'practice-secret'].some((secret) => html.includes(secret)), 'a secret is on the page');
    check(await page.evaluate(() => document.cookie === '' && !localStorage.length && !sessionStorage.length), 'a script can read a cookie, or something is stored');
    // Without its script, which would see the logout.
    const stale = await context.newPage();
    await stale.route('**/static/status.js', (route) => route.abort());
    await stale.goto(`${daemon.url}/`);
    await page.getByRole('button', { name: 'Log out… of practice' }).click();
    await page.click('text="Log out"');
    await page.waitForSelector('text=nobody has logged in');
    check((await account(daemon)).state === 'signed_out', 'Log out did not log out');
    await stale.getByRole('button', { name: 'Refresh now: practice' }).click();
    await stale.waitForSelector('text=That did not work');
    const [colour, bad, code] = await stale.evaluate(() => {
      const told = document.querySelector('[role=alert]:not([hidden])');
      const probe = Object.assign(document.createElement('p'), { className: 'bad' });
      document.body.append(probe);
      return [getComputedStyle(told).color, getComputedStyle(probe).color, [...told.querySelectorAll('code')].at(-1).innerText];
    });
    check(colour === bad && code === 'ringback login practice', `a failure looks like a success: ${colour}, ${bad}, ${code}`);
    if (screenshot('status-failure')) await stale.screenshot({ path: screenshot('status-failure'), fullPage: true });
    const names = await stale.getByRole('button').evaluateAll((all) => all.map((one) => one.ariaLabel));
    check(new Set(names).size === names.length, `buttons with the same name: ${names}`);
    await page.click('text=End this session');
    await page.goto(`${daemon.url}/`);
    await page.waitForSelector('text=ringback open');
    check(!page.complaints.some((text) => /Content Security Policy|Refused/.test(text)), `the page violates its own policy: ${page.complaints}`);
    checkLog(daemon, [daemon.key, token]);
  });
});

// Attacks of a hostile page: name, and script. `own` is the daemon's origin, `rebound` the same port under the
// attacker's name, `start` a valid login URL, `key` a stolen key. The script returns what the page could read, or `null`.
const ATTACKS = [
  ['fetches the token, cors', ({ own }) => fetch(`${own}/token`).then((r) => r.text(), () => null)],
  ['fetches the token, no-cors', ({ own }) => fetch(`${own}/token`, { mode: 'no-cors' }).then((r) => (r.type === 'opaque' ? null : r.text()), () => null)],
  ['fetches the token with cookies', ({ own }) => fetch(`${own}/token`, { credentials: 'include' }).then((r) => r.text(), () => null)],
  ['fetches the token with a stolen key', ({ own, key }) => fetch(`${own}/token`, { headers: { authorization: `Bearer ${key}` } }).then((r) => r.text(), () => null)],
  ['fetches the status page with cookies', ({ own }) => fetch(`${own}/`, { credentials: 'include' }).then((r) => r.text(), () => null)],
  ['fetches the token under its own name (rebinding)', ({ rebound }) => fetch(`${rebound}/token`).then((r) => r.text(), () => null)],
  ['fetches the token under its own name with a stolen key', ({ rebound, key }) => fetch(`${rebound}/token`, { headers: { authorization: `Bearer ${key}` } }).then((r) => r.text(), () => null)],
  ['posts a login, no-cors', ({ own }) => fetch(`${own}/v1/accounts/practice/login`, { method: 'POST', mode: 'no-cors' }).then(() => null, () => null)],
  ['posts a refresh with a simple body', ({ own }) => fetch(`${own}/v1/accounts/practice/refresh`, { method: 'POST', mode: 'no-cors', body: '{}' }).then(() => null, () => null)],
  ['deletes the token', ({ own }) => fetch(`${own}/v1/accounts/practice/token`, { method: 'DELETE' }).then((r) => r.text(), () => null)],
  ['posts the logout form by fetch', ({ own }) => fetch(`${own}/do/logout`, { method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams({ account: 'practice', sure: 'yes' }) }).then(() => null, () => null)],
  ['posts the logout form as a form', ({ own }) => new Promise((done) => {
    const frame = Object.assign(document.createElement('iframe'), { name: 'sink', onload: () => done(null) });
    const form = Object.assign(document.createElement('form'), { method: 'POST', action: `${own}/do/logout`, target: 'sink' });
    for (const [name, value] of [['account', 'practice'], ['sure', 'yes']]) form.append(Object.assign(document.createElement('input'), { name, value }));
    document.body.append(frame, form);
    form.submit();
    setTimeout(() => done(null), 1500);
  })],
  ['loads the token as an image', ({ own }) => new Promise((done) => { Object.assign(new Image(), { onload: () => done('loaded'), onerror: () => done(null), src: `${own}/token` }); })],
  ['loads the token as a script', ({ own }) => new Promise((done) => { document.body.append(Object.assign(document.createElement('script'), { onload: () => done('loaded'), onerror: () => done(null), src: `${own}/token` })); })],
  ['loads our own script', ({ own }) => new Promise((done) => { document.body.append(Object.assign(document.createElement('script'), { onload: () => done('loaded'), onerror: () => done(null), src: `${own}/static/fragment.js` })); })],
  ['frames the status page', ({ own }) => new Promise((done) => {
    const frame = document.createElement('iframe');
    frame.src = `${own}/`;
    frame.onload = () => { try { done(frame.contentDocument.body.innerText || null); } catch { done(null); } };
    document.body.append(frame);
    setTimeout(() => done(null), 1500);
  })],
  ['opens the status page and looks into it', ({ own }) => new Promise((done) => {
    const opened = window.open(`${own}/`);
    setTimeout(() => { try { done(opened?.document.body.innerText || null); } catch { done(null); } }, 1500);
  })],
  ['spends a start URL as an image', ({ start }) => new Promise((done) => { Object.assign(new Image(), { onload: () => done('loaded'), onerror: () => done(null), src: start }); })],
  ['spends a start URL by prefetch', ({ start }) => new Promise((done) => {
    document.head.append(Object.assign(document.createElement('link'), { rel: 'prefetch', href: start, onload: () => done(null), onerror: () => done(null) }));
    setTimeout(() => done(null), 1000);
  })],
  ['opens a WebSocket', ({ own }) => new Promise((done) => { const socket = new WebSocket(`${own.replace('http', 'ws')}/v1/events`); socket.onopen = () => done('open'); socket.onerror = () => done(null); })],
  ['listens to the events', ({ own }) => new Promise((done) => { const source = new EventSource(`${own}/v1/events`, { withCredentials: true }); source.onopen = () => done('open'); source.onerror = () => { source.close(); done(null); }; })],
  ["listens to the page's events", ({ own }) => new Promise((done) => { const source = new EventSource(`${own}/do/events`, { withCredentials: true }); source.onopen = () => done('open'); source.onerror = () => { source.close(); done(null); }; })],
  ['loads the page\'s script', ({ own }) => new Promise((done) => { document.body.append(Object.assign(document.createElement('script'), { onload: () => done('loaded'), onerror: () => done(null), src: `${own}/static/status.js` })); })],
  ['aborts a login with a forged callback', ({ own }) => fetch(`${own}/callback/practice?error=access_denied&state=x`, { mode: 'no-cors', credentials: 'include' }).then(() => null, () => null)],
  ['sends a beacon', ({ own }) => { navigator.sendBeacon(`${own}/v1/accounts/practice/refresh`, '{}'); return null; }],
  ['registers a service worker for it', ({ own }) => navigator.serviceWorker?.register(`${own}/static/fragment.js`).then(() => 'registered', () => null) ?? null],
];

await journey(`a hostile page in Chromium: ${ATTACKS.length} attacks read nothing and change nothing`, async (world) => {
  const { daemon } = await practice(world);
  await world.loginByForm('practice');
  const port = await freePort();
  const server = http.createServer((_, reply) => reply.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>evil</title><body>'));
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  try {
    // Its name leads to this machine, as after DNS rebinding.
    await withBrowser(async (context) => {
      // The victim has the status page open: its cookie is in this browser.
      const victim = await openStatusPage(world, context);
      await victim.waitForSelector('text=has a valid token');
      const { url: start } = await world.beginLogin('practice');
      const own = daemon.url;
      const facts = { own, start, key: daemon.key, rebound: own.replace('127.0.0.1', 'evil.test') };
      const state = async () => { const { generation, state: now, login_pending: login } = await account(daemon); return JSON.stringify({ generation, now, login }); };
      const before = await state();
      for (const origin of [`http://127.0.0.1:${port}`, `http://evil.test:${port}`]) {
        for (const [name, attack] of ATTACKS) {
          const page = await context.newPage();
          await page.goto(origin);
          const read = await page.evaluate(attack, facts);
          check(read === null, `${origin}: ${name}: it read ${String(read).slice(0, 100)}`);
          check((await state()) === before, `${origin}: ${name}: it changed something: ${before} became ${await state()}`);
          await page.close();
        }
      }
      // A page under the rebound name would be same-origin with us, so no page is served there.
      const rebound = await (await context.newPage()).goto(`${facts.rebound}/healthz`);
      check(rebound.status() === 403, `a request with the rebound name gets ${rebound.status()}`);
      // The controls: the same requests work with permission.
      const good = await context.newPage();
      await good.goto(`${own}/`);
      await good.waitForSelector('text=has a valid token');
      await good.goto(start);
      await good.waitForSelector('button[name=decision]');
    }, { host: 'evil.test' });
  } finally {
    server.close();
  }
}, 180_000);
