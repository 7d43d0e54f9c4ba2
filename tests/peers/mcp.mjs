// MCP servers behind the daemon's proxy, and clients of theirs that know no OAuth: FastMCP's and the Python SDK's, the
// Inspector's command line, and mcp-remote.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { PEERS, check, ended, freePort, request, sleep, until } from './world.mjs';

export const PYTHON = path.join(PEERS, '.venv/bin/python');
/** The npm packages of tests/peers/mcp, with a Node.js of their own: they need 22. */
export const PACKAGES = path.join(PEERS, 'mcp/node_modules');
export const NODE = path.join(PACKAGES, `node-linux-${process.arch}/bin/node`);
/** How long a whole exchange may take on a busy machine, in milliseconds. */
const PATIENCE = 60_000;

/** An MCP server whose tokens live for so many seconds, and a daemon with an account for it. */
export async function notes(world, lifetime) {
  const [port, own] = [await freePort(), await freePort()];
  const server = world.start(PYTHON, [path.join(PEERS, 'mcp_server.py'), String(port), String(lifetime)]);
  const counts = async () => (await request(`http://127.0.0.1:${port}/counts`)).json();
  await until('the MCP server listens', 40_000, () => {
    check(server.code === undefined, `the server ended with ${server.code}: ${server.err.slice(-500)}`);
    return counts().catch(() => false);
  });
  world.config(`[listen]\ntcp = ["127.0.0.1:${own}"]\n`);
  const daemon = await world.daemon();
  const added = await world.ringback(['mcp', 'add', 'notes', `http://127.0.0.1:${port}/mcp`]);
  check(added.code === 0, `ringback mcp add: exit ${added.code}: ${added.err}`);
  return { daemon, counts, forget: () => request(`http://127.0.0.1:${port}/forget`) };
}

/** A login whose page needs no answer. */
export async function logIn(world) {
  const { running, url } = await world.beginLogin('notes');
  const jar = world.file('cookies', '');
  const done = await world.run('curl', ['-sL', '--max-time', '20', '-c', jar, '-b', jar, url]);
  const code = await ended(running, 15_000);
  check(code === 0, `ringback login: exit ${code}: ${running.err} ${done.out.slice(0, 300)}`);
}

/** The config that a client has, with URL and key, and files with the key alone and with its header line. */
export async function keyOf(world, client) {
  const config = world.file(`${client}.json`, '{}');
  const made = await world.ringback(['mcp', 'config', client, 'notes', '--write', '--file', config]);
  check(made.code === 0, `ringback mcp config: exit ${made.code}: ${made.err}`);
  const { url, headers: { Authorization } } = JSON.parse(fs.readFileSync(config, 'utf8')).mcpServers.notes;
  const key = world.file(`${client}.key`, Authorization.slice('Bearer '.length));
  return { config, url, key, headers: world.file(`${client}.headers`, `Authorization: ${Authorization}\n`) };
}

/** What a client has to report that did everything. */
export function checkReport(name, report) {
  check(!report.error && report.calls > 0 && report.sum === 5, `${name}: ${JSON.stringify(report)}`);
  check(!report.tools || report.tools.join() === 'add,count,saw', `${name}: tools: ${report.tools}`);
  check(!report.progress || report.progress.join() === '1,2,3', `${name}: progress events: ${report.progress}`);
}

/** A client in Python, `fastmcp` or `mcp`, for so many seconds. */
export async function python(world, library, { url, key }, seconds) {
  const done = await world.run(PYTHON, [path.join(PEERS, 'mcp_client.py'), library, url, key, String(seconds)], { limit: seconds * 1000 + PATIENCE });
  check(done.code === 0, `${library}: exit ${done.code}: ${done.err.slice(-500)}`);
  return JSON.parse(done.out);
}

/** The Inspector's command line, which reads the config that `ringback mcp config claude-code` writes. */
export function inspector(world, { config }, method, args = [], seconds = 0) {
  const all = ['--cli', '--config', config, '--server', 'notes', '--format', 'json', '--method', method, ...args];
  const options = { env: { MCP_INSPECTOR_SECRET_STORE: 'memory' }, limit: seconds * 1000 + PATIENCE };
  return world.run(NODE, [path.join(PACKAGES, '.bin/mcp-inspector'), ...all], options);
}

/** What it prints of a result, which has to be there. */
export function inspected({ code, out, err }) {
  check(code === 0, `the Inspector: exit ${code}: ${err.slice(-500)}`);
  return JSON.parse(out).result;
}

/** mcp-remote: a program that speaks MCP over its standard input and output. It gets the key from a file. */
export class McpRemote {
  constructor(world, { url, headers }) {
    const args = [path.join(PACKAGES, '.bin/mcp-remote'), url, '--header-file', headers];
    this.running = world.start(NODE, args, { open: true });
    this.replies = new Map();
    this.asked = 0;
    this.onProgress = () => {};
    readline.createInterface({ input: this.running.child.stdout }).on('line', (line) => this.#heard(JSON.parse(line)));
  }

  #heard(message) {
    if (message.method === 'notifications/progress') this.onProgress(message.params);
    this.replies.get(message.id)?.(message);
  }

  #send(message) {
    this.running.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  /** The result of a request. Fails with the server's message, or with what the program said before it ended. */
  async ask(method, params = {}) {
    const id = ++this.asked;
    const answer = new Promise((done) => { this.replies.set(id, done); });
    this.#send({ id, method, params });
    const over = this.running.exit.then((code) => ({ error: { message: `exit ${code}: ${this.running.err}` } }));
    const { result, error } = await Promise.race([answer, over]);
    this.replies.delete(id);
    check(!error, error?.message);
    return result;
  }

  call(name, args, meta) {
    return this.ask('tools/call', { name, arguments: args, ...(meta && { _meta: meta }) });
  }

  async begin() {
    await this.ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'tests', version: '1' } });
    this.#send({ method: 'notifications/initialized' });
  }

  /** Ends it, as a client does that closes. */
  end() {
    this.running.child.stdin.end();
  }
}

/** What mcp_client.py does, with mcp-remote. */
export async function remote(world, at, seconds) {
  const report = { calls: 0 };
  const program = new McpRemote(world, at);
  try {
    await program.begin();
    report.tools = (await program.ask('tools/list')).tools.map(({ name }) => name).sort();
    report.progress = [];
    // The server goes on only when it is told that an event has arrived.
    program.onProgress = ({ progress }) => {
      report.progress.push(progress);
      program.call('saw', { paced: 'remote' }).catch((error) => { report.error = String(error.message); });
    };
    await program.call('count', { to: 3, paced: 'remote' }, { progressToken: 'count' });
    const until = Date.now() + seconds * 1000;
    do {
      const { content: [{ text }] } = await program.call('add', { a: 2, b: 3 });
      report.sum = Number(text);
      report.calls += 1;
      await sleep(250);
    } while (Date.now() < until);
  } catch (error) {
    report.error = String(error.message);
  }
  program.end();
  return report;
}
