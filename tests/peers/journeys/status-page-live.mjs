// The status page in a real Chromium, as a person uses it: an empty install, accounts that need somebody, a program that
// asks, changes that show without a reload, a daemon that goes away, no JavaScript; each look with axe-core, in light and
// dark, narrow and wide. Screenshots go to $SCREENSHOTS.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { withBrowser } from '../browser.mjs';
import { RINGBACK, atSandbox, check, checkLog, ended, freePort, journey, openStatusPage, request, screenshot, until } from '../world.mjs';

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LOOKS = [['light', 390], ['dark', 390], ['light', 1600], ['dark', 1600]];
const PATIENCE = 30_000;

/** Without motion: colours that are on their way would be measured. */
const PERSON = { reducedMotion: 'reduce', viewport: { width: 1280, height: 900 }, patience: PATIENCE };

/** Fails if axe-core finds anything on the page as it is, in any of the looks. */
async function looksGood(page, name) {
  for (const [colorScheme, width] of LOOKS) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const look = `${name}-${colorScheme}-${width}`;
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run());
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
    check(found.length === 0, `${look}: ${found.join('; ')}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wide <= 0, `${look}: ${wide} pixels are cut off`);
    if (screenshot(look)) await page.screenshot({ path: screenshot(look), fullPage: true });
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

const button = (page, name) => page.getByRole('button', { name, exact: true });
const text = (page, what) => page.locator('#page').getByText(what).first().waitFor();

/** A daemon with the accounts `work` and `home`, and `asks`, whose programs need consent. */
async function threeAccounts(world) {
  const accounts = (account) => account('work') + account('home') + account('asks', 'consent = "ask"');
  const { daemon } = await atSandbox(world, { preferred: 'work', accounts });
  await world.loginByForm('work');
  await world.loginByForm('asks');
  return daemon;
}

await journey('status page in Chromium: an empty install is greeted with three steps', async (world) => {
  world.config(`[listen]\ntcp = ["127.0.0.1:${await freePort()}"]\n`);
  await world.daemon();
  await withBrowser(async (context) => {
    const page = await openStatusPage(world, context);
    await page.getByRole('heading', { name: 'Welcome to ringback' }).waitFor();
    check(await page.locator('ol.steps > li').count() === 3, 'there are not three steps');
    await looksGood(page, 'status-empty');
    check(page.complaints.length === 0, `complaints: ${page.complaints}`);
  }, PERSON);
});

await journey('status page in Chromium: it is live, its buttons work, and axe-core finds nothing in any look', async (world) => {
  const daemon = await threeAccounts(world);
  const app = await world.ringback(['app', 'add', 'backup', '--account', 'work', '--scope', 'account-owner', '--expires', '90d']);
  check(app.code === 0, `app add: ${app.err}`);
  await withBrowser(async (_, fresh) => {
    const traveller = await fresh({ timezoneId: 'Asia/Tokyo', permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await openStatusPage(world, traveller);
    await page.evaluate(() => { window.never = 'reloaded'; });

    // Who needs somebody comes first, with the primary button; times are local.
    await page.getByRole('heading', { name: '1 account needs you' }).waitFor();
    const order = await page.locator('section[id^=account-]').evaluateAll((all) => all.map((one) => one.id));
    check(order.join() === 'account-home,account-asks,account-work', `the order: ${order}`);
    const primary = await page.locator('#page button.primary').evaluateAll((all) => all.map((one) => one.ariaLabel));
    check(primary.join() === 'Log in to home', `primary buttons: ${primary}`);
    check(!/UTC/.test(await page.locator('#page').innerText()), 'a time is not local');
    await text(page, 'reads work; only the scopes account-owner; its key expires in 8');
    await text(page, 'never used');

    // Changes of other programs show without a reload.
    await page.locator('#seen.live').waitFor();
    check((await world.ringback(['refresh', 'work'])).code === 0, 'refresh failed');
    await page.locator('#audit').getByText('Refreshed work').waitFor();
    const token = await world.token('work');

    // A program asks: who, since when, until when, what Allow means.
    const waiting = world.start(RINGBACK, ['token', 'asks']);
    const question = page.locator('section[id^=question-]');
    await question.waitFor();
    await page.getByRole('heading', { name: '1 question waits for your answer, and 1 account needs you' }).waitFor();
    const asked = await question.innerText();
    check(new RegExp(`by process ${waiting.child.pid}`).test(asked) && /from now on/.test(asked), `the question: ${asked}`);
    const left = () => question.locator('.life time').last().innerText();
    const before = await left();
    check(/^in \d+ s$/.test(before), `no countdown: ${before}`);
    await until('the countdown goes on', 10_000, async () => (await left()) !== before);
    await looksGood(page, 'status-full');
    check(await page.evaluate(() => window.never) === 'reloaded', 'the page was reloaded');
    await page.getByRole('button', { name: /^Allow .* to have tokens of asks/ }).click();
    check(await ended(waiting, PATIENCE) === 0, `the program that was allowed: ${waiting.err}`);
    await page.locator('.told.good').getByText('Allowed from now on.').waitFor();

    // The command to copy works in a shell.
    await button(page, 'Copy').click();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const done = await world.run('bash', ['-c', command]);
    check(JSON.parse(done.out).access_token === token, `the command: ${command}: ${done.out.slice(0, 80)} ${done.err}`);

    // Refresh, log in, log out, remove a key, end the session.
    await button(page, 'Refresh now: work').click();
    await page.locator('.told.good').getByText('work has a new token.').waitFor();
    await button(page, 'Log in to home').click();
    await page.waitForSelector('button[name=decision]');
    await looksGood(page, 'sandbox-consent');
    await page.click('button[name=decision][value=allow]');
    await page.waitForURL(/\/login\/outcome\//);
    await page.getByRole('heading', { name: 'Logged in to home' }).waitFor();
    await looksGood(page, 'login-succeeded');
    await page.goto(`${daemon.url}/`);
    await page.getByRole('heading', { name: 'All is well' }).waitFor();
    await looksGood(page, 'status-well');

    await button(page, 'Log out… of home').click();
    await looksGood(page, 'status-confirm');
    await button(page, 'Log out').click();
    await page.getByRole('heading', { name: '1 account needs you' }).waitFor();
    await button(page, 'Remove… the key of backup').click();
    await button(page, 'Remove').click();
    await page.locator('.told.good').getByText('The key of backup no longer works.').waitFor();
    check(await page.locator('#app-backup').count() === 0, 'the key is still shown');

    const html = await page.content();
    const secrets = [token, await world.token('work'), daemon.key, app.out.trim(), 'practice-secret'];
    check(!secrets.some((secret) => html.includes(secret)), 'a secret is on the page');
    await button(page, 'End this session').click();
    await page.getByRole('heading', { name: 'The session is over' }).waitFor();
    await looksGood(page, 'message');
    check(page.complaints.length === 0, `complaints: ${page.complaints}`);
    checkLog(daemon, secrets);
  }, PERSON);
}, 240_000);

await journey('status page in Chromium: a daemon that goes away is told, and so is a session that is over', async (world) => {
  const daemon = await threeAccounts(world);
  await withBrowser(async (context, fresh) => {
    const page = await openStatusPage(world, context);
    const other = await openStatusPage(world, await fresh());
    await button(other, 'End this session').click();
    await page.locator('#seen.live').waitFor();
    daemon.child.kill('SIGTERM');
    await daemon.exit;
    await page.locator('#gone').waitFor();
    check(await button(page, 'Refresh now: work').isDisabled(), 'a button is on without a daemon');
    check(/ringback does not answer/.test(await page.title()), `the title: ${await page.title()}`);
    await looksGood(page, 'status-gone');
    await world.daemon();
    await page.locator('#over').waitFor();
    check(await page.locator('#gone').isHidden(), 'it is said to be gone and here');
    await looksGood(page, 'status-over');
  }, PERSON);
});

await journey('status page in Chromium without JavaScript: it is whole, and its buttons work', async (world) => {
  const daemon = await threeAccounts(world);
  await withBrowser(async (_, fresh) => {
    const page = await openStatusPage(world, await fresh({ javaScriptEnabled: false }));
    for (const shown of ['1 account needs you', 'Next refresh in', 'UTC', 'looks again every 30 seconds', 'curl -s --unix-socket']) {
      check((await page.innerText('#page')).includes(shown), `not shown: ${shown}`);
    }
    check(await page.locator('.copies').isHidden(), 'a button is shown that does nothing');
    const generation = async () => (await request(`${daemon.url}/v1/accounts/work`, { headers: daemon.authorization })).json().generation;
    const before = await generation();
    await button(page, 'Refresh now: work').click();
    await page.locator('.told.good').getByText('work has a new token.').waitFor();
    check((await generation()) === before + 1, 'Refresh now got no new token');
    if (screenshot('status-no-script')) await page.screenshot({ path: screenshot('status-no-script'), fullPage: true });
  }, PERSON);
});
