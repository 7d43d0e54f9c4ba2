// Drives a real headless Chromium like a user: opens a URL, reads the page, clicks.
//
//   node browser.mjs URL [allow|deny] [screenshot.png]      prints the last page as JSON
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])$/;
const MAX_CLICKS = 6; // login page + consent page, and some spare

/**
 * Opens `url`, answers each login or consent page with `decision`, and returns the last page. With `end`, waits until
 * the page's text matches it. `cookies` are set in the browser beforehand: {name, value, domain, path}. `press` is the
 * name of the button to press on the last page, whose text before that is returned as `asked`.
 */
export async function visit(url, { decision = 'allow', user = 'alice', screenshot, end, cookies = [], press } = {}) {
  const browser = await launch();
  try {
    const context = await browser.newContext();
    await context.addCookies(cookies);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const outside = [];
    const complaints = [];
    page.on('console', (m) => m.type() === 'error' && complaints.push(`${m.location().url}: ${m.text()}`));
    page.on('pageerror', (e) => complaints.push(String(e)));
    await page.route((u) => !LOOPBACK.test(u.hostname), (route) => {
      outside.push({ page: page.url(), wanted: route.request().url() });
      return route.abort();
    });
    const requests = []; // a fragment is not sent, but Chromium reports it
    page.on('request', (r) => requests.push({ method: r.method(), url: r.url().split('#')[0], referer: r.headers().referer ?? '' }));
    const pages = []; // the HTML after each change of a page
    await page.exposeBinding('pageChanged', (_source, html) => { pages.push(html); });
    await page.addInitScript(() => {
      new MutationObserver(() => window.pageChanged(document.documentElement.outerHTML)).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    });
    const answer = await page.goto(url);
    let clicks = 0;
    for (let button = await nextButton(page, decision); button && clicks < MAX_CLICKS; button = await nextButton(page, decision)) {
      if (await page.locator('input[name=login]').count()) {
        await page.fill('input[name=login]', user);
        await page.fill('input[name=password]', 'anything');
      }
      const before = page.url();
      await Promise.all([page.waitForURL((u) => u.href !== before), button.click()]);
      clicks += 1;
    }
    const asked = press && await page.innerText('body');
    if (press) await Promise.all([page.waitForResponse((r) => r.request().method() === 'POST'), page.getByRole('button', { name: press, exact: true }).click()]);
    if (end) await page.waitForFunction((wanted) => new RegExp(wanted).test(document.body?.innerText ?? ''), end.source);
    if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
    const { entries } = await (await context.newCDPSession(page)).send('Page.getNavigationHistory');
    return {
      url: page.url(), status: answer?.status(), title: await page.title(), text: await page.innerText('body'), clicks, outside, complaints, asked,
      html: await page.content(), pages, history: entries.map((entry) => entry.url), requests,
    };
  } finally {
    await browser.close();
  }
}

/** Only loopback can be reached, whatever a page requests (oidc-provider's pages request a web font). `host` is a name for it. */
function launch(host) {
  const names = [host && `MAP ${host} 127.0.0.1`, 'MAP * ~NOTFOUND', 'EXCLUDE 127.0.0.1', 'EXCLUDE localhost'];
  const args = [...FLAGS, `--host-resolver-rules=${names.filter(Boolean).join(', ')}`];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args, timeout: 30_000 });
}

/**
 * Runs `work(context, fresh)` with a new browser; `fresh(options)` creates another profile without cookies. `patience`
 * bounds each step in milliseconds.
 */
export async function withBrowser(work, { host, patience = 15_000, ...usual } = {}) {
  const browser = await launch(host);
  const fresh = async (options = {}) => {
    const context = await browser.newContext({ ...usual, ...options });
    context.setDefaultTimeout(patience);
    return context;
  };
  try {
    return await work(await fresh(), fresh);
  } finally {
    await browser.close();
  }
}

/** The button or link for `decision` on this page, if the page asks. */
async function nextButton(page, decision) {
  const sandbox = page.locator(`button[name=decision][value=${decision}]`);
  if (await sandbox.count()) return sandbox.first();
  if (!new URL(page.url()).pathname.startsWith('/interaction/')) return null;
  const found = decision === 'allow' ? page.locator('button[type=submit]') : page.getByText('Cancel');
  return (await found.count()) ? found.first() : null;
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const [url, decision = 'allow', screenshot] = process.argv.slice(2);
  console.log(JSON.stringify(await visit(url, { decision, screenshot })));
}
