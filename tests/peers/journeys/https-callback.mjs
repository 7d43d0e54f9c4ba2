// Redirect URIs with https: the page that explains the certificate, and the way back over TLS, in Chromium and with curl.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { withBrowser } from '../browser.mjs';
import { check, ended, freePort, journey, screenshot, until, work } from '../world.mjs';

/** A daemon with the account "work" at a sandbox, which comes back to https; and a login that has begun. */
async function begun(world) {
  const secret = world.file('practice-client', 'practice-secret');
  const port = await freePort();
  const registered = `https://localhost:${port}/callback/peer`;
  const sandbox = await world.sandbox(['--client-id', 'practice', '--client-secret-file', secret, '--redirect-uri', registered]);
  await work(world, `preset = "phonecom"
authorize_url = "${sandbox.url}/v4/oauth/authorization"
token_url = "${sandbox.url}/v4/oauth/access-token"`, `client_id = "practice"
client_secret_file = "${secret}"
scope = ["account-owner"]
redirect_uri = "${registered}"`);
  const { running, url } = await world.beginLogin('work');
  check(url.startsWith(`http://localhost:${port}/login/start/`), `the start URL: ${url}`);
  const pem = fs.readFileSync(path.join(world.state, 'callback.pem'), 'utf8');
  const certificate = new crypto.X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE')));
  return { running, url, port, certificate };
}

await journey('https callback: Chromium is told, and comes back over TLS', async (world) => {
  const { running, url, port, certificate } = await begun(world);
  await withBrowser(async (context) => {
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
    await page.goto(url);
    const told = await page.innerText('body');
    check(told.includes(certificate.fingerprint256), `the page does not show the fingerprint: ${told}`);
    if (screenshot('certificate')) await page.screenshot({ path: screenshot('certificate') });
    await page.getByRole('link', { name: 'Continue' }).click();
    await page.locator('button[name=decision][value=allow]').click();
    await page.waitForURL(`https://localhost:${port}/login/outcome/*`);
    check(/Logged in/.test(await page.innerText('body')), `the last page: ${await page.innerText('body')}`);
    check(complaints.length === 0, `the pages are not clean: ${JSON.stringify(complaints)}`);
  }, { ignoreHTTPSErrors: true });
  check(await ended(running, 15_000) === 0, `ringback login: exit ${running.code}: ${running.err}`);
  await world.token('work');
});

await journey('https callback: Chromium warns and sends nothing, curl says why, and old TLS is refused', async (world) => {
  const { running, url, port, certificate } = await begun(world);
  await withBrowser(async (context) => {
    const page = await context.newPage();
    await page.goto(url);
    const link = await page.getByRole('link', { name: 'Continue' }).getAttribute('href');
    const why = await page.goto(link).then(() => 'nothing', (error) => String(error));
    check(why.includes('ERR_CERT_AUTHORITY_INVALID'), `Chromium says: ${why}`);
    const again = await context.newPage();
    await again.goto(url);
    check((await again.innerText('body')).includes(certificate.fingerprint256), 'the explanation is gone');
  });
  check(certificate.checkHost('localhost') && certificate.checkIP('127.0.0.1') && certificate.checkIP('::1') && !certificate.ca, certificate.subjectAltName);
  const curl = async (...args) => (await world.run('curl', ['--silent', '--show-error', '--output', '-', '--write-out', '%{http_code}', ...args])).code;
  const style = `https://localhost:${port}/static/style.css`;
  check(await curl(style) === 60, 'curl trusts the certificate');
  check(await curl('--insecure', '--fail', style) === 0, 'curl --insecure');
  check(await curl('--cacert', path.join(world.state, 'callback.pem'), '--fail', style) === 0, 'curl --cacert');
  check(await curl('--insecure', '--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0', style) === 35, 'TLS 1.1 is spoken');
  check(await curl('--insecure', '--fail', `https://localhost:${port}/v1/accounts`) === 22, 'the API is served');
  check(running.code === undefined, `the login has ended: ${running.err}`);
  running.child.kill('SIGTERM');
  await until('the command has ended', 5000, () => running.code !== undefined);
});
