// The world of a journey: a temporary folder, free ports, and processes, all of which are cleaned up.
//
// `journey(name, body, limit)` prints one TAP-like line, `ok - NAME` or `not ok - NAME: why`. Everything that a body
// starts through its world is stopped and deleted afterwards in any case.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { visit } from './browser.mjs';
import { cookiesSet, request, submitConsent } from './plain-http.mjs';

export { cookiesSet, request, submitConsent };
export const PEERS = path.dirname(fileURLToPath(import.meta.url));
export const RINGBACK = path.resolve(process.env.RINGBACK_BIN ?? path.join(PEERS, '../../target/debug/ringback'));

const SAID_SO = 10; // the exit code after a "not ok" line; tests/run knows it too

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The result of `promise`, or of `late()` if that takes longer than `ms`. Leaves no timer behind. */
async function within(promise, ms, late) {
  let timer;
  const deadline = new Promise((done) => { timer = setTimeout(done, ms); }).then(late);
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** The current cost of a process: memory in KiB, CPU time in milliseconds, threads, open files. */
export function costs(pid) {
  const status = Object.fromEntries(fs.readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').map((line) => line.split(/:\s+/)));
  // utime and stime, in hundredths of a second; the process name before them may contain spaces.
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  const ran = (Number(stat[11]) + Number(stat[12])) * 10;
  return { rss: parseInt(status.VmRSS, 10), ran, threads: Number(status.Threads), fds: fs.readdirSync(`/proc/${pid}/fd`).length };
}

/** Fails the journey with `why` unless `fact` holds. */
export function check(fact, why) {
  if (!fact) throw new Error(why);
}

/** Polls `probe` until it returns something truthy, for at most `ms`. */
export async function until(what, ms, probe) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(25);
  }
}

/** The path of a screenshot below $SCREENSHOTS, if that is set. */
export const screenshot = (name) => process.env.SCREENSHOTS && path.join(process.env.SCREENSHOTS, `${name}.png`);

const FIRST_PORT = 20_000;
const PORTS = 12_000;
let nextPort = crypto.randomInt(PORTS);

/**
 * A port that nothing listens on, outside the kernel's ephemeral range (32768 and up): nothing else takes it before a
 * daemon listens on it, or while that daemon is down.
 */
export async function freePort() {
  for (let tries = 0; tries < PORTS; tries += 1) {
    const port = FIRST_PORT + (nextPort++ % PORTS);
    const server = net.createServer();
    const free = await new Promise((done) => {
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => done(true));
    });
    if (free) {
      await new Promise((done) => server.close(done));
      return port;
    }
  }
  throw new Error('no free port');
}

export class World {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ringback-peer-'));
    this.children = [];
    const folder = (name) => {
      const made = path.join(this.dir, name);
      fs.mkdirSync(made, { mode: 0o700 });
      return made;
    };
    // A minimal environment, so that this user's daemon, keyring and browser can't be used by accident.
    this.env = {
      PATH: process.env.PATH,
      HOME: folder('home'),
      XDG_CONFIG_HOME: folder('config'),
      XDG_STATE_HOME: folder('state'),
      XDG_RUNTIME_DIR: folder('run'),
      XDG_DATA_HOME: folder('data'),
      XDG_CACHE_HOME: folder('cache'),
      BROWSER: '/bin/false',
      LANG: 'C.UTF-8',
      ...(process.env.TESTS_RUN_MARK && { TESTS_RUN_MARK: process.env.TESTS_RUN_MARK }),
    };
    this.state = path.join(this.env.XDG_STATE_HOME, 'ringback');
  }

  /** Writes a private file into this world and returns its path. */
  file(name, text) {
    const where = path.join(this.dir, name);
    fs.mkdirSync(path.dirname(where), { recursive: true, mode: 0o700 });
    fs.writeFileSync(where, text, { mode: 0o600 });
    return where;
  }

  config(text) {
    return this.file('config/ringback/config.toml', text);
  }

  /**
   * Starts a long-running program. `out` and `err` grow while it runs; `exit` resolves to its exit code or signal. Its
   * standard input has `input` alone, or stays `open`.
   */
  start(command, args = [], { env = {}, input, open = false } = {}) {
    check(!this.closed, 'this journey is over');
    const child = spawn(command, args, { env: { ...this.env, ...env }, cwd: this.dir, stdio: ['pipe', 'pipe', 'pipe'] });
    const running = { name: [path.basename(command), ...args.slice(0, 2)].join(' '), child, out: '', err: '', code: undefined };
    child.stdout.on('data', (d) => { running.out += d; });
    child.stderr.on('data', (d) => { running.err += d; });
    child.stdin.on('error', () => {}); // it exited before it read everything
    if (!open) child.stdin.end(input);
    running.exit = new Promise((done) => {
      const over = (code) => {
        running.code ??= code;
        child.stdout.destroy();
        child.stderr.destroy();
        done(running.code);
      };
      child.on('error', (e) => { running.err += String(e); over(127); });
      child.on('close', (code, signal) => over(code ?? signal));
      // A leftover child may keep its output open: read what is there without waiting.
      child.on('exit', (code, signal) => setTimeout(over, 300, code ?? signal).unref());
    });
    this.children.push(running);
    return running;
  }

  /** Runs a program to its end. */
  async run(command, args = [], { limit = 20_000, ...options } = {}) {
    const running = this.start(command, args, options);
    const timer = setTimeout(() => running.child.kill('SIGKILL'), limit);
    await running.exit;
    clearTimeout(timer);
    return running;
  }

  ringback(args, options) {
    return this.run(RINGBACK, args, options);
  }

  /** Starts `ringback serve` and waits until its endpoint file names this process and /healthz answers. */
  async daemon({ env = {} } = {}) {
    const running = this.start(RINGBACK, ['serve'], { env: { NO_COLOR: '1', ...env } });
    const folder = path.join(this.env.XDG_RUNTIME_DIR, 'ringback');
    await until('the daemon is ready', 10_000, async () => {
      check(running.code === undefined, `ringback serve ended with ${running.code}: ${running.err.slice(-500)}`);
      try {
        const found = JSON.parse(fs.readFileSync(path.join(folder, 'endpoint.json'), 'utf8'));
        if (found.pid !== running.child.pid) return false; // left behind by a killed daemon
        Object.assign(running, { url: found.url.replace(/\/$/, ''), keyFile: found.key_file, socket: found.socket });
        return (await request(`${running.url}/healthz`)).status === 200;
      } catch {
        return false;
      }
    });
    running.key = fs.readFileSync(running.keyFile, 'utf8').trim();
    running.authorization = { authorization: `Bearer ${running.key}` };
    return running;
  }

  /** Starts a server of this folder and waits until it is ready. `journal()` reads its journal. */
  async peer(script, env) {
    const running = this.start(process.execPath, [path.join(PEERS, script)], { env });
    await until(`${script} is ready`, 15_000, () => {
      check(running.code === undefined, `${script} ended with ${running.code}: ${running.err.slice(-500)}`);
      return running.out.includes('\n');
    });
    running.url = JSON.parse(running.out.split('\n')[0]).issuer;
    running.journal = async (event) => (await request(`${running.url}/journal`)).json().filter((e) => !event || e.event === event);
    return running;
  }

  /** Starts npm oidc-provider; `settings` are merged over its configuration. */
  oidcProvider(env, settings = {}) {
    return this.peer('oidc-provider.mjs', { SETTINGS: JSON.stringify(settings), ...env });
  }

  /** Starts `ringback sandbox` on a free port and waits until it is ready. */
  async sandbox(flags = []) {
    const port = await freePort();
    const running = this.start(RINGBACK, ['sandbox', '--port', String(port), ...flags]);
    running.url = `http://127.0.0.1:${port}`;
    await until('the sandbox is ready', 10_000, async () => {
      check(running.code === undefined, `ringback sandbox ended with ${running.code}: ${running.err.slice(-500)}`);
      return request(`${running.url}/v4/ping`).then(() => true, () => false);
    });
    return running;
  }

  /** Starts `ringback login ACCOUNT --no-browser` and waits for the one-time URL that it prints. */
  async beginLogin(account) {
    const running = this.start(RINGBACK, ['login', account, '--no-browser']);
    const found = await until('the start URL', 10_000, () => {
      check(running.code === undefined, `ringback login ended with ${running.code}: ${running.err.slice(-500)}`);
      return /^(http:\/\/\S+)$/m.exec(running.err);
    });
    return { running, url: found[1] };
  }

  /** A complete login with Chromium; returns the last page and the command's exit code. */
  async loginWithChromium(account, decision = 'allow') {
    const { running, url } = await this.beginLogin(account);
    const page = await visit(url, { decision, screenshot: screenshot(`${account}-${decision}`) });
    return { page, code: await ended(running, 15_000), cli: running };
  }

  /** The same by plain requests, for journeys that do not test the browser. */
  async loginByForm(account) {
    const { page, code, cli } = await this.tryLoginByForm(account);
    check(code === 0, `login by form: exit code ${code}, page: ${page.text.slice(0, 200)}, stderr: ${cli.err}`);
  }

  /** The same, whether or not it succeeds. */
  async tryLoginByForm(account) {
    const { running, url } = await this.beginLogin(account);
    const page = await submitConsent(url);
    return { page, code: await ended(running, 15_000), cli: running };
  }

  /** The output of `ringback token`, which must succeed. */
  async token(...args) {
    const done = await this.ringback(['token', ...args]);
    check(done.code === 0 && /^\S+\n$/.test(done.out), `ringback token ${args.join(' ')}: exit ${done.code}: ${done.err}`);
    return done.out.trim();
  }

  /** Whether `bytes` are in clear text anywhere below the state folder. */
  onDisk(bytes) {
    return fs.readdirSync(this.state, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .some((entry) => fs.readFileSync(path.join(entry.parentPath ?? entry.path, entry.name)).includes(bytes));
  }

  /** Files and folders of the state folder that other users could open. */
  looseFiles() {
    return [this.state, ...fs.readdirSync(this.state, { recursive: true }).map((name) => path.join(this.state, name))]
      .filter((file) => fs.lstatSync(file).mode & 0o077);
  }

  async close() {
    this.closed = true;
    for (const { child, code } of this.children) if (code === undefined) child.kill('SIGTERM');
    await within(Promise.all(this.children.map((c) => c.exit)), 3000, () => {
      for (const { child, code } of this.children) if (code === undefined) child.kill('SIGKILL');
    });
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Fails if the daemon wrote one of its secrets to its log. */
export function checkLog(daemon, secrets) {
  check(!secrets.some((s) => daemon.err.includes(s) || daemon.out.includes(s)), "a secret is in the daemon's log");
}

/** The fingerprint that a journal contains instead of a secret. */
export const fingerprint = (secret) => crypto.createHash('sha256').update(secret).digest('base64url').slice(0, 12);

/** Fails if anything whose fingerprint is in a journal is in the daemon's log: tokens, codes, `more`. */
export function checkLogAgainst(journal, daemon, more = []) {
  checkLog(daemon, [daemon.key, ...more]);
  const secrets = new Set(journal.flatMap((e) => [e.used, e.access_token, e.refresh_token, e.token]).filter(Boolean));
  check(secrets.size > 0, 'the journal has no fingerprint to look for');
  const words = `${daemon.out}\n${daemon.err}`.match(/[\w.~+/-]{16,}/g) ?? [];
  check(!words.some((word) => secrets.has(fingerprint(word))), "a secret is in the daemon's log");
}

/** The exit code of a program that should exit by itself soon. */
export async function ended(running, ms) {
  return within(running.exit, ms, () => { throw new Error(`${running.name} still runs after ${ms} ms: ${running.err.slice(-300)}`); });
}

/** The config of an account "work" at an oidc-provider; `port` is the daemon's. */
export function oidcConfig(issuer, port) {
  return `default_account = "work"
[listen]
tcp = ["127.0.0.1:${port}"]
[providers.peer]
preset = "generic"
authorize_url = "${issuer}/auth"
token_url = "${issuer}/token"
revoke_url = "${issuer}/token/revocation"
client_auth = "none"
[accounts.work]
provider = "peer"
client_id = "public"
scope = ["openid", "offline_access"]
redirect_uri = "http://127.0.0.1:${port}/callback/peer"
extra_authorize = { prompt = "consent" }
`;
}

/** A daemon with the account "work" at the provider "peer"; `provider` and `account` are the lines of their sections. */
export async function work(world, provider, account, more = '') {
  const port = await freePort();
  world.config(`[listen]
tcp = ["127.0.0.1:${port}"]
[providers.peer]
${provider}
[accounts.work]
provider = "peer"
${account}
${more}`);
  return world.daemon();
}

/** A sandbox and a daemon with the account "practice" at it, signed out; `more` is added to the config. */
export function practice(world, flags = [], more = '') {
  return atSandbox(world, { flags, preferred: 'practice', accounts: (account) => account('practice', more) });
}

/**
 * A sandbox and a daemon with accounts at it, signed out: the text that `accounts` makes with `account(name, keys)`.
 * `preferred` is the default account; `more` is added to the provider.
 */
export async function atSandbox(world, { flags = [], preferred, more = '', accounts }) {
  const secret = world.file('practice-client', 'practice-secret');
  const sandbox = await world.sandbox(['--client-id', 'practice', '--client-secret-file', secret, ...flags]);
  const port = await freePort();
  const account = (name, keys = '') => `[accounts.${name}]
provider = "practice"
client_id = "practice"
client_secret_file = "${secret}"
scope = ["account-owner"]
redirect_uri = "http://127.0.0.1:${port}/callback/practice"
${keys}
`;
  world.config(`default_account = "${preferred}"
[listen]
tcp = ["127.0.0.1:${port}"]
[providers.practice]
preset = "phonecom"
authorize_url = "${sandbox.url}/v4/oauth/authorization"
token_url = "${sandbox.url}/v4/oauth/access-token"
${more}
${accounts(account)}`);
  return { sandbox, daemon: await world.daemon() };
}

/** Opens the status page in `context`, like a click on the printed URL. What its console reports is in `complaints`. */
export async function openStatusPage(world, context) {
  const opened = await world.ringback(['open', '--print']);
  check(opened.code === 0, `ringback open: ${opened.err}`);
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (m) => m.type() === 'error' && page.complaints.push(m.text()));
  page.on('pageerror', (e) => page.complaints.push(String(e)));
  await page.goto(opened.out.trim());
  return page;
}

/** Runs one journey in its own world and prints its line. */
export async function journey(name, body, limit = 120_000) {
  const world = new World();
  const stop = () => world.close().finally(() => process.exit(1));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const began = Date.now();
  try {
    await within(body(world), limit, () => { throw new Error(`not done within ${limit} ms`); });
    console.log(`ok - ${name} # ${((Date.now() - began) / 1000).toFixed(1)} s`);
  } catch (error) {
    process.exitCode = SAID_SO;
    console.log(`not ok - ${name}: ${String(error.message ?? error).replaceAll('\n', ' ')}`);
    for (const { name: who, code, err } of world.children) {
      const lines = err.trim().split('\n').filter((line) => line && !line.startsWith('oidc-provider WARNING'));
      if (code !== 0 || lines.length) console.log([`#   ${who} (${code ?? 'running'})`, ...lines.slice(-8)].join('\n#     '));
    }
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
    await world.close();
  }
}
