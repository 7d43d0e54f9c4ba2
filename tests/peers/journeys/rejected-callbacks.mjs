// What a real Chromium and the terminal show when a callback is rejected: late, repeated and altered callbacks, another
// browser, too many cookies, and the API's own addresses. The browser must never show JSON.
import { withBrowser } from '../browser.mjs';
import { check, ended, journey, practice, screenshot, until } from '../world.mjs';

/** The text of an HTML page that must contain every word of `wanted` and no backtick; the screenshot is `name`. */
async function shows(page, name, ...wanted) {
  const text = await page.innerText('body');
  if (screenshot(name)) await page.screenshot({ path: screenshot(name), fullPage: true });
  check(await page.locator('h1').count() === 1 && !text.startsWith('{'), `${name}: no page: ${text.slice(0, 300)}`);
  check(!text.includes('`'), `${name}: backticks: ${text}`);
  for (const word of wanted) check(text.includes(word), `${name}: it does not say "${word}": ${text}`);
  return text;
}

/** Goes to the provider in `context` and clicks "allow"; returns the callback's URL, which is not loaded. */
async function answer(context, url, decision = 'allow') {
  const page = await context.newPage();
  let callback;
  // The redirect itself can't be intercepted: Chromium follows it without asking the route handler.
  await page.route((asked) => asked.pathname.endsWith('/oauth/authorization'), async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const reply = await route.fetch({ maxRedirects: 0 });
    callback = new URL(reply.headers().location);
    return route.fulfill({ body: 'held up' });
  });
  await page.goto(url);
  await page.click(`button[name=decision][value=${decision}]`);
  await page.waitForSelector('text=held up');
  return { page, callback };
}

const said = (running, wanted) => until(`the terminal says ${wanted}`, 10_000, () => running.err.includes(wanted));

await journey('rejected callbacks: a repeated one shows that the login has succeeded, an unknown one that none is pending', async (world) => {
  await practice(world);
  await withBrowser(async (context, fresh) => {
    const { running, url } = await world.beginLogin('practice');
    const { page, callback } = await answer(context, url);
    await page.goto(callback.href);
    await shows(page, 'stray-first', 'Logged in to practice', 'stored on this machine');
    check(await ended(running, 10_000) === 0, `the login: ${running.err}`);
    await page.goto(callback.href);
    await shows(page, 'stray-second', 'Logged in to practice', 'has already succeeded');
    check(!page.url().includes('code='), `the code stays in the address bar: ${page.url()}`);
    const stranger = await (await fresh()).newPage();
    await stranger.goto(callback.href);
    await shows(stranger, 'stray-no-login', 'No login is waiting', 'ringback status');
  });
});

await journey('rejected callbacks: after a restart of the daemon, with and without a new login', async (world) => {
  const { daemon } = await practice(world);
  await withBrowser(async (context) => {
    const { running, url } = await world.beginLogin('practice');
    const { page, callback } = await answer(context, url);
    daemon.child.kill('SIGTERM');
    await ended(daemon, 10_000);
    await ended(running, 10_000);
    await world.daemon();
    await page.goto(callback.href);
    await shows(page, 'stray-restarted', 'No login is waiting', 'restarted');
    const anew = await world.beginLogin('practice');
    await page.goto(callback.href);
    await shows(page, 'stray-other-login', 'This answer belongs to another login', 'newest tab');
    await said(anew.running, 'with the `state` of another login');
    check(anew.running.code === undefined, `the new login has ended: ${anew.running.err}`);
  });
});

await journey('rejected callbacks: without `state` or from another browser, and the login stays pending', async (world) => {
  await practice(world);
  await withBrowser(async (context, fresh) => {
    const { running, url } = await world.beginLogin('practice');
    const { page, callback } = await answer(context, url);
    const bare = new URL(callback);
    bare.searchParams.delete('state');
    await page.goto(bare.href);
    await shows(page, 'stray-no-state', 'does not say which login it is for');
    await said(running, 'without the `state`');
    const stranger = await (await fresh()).newPage();
    await stranger.goto(callback.href);
    await shows(stranger, 'stray-other-browser', 'started in another browser', 'ringback login --paste');
    await said(running, 'did not send its cookie');
    check(running.code === undefined, `the login has ended: ${running.err}`);
    await page.goto(callback.href);
    await shows(page, 'stray-right', 'Logged in to practice');
    check(await ended(running, 10_000) === 0, `the login: ${running.err}`);
    check(running.err.match(/^note: /gm).length === 2, `each is reported once: ${running.err}`);
  });
});

await journey('rejected callbacks: an unusable one ends the login for page and terminal; a denied one keeps the earlier login', async (world) => {
  await practice(world);
  await withBrowser(async (context) => {
    const bad = await world.beginLogin('practice');
    const { page, callback } = await answer(context, bad.url);
    callback.searchParams.append('error', 'odd');
    await page.goto(callback.href);
    await shows(page, 'stray-unusable', 'Not logged in to practice', 'has both an error');
    check(await ended(bad.running, 10_000) === 6 && bad.running.err.includes('has both an `error`'), `the terminal: ${bad.running.err}`);

    const good = await world.beginLogin('practice');
    const first = await answer(context, good.url);
    await first.page.goto(first.callback.href);
    check(await ended(good.running, 10_000) === 0, `the login: ${good.running.err}`);
    const denied = await world.beginLogin('practice');
    const second = await answer(context, denied.url, 'deny');
    await second.page.goto(second.callback.href);
    await shows(second.page, 'stray-denied', 'No new login to practice', 'The earlier login is still valid');
    check(await ended(denied.running, 10_000) === 6 && /earlier login .* is still valid/.test(denied.running.err), `the terminal: ${denied.running.err}`);
    await world.token();
  });
});

await journey('rejected callbacks: too many cookies at the start URL, at the callback and on the status page', async (world) => {
  const { daemon } = await practice(world);
  const crowd = (count) => Array.from({ length: count }, (_, n) => ({ name: `c${n}`, value: 'x'.repeat(3500), domain: '127.0.0.1', path: '/' }));
  await withBrowser(async (context) => {
    const { running, url } = await world.beginLogin('practice');
    const { page, callback } = await answer(context, url);
    await context.addCookies(crowd(12));
    await page.goto(callback.href);
    await shows(page, 'stray-cookies', 'too many cookies', 'Delete the cookies of this site');
    await said(running, 'more than 32 KiB of cookies');
    await until('the log has the reason', 5_000, () => daemon.err.includes('the cookies of the request have more than 32 KiB'));
    await page.goto(url);
    await shows(page, 'stray-cookies-start', 'too many cookies');
    await context.clearCookies({ name: /^c[0-9]+$/ });
    await context.addCookies(crowd(8));
    await page.goto(callback.href);
    await shows(page, 'stray-cookies-fit', 'Logged in to practice');
    check(await ended(running, 10_000) === 0, `the login: ${running.err}`);
  });
});

await journey('rejected callbacks: every address of the daemon is a page in a browser', async (world) => {
  const { daemon } = await practice(world);
  await withBrowser(async (context) => {
    const page = await context.newPage();
    for (const [name, path, ...wanted] of [
      ['address-api', '/token', 'for programs with a key', 'ringback open'],
      ['address-unknown', '/no/such/page', 'There is no such page'],
      ['address-method', '/v1/lock', 'does not support such a request'],
      ['address-query', '/token?a=1&a=2', "can't be answered", 'repeated'],
      ['address-session', '/', 'needs a session'],
      ['address-ticket', '/login/start/x', 'has been used or is too old'],
      ['address-outcome', '/login/outcome/x', 'no longer shown'],
    ]) {
      await page.goto(`${daemon.url}${path}`);
      await shows(page, name, ...wanted);
    }
  });
});
