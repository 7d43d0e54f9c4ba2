// One daemon with three accounts, its providers, its callers, and its faults.
import fs from 'node:fs';
import path from 'node:path';
import { World, check, freePort, request, sleep, until } from '../peers/world.mjs';
import { Disk } from './disk.mjs';
import { Proxy } from './proxy.mjs';
import { Shim } from './shim.mjs';
import { PROMPT, Truth, now } from './truth.mjs';

/** The lifetime of an access token in seconds. */
const LIFETIME = 10;
const EAI_AGAIN = -3;
const HOUR = 3_600_000;

/** Faults of the daemon and its environment, with their frequency. Each is a method of Lane. */
const EVENTS = {
  'kill -9': 6,
  'terminated': 2,
  'stopped': 4,
  'disk full': 3,
  'read-only folder': 2,
  'I/O error': 4,
  'killed with a bad disk': 2,
  'wall clock set': 5,
  'no DNS': 3,
  'another certificate': 3,
  'connections are reset': 3,
  'provider down': 3,
  'config read again': 1,
  'store locked': 1,
};
/** Only in a longer campaign. */
const LONG_EVENTS = { ...EVENTS, 'provider down for a while': 1 };

export class Lane {
  constructor(name, chance, library, certs) {
    Object.assign(this, { name, chance, library, certs, truth: new Truth(name), over: false, turn: Promise.resolve() });
  }

  async open() {
    const world = this.world = new World();
    this.disk = new Disk(world.state);
    this.shim = new Shim(this.library, world.file('orders', ''));
    const secret = world.file('practice-client', 'practice-secret');
    const sandbox = (...flags) => world.sandbox(['--client-id', 'practice', '--client-secret-file', secret, '--rate-limit', 'off',
      '--access-lifetime', `${LIFETIME}s`, ...flags]);
    const port = await freePort();
    const [grace, strict, peer] = await Promise.all([
      sandbox('--reuse-grace', '30s'),
      sandbox(),
      world.oidcProvider({ REDIRECT_URIS: `http://127.0.0.1:${port}/callback/peer`, ACCESS_TTL: String(LIFETIME), REFRESH_TTL: '86400' },
        { ttl: { AccessToken: LIFETIME, RefreshToken: 86_400, AuthorizationCode: 30, IdToken: 300, Interaction: 300, Session: 86_400, Grant: 86_400 } }),
    ]);
    this.proxies = Object.entries({ grace, strict, peer }).map(([account, { url }]) =>
      new Proxy({ account, upstream: url, certs: this.certs, truth: this.truth, chance: this.chance.of(`${this.name} ${account}`) }));
    for (const proxy of this.proxies) await proxy.open();
    world.config(this.config(port, secret, { grace, strict, peer }));
    await this.start();
    for (const { account } of this.proxies) await this.logIn(account);
  }

  config(port, secret, { grace, strict, peer }) {
    const tokens = (account, route) => `token_url = "https://${account}.provider.test:${this.proxies.find((p) => p.account === account).port}${route}"
roots = "none"
ca_file = "${this.certs.ca}"`;
    const practice = (account, { url }) => `[providers.${account}]
preset = "phonecom"
authorize_url = "${url}/v4/oauth/authorization"
${tokens(account, '/v4/oauth/access-token')}
[accounts.${account}]
provider = "${account}"
client_id = "practice"
client_secret_file = "${secret}"
scope = ["account-owner"]
redirect_uri = "http://127.0.0.1:${port}/callback/${account}"
`;
    return `[listen]
tcp = ["127.0.0.1:${port}"]
${practice('grace', grace)}${practice('strict', strict)}[providers.peer]
preset = "generic"
authorize_url = "${peer.url}/auth"
client_auth = "none"
${tokens('peer', '/token')}
[accounts.peer]
provider = "peer"
client_id = "public"
scope = ["openid", "offline_access"]
redirect_uri = "http://127.0.0.1:${port}/callback/peer"
extra_authorize = { prompt = "consent" }
`;
  }

  async start() {
    this.truth.life += 1;
    const started = this.truth.begin('starting');
    this.daemon = await this.world.daemon({ env: this.shim.env });
    const damaged = fs.readdirSync(this.disk.accounts).filter((name) => name.includes('damaged'));
    if (damaged.length) this.truth.violated(`a start found unreadable files: ${damaged}`);
    this.truth.add('starts');
    started();
  }

  /** A login by plain requests, without faults. */
  async logIn(account) {
    const end = this.truth.begin('login', account);
    const stormy = this.proxies.map((proxy) => [proxy, proxy.stormy]);
    for (const proxy of this.proxies) proxy.stormy = false;
    for (let left = 3; ; left -= 1) {
      const { code, cli, page } = await this.world.tryLoginByForm(account);
      if (code === 0) break;
      check(left > 1, `login of ${account}: exit code ${code}, ${cli.err.slice(-300)} ${page.text.slice(0, 200)}`);
    }
    this.truth.loggedIn(account);
    for (const [proxy, was] of stormy) proxy.stormy = was;
    end();
  }

  /** Faults of the daemon happen one at a time. */
  exclusively(work) {
    this.turn = this.turn.then(work);
    return this.turn;
  }

  async run(minutes) {
    this.end = now() + minutes * 60_000;
    for (const proxy of this.proxies) proxy.stormy = true;
    await Promise.all([this.happenings(), this.logins(), ...['socket', 'tcp', 'socket'].map((way, n) => this.caller(way, this.chance.of(`${this.name} caller ${n}`)))]);
    await this.becomeCalm();
  }

  // --- faults -------------------------------------------------------------------------------------------------------

  async happenings() {
    const chance = this.chance.of(`${this.name} happenings`);
    while (now() < this.end) {
      await sleep(chance.between(200, 1800));
      const event = chance.weighted(this.end - now() > 5 * 60_000 ? LONG_EVENTS : EVENTS);
      await this.exclusively(() => this.happen(event, chance));
    }
    this.over = true;
  }

  async happen(event, chance) {
    const { truth } = this;
    truth.step(`it happens: ${event}`);
    switch (event) {
      case 'kill -9': truth.add('fault: kill -9'); return this.restart('SIGKILL', chance);
      case 'terminated': truth.add('fault: terminated'); return this.restart('SIGTERM', chance);
      case 'stopped': return this.stopped(chance);
      case 'wall clock set': return this.setClock(chance);
      case 'disk full': case 'read-only folder': case 'I/O error': return this.badDisk(event, chance);
      case 'killed with a bad disk': return this.badDisk(chance.pick(['disk full', 'read-only folder', 'I/O error']), chance, true);
      case 'no DNS': return this.noNames(chance);
      case 'config read again': truth.add(`fault: ${event}`); return void this.daemon.child.kill('SIGHUP');
      case 'store locked': return this.locked(chance);
      case 'provider down': return this.down(event, chance.between(1000, 8000), chance);
      case 'provider down for a while': return this.down(event, chance.between(60_000, 150_000), chance);
      default: return this.badConnections(event, chance);
    }
  }

  async restart(signal, chance, before = () => {}) {
    const down = this.truth.begin('killed');
    const asked = now();
    this.daemon.child.kill(signal);
    await new Promise((done) => (this.daemon.child.exitCode === null && this.daemon.child.signalCode === null ? this.daemon.child.once('exit', done) : done()));
    if (now() - asked > PROMPT + this.lag()) this.truth.violated(`${signal}: it took ${((now() - asked) / 1000).toFixed(1)} s to end`);
    await this.daemon.exit;
    if (signal === 'SIGKILL') this.truth.killed();
    else if (this.daemon.code !== 0) this.truth.violated(`SIGTERM: the daemon ended with ${this.daemon.code}`);
    await sleep(chance.between(0, 1000));
    before();
    await this.start();
    down();
  }

  async stopped(chance) {
    this.truth.add('fault: stopped');
    const end = this.truth.begin('stopped');
    this.daemon.child.kill('SIGSTOP');
    await sleep(chance.between(200, 5000));
    this.daemon.child.kill('SIGCONT');
    end();
  }

  async setClock(chance) {
    const { truth } = this;
    // The clock is never far off for long, since certificates expire.
    const far = Math.abs(truth.skew) > 48 * HOUR;
    const by = far ? -truth.skew : Math.round(chance.pick([-1, 1]) * chance.pick([5000, 60_000, HOUR, 5 * HOUR]) * chance.between(0.5, 2));
    truth.add('fault: wall clock set');
    truth.jumped(by);
    this.shim.order('wall_ms', truth.skew);
  }

  async badDisk(kind, chance, killed = false) {
    const { truth, disk, shim } = this;
    const ways = {
      'disk full': { can: disk.mounted, on: () => (disk.fill(), true), off: () => disk.empty() },
      'read-only folder': { can: disk.bound, on: () => disk.readOnly(true), off: () => disk.readOnly(false) },
      'I/O error': (() => {
        const call = chance.pick(['write', 'sync', 'read']);
        return { can: true, on: () => (shim.order(call, 1), true), off: () => shim.order(call, 0) };
      })(),
    }[kind];
    if (!ways.can || !ways.on()) return;
    truth.add(`fault: ${kind}`);
    const end = truth.begin('disk');
    await sleep(chance.between(500, 5000));
    const mended = () => { ways.off(); end(); };
    if (!killed) return mended();
    truth.add('fault: killed with a bad disk');
    await this.restart('SIGKILL', chance, mended);
  }

  async locked(chance) {
    const end = this.truth.begin('locked');
    const reply = await this.ask('socket', '/v1/lock', 'POST').catch(() => undefined);
    await sleep(chance.between(200, 3000));
    const opened = await this.ask('socket', '/v1/unlock', 'POST').catch(() => undefined);
    if (opened?.status !== 200) this.truth.violated(`unlock: ${opened?.status} ${opened?.text}`);
    // A store with uncommitted tokens can't be locked and stays open.
    if (reply?.status === 200) this.truth.add('fault: store locked');
    end();
  }

  async noNames(chance) {
    const before = this.shim.met;
    const end = this.truth.begin('unreachable');
    this.shim.order('dns', EAI_AGAIN);
    await sleep(chance.between(1000, 6000));
    this.shim.order('dns', 0);
    if (this.shim.met > before) this.truth.add('fault: no DNS');
    this.truth.add('attempts that met one', this.shim.met - before);
    end();
  }

  async badConnections(kind, chance) {
    const end = this.truth.begin('unreachable');
    for (const proxy of this.proxies) Object.assign(proxy, { broken: kind, met: 0 });
    await sleep(chance.between(1000, 6000));
    const met = this.proxies.reduce((sum, proxy) => sum + proxy.met, 0);
    for (const proxy of this.proxies) proxy.broken = undefined;
    if (met) this.truth.add(`fault: ${kind}`);
    this.truth.add('attempts that met one', met);
    end();
  }

  async down(event, ms, chance) {
    this.truth.add(`fault: ${event}`);
    const proxy = chance.pick(this.proxies);
    const end = this.truth.begin('down', proxy.account);
    await proxy.close();
    await sleep(Math.min(ms, Math.max(1000, this.end - now())));
    await proxy.open();
    end();
  }

  // --- callers ----------------------------------------------------------------------------------------------------------

  async caller(way, chance) {
    while (!this.over) {
      await sleep(chance.between(20, 400));
      const { account } = chance.pick(this.proxies);
      await this.fetch(way, account, chance.pick([0, 0, 1, 3]), chance.happens(0.2) ? 4 : undefined);
    }
  }

  /** Sends one token request and checks the reply. */
  async fetch(way, account, wait, minTtl) {
    const { truth } = this;
    const from = now();
    let reply;
    try {
      reply = await this.ask(way, `/v1/accounts/${account}/token?wait=${wait}${minTtl ? `&min_ttl=${minTtl}` : ''}`);
    } catch (error) {
      // No answer is expected while the daemon is down.
      if (!truth.was(['killed', 'starting', 'stopped'], from - 100, now() + 100)) truth.violated(`${account}: no answer: ${error.message}`);
      truth.add('unanswered');
      return undefined;
    }
    const to = now();
    truth.add('requests');
    truth.waited(account, wait, from, to, this.lag());
    const body = reply.json();
    if (reply.status === 200) truth.served(account, body.access_token, from, body.expires_in);
    else truth.refused(account, body, from, to);
    return reply;
  }

  ask(way, target, method = 'GET') {
    const { daemon } = this;
    if (way === 'tcp') return request(`${daemon.url}${target}`, { method, headers: daemon.authorization });
    return request(`http://localhost${target}`, { method, socketPath: daemon.socket });
  }

  account(name) {
    return this.ask('socket', `/v1/accounts/${name}`).then((reply) => reply.json(), () => undefined);
  }

  /** Logs in again where that is needed, and checks that there is a reason for it. */
  async logins() {
    while (!this.over) {
      await sleep(700);
      for (const { account } of this.proxies) {
        if ((await this.account(account))?.state === 'needs_login') await this.exclusively(() => this.logInAgain(account));
      }
    }
  }

  async logInAgain(account) {
    const found = await this.account(account);
    if (found?.state !== 'needs_login') return;
    const why = this.truth.whyLost(account);
    if (!why) this.truth.violated(`${account} needs a login, although no reply was lost: ${found.reason}`);
    this.truth.add(`login needed at ${account}: ${why}`);
    this.truth.step(`${account}: login, since ${why}: ${found.reason}`);
    await this.logIn(account);
  }

  // --- the end ----------------------------------------------------------------------------------------------------------

  /** Without faults everything must recover by itself. */
  async becomeCalm() {
    await this.turn;
    this.truth.step('calm');
    for (const proxy of this.proxies) proxy.stormy = false;
    this.truth.jumped(-this.truth.skew);
    this.shim.order('wall_ms', 0);
    await this.allServed();
    await this.restart('SIGTERM', this.chance);
    await this.allServed();
    for (const { account } of this.proxies) {
      this.truth.judgeReplays(account);
      this.truth.add(`tokens issued at ${account}`, this.truth.account(account).tokens.size);
    }
  }

  async allServed() {
    for (const { account } of this.proxies) {
      await until(`${account} has a token again`, 120_000, async () => {
        const found = await this.account(account);
        if (found?.state === 'needs_login') await this.logInAgain(account);
        return (await this.fetch('socket', account, 3))?.status === 200;
      }).catch((error) => this.truth.violated(error.message));
    }
  }

  async close() {
    this.over = true;
    for (const proxy of this.proxies ?? []) if (proxy.server?.listening) await proxy.close();
    const logs = this.world.children.map((child) => child.err).join('\n');
    if (logs.includes('panicked at')) this.truth.violated(`the daemon panicked: ${/panicked at.*/.exec(logs)[0]}`);
    if (process.env.LOGS) fs.writeFileSync(path.join(process.env.LOGS, `${this.name}.log`), logs);
    this.disk?.close();
    await this.world.close();
  }
}
