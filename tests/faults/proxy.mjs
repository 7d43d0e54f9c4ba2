// A TLS proxy between the daemon and a provider's token endpoint that forwards, cuts, delays or corrupts as told.
// It records what the provider really did.
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import zlib from 'node:zlib';
import { freePort, sleep } from '../peers/world.mjs';
import { now } from './truth.mjs';

/** Faults of one request, with their frequency. `reached`: the provider has processed the request by then. */
const WEATHER = {
  'passes': 50,
  'cut before the reply': 7,
  'cut during the reply': 5,
  'cut after the work': 5,
  'slow': 5,
  'later than the timeout': 1,
  '500': 3,
  '503 after the work': 2,
  '429': 5,
  'garbage': 4,
  'flawed': 6,
  'without an access token': 3,
  'captive portal, 200': 4,
  'captive portal, 302': 4,
};

const PORTAL = '<html><body><form action="/login">Welcome to the hotel. Accept the terms.</form></body></html>';

export class Proxy {
  /** `certs`: { good, bad }, each { key, cert }; `upstream`: the provider's origin; `hold`: longer than the daemon waits. */
  constructor({ account, upstream, certs, truth, chance, hold = 16_500 }) {
    Object.assign(this, { account, upstream, truth, chance, hold, port: 0, broken: undefined, met: 0, stormy: false });
    this.contexts = { good: tls.createSecureContext(certs.good), bad: tls.createSecureContext(certs.bad) };
    this.certs = certs;
    this.sockets = new Set();
  }

  async open() {
    // No session resumption, so that each handshake presents its certificate.
    const options = { ...this.certs.good, secureOptions: 0, SNICallback: (_, done) => done(null, this.context()), sessionTimeout: 1, ticketKeys: undefined };
    this.server = https.createServer(options, (req, res) => this.serve(req, res).catch((error) => {
      if (!req.socket.destroyed) this.truth.violated(`the proxy itself failed: ${error.stack}`);
    }));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
      if (this.broken === 'connections are reset') {
        this.met += 1;
        socket.resetAndDestroy();
      }
    });
    this.server.on('tlsClientError', () => {});
    // Nothing else takes it while the provider is down.
    this.port ||= await freePort();
    await new Promise((done, failed) => this.server.once('error', failed).listen(this.port, '127.0.0.1', done));
  }

  context() {
    if (this.broken !== 'another certificate') return this.contexts.good;
    this.met += 1;
    return this.contexts.bad;
  }

  async close() {
    const closed = new Promise((done) => this.server.close(done));
    this.cut();
    await closed;
  }

  /** Closes every open connection. */
  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  async serve(req, res) {
    const arrived = now();
    const parts = [];
    for await (const part of req) parts.push(part);
    const body = Buffer.concat(parts).toString();
    const asked = req.headers['content-type']?.startsWith('application/json') ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body));
    if (asked.grant_type !== 'refresh_token') return this.pass(req, res, body, asked, arrived);
    const fault = this.stormy ? this.chance.weighted(WEATHER) : 'passes';
    const landed = this.truth.sent(this.account, asked.refresh_token, fault);
    res.on('close', landed);
    this.truth.step(`${this.account}: refresh ${asked.refresh_token.slice(-4)}: ${fault}`);
    if (fault !== 'passes') this.truth.add(`fault: ${fault}`);
    return this.suffer(fault, req, res, body, asked, arrived);
  }

  async suffer(fault, req, res, body, asked, arrived) {
    const pass = (deliver) => this.pass(req, res, body, asked, arrived, deliver);
    const say = (status, headers, text) => res.writeHead(status, headers).end(text);
    const json = { 'content-type': 'application/json' };
    switch (fault) {
      case 'passes': return pass();
      case 'cut before the reply': return req.socket.destroy();
      case 'cut after the work': return pass(() => req.socket.destroy());
      case 'cut during the reply': return pass(({ status, headers, text }) => {
        res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) });
        // Cuts before the end of the refresh token: a complete one would not be lost.
        const end = Math.min(text.length / 2, text.indexOf('"refresh_token"') + 24);
        res.write(text.slice(0, end), () => req.socket.destroy());
      });
      case 'slow': await sleep(this.chance.between(500, 6000)); return pass();
      case 'later than the timeout': return pass(async () => { await sleep(this.hold); req.socket.destroy(); });
      case '500': return say(500, json, '{"error":"server_error"}');
      case '503 after the work': return pass(() => say(503, json, '{"error":"temporarily_unavailable"}'));
      case '429': return say(429, { ...json, 'retry-after': String(1 + Math.floor(this.chance.between(0, 3))) }, '{"error":"slow_down"}');
      case 'flawed': return pass((reply, rotation) => this.handOn(req, res, this.spoilt(reply), rotation));
      case 'without an access token': return pass(({ status, text }, rotation) => {
        const { access_token: _, ...rest } = JSON.parse(text);
        if (rotation) res.on('finish', () => { if (!req.socket.destroyed) rotation.arrived = true; });
        return say(status, json, JSON.stringify(rest));
      });
      case 'garbage': return say(200, json, '\u0000{"access_token": [1, {"');
      case 'captive portal, 200': return say(200, { 'content-type': 'text/html' }, PORTAL);
      case 'captive portal, 302': return say(302, { location: 'http://127.0.0.1:9/login' }, PORTAL);
      default: throw new Error(`no such fault: ${fault}`);
    }
  }

  /** Forwards the request and passes the reply on, unless `deliver` does something else with it. */
  async pass(req, res, body, asked, arrived, deliver) {
    if (req.socket.destroyed && asked.refresh_token) this.truth.cameLate(this.account, asked.refresh_token, arrived);
    const reply = await this.ask(req, body);
    const given = reply.status < 300 ? JSON.parse(reply.text) : undefined;
    const rotation = given && this.truth.issued(this.account, asked.refresh_token ?? '', given, arrived);
    if (!given) this.truth.step(`${this.account}: the provider says ${reply.status} ${reply.text.slice(0, 120)}`);
    if (deliver) return deliver(reply, rotation);
    return this.handOn(req, res, reply, rotation);
  }

  /** A flawed reply whose tokens are all usable. */
  spoilt({ status, headers, text }) {
    const { 'content-length': _, ...rest } = headers;
    if (status >= 300) return { status, headers: rest, text };
    const form = () => new URLSearchParams(JSON.parse(text)).toString();
    return this.chance.pick([
      () => ({ status, headers: { ...rest, 'content-type': 'text/html' }, text }),
      () => ({ status, headers: { ...rest, 'content-type': 'text/plain' }, text: form() }),
      () => ({ status, headers: rest, text: `\ufeff${text}` }),
      () => ({ status, headers: rest, text: `${text.slice(0, -1)},"token_type":"JWT","error":false}` }),
      () => ({ status, headers: rest, text: `{"name":"\\ud800",${text.slice(1)}` }),
      () => ({ status, headers: rest, text: Buffer.concat([Buffer.from('{"name":"Andr\xe9",', 'latin1'), Buffer.from(text.slice(1))]) }),
      () => ({ status, headers: { ...rest, 'content-encoding': 'gzip' }, text: zlib.gzipSync(text) }),
      () => ({ status, headers: rest, text: `${text.slice(0, -1)},"more":"cu` }),
    ])();
  }

  handOn(req, res, reply, rotation) {
    if (res.destroyed) return undefined;
    return new Promise((done) => {
      res.on('close', done);
      res.on('finish', () => {
        if (!rotation || req.socket.destroyed) return;
        rotation.arrived = true;
        this.truth.account(this.account).tokens.get(rotation.access).heard = now();
      });
      res.writeHead(reply.status, reply.headers).end(reply.text);
    });
  }

  ask(req, body) {
    const { host, ...headers } = req.headers;
    return new Promise((done, failed) => {
      const asking = http.request(`${this.upstream}${req.url}`, { method: req.method, headers, agent: false }, (reply) => {
        const parts = [];
        reply.on('data', (part) => parts.push(part));
        reply.on('error', failed);
        reply.on('end', () => {
          const { 'transfer-encoding': _, connection: __, 'keep-alive': ___, ...rest } = reply.headers;
          done({ status: reply.statusCode, headers: rest, text: Buffer.concat(parts).toString() });
        });
      });
      asking.on('error', failed);
      asking.end(body);
    });
  }
}
