// MCP servers: FastMCP with its own OAuth, which rotates refresh tokens and refuses their reuse. Its clients are unmodified,
// know no OAuth, and reach it through the proxy.
import fs from 'node:fs';
import path from 'node:path';
import { PEERS, check, ended, freePort, journey, request, until } from '../world.mjs';

const PYTHON = path.join(PEERS, '.venv/bin/python');
const SECONDS = 25;

/** An MCP server whose tokens live for so many seconds, and a daemon with an account for it. */
async function notes(world, lifetime) {
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
async function logIn(world) {
  const { running, url } = await world.beginLogin('notes');
  const jar = world.file('cookies', '');
  const done = await world.run('curl', ['-sL', '--max-time', '20', '-c', jar, '-b', jar, url]);
  const code = await ended(running, 15_000);
  check(code === 0, `ringback login: exit ${code}: ${running.err} ${done.out.slice(0, 300)}`);
}

/** A file with the key that a client has in its config. */
async function keyOf(world, client) {
  const file = world.file(`${client}.json`, '{}');
  const made = await world.ringback(['mcp', 'config', client, 'notes', '--write', '--file', file]);
  check(made.code === 0, `ringback mcp config: exit ${made.code}: ${made.err}`);
  const entry = JSON.parse(fs.readFileSync(file, 'utf8')).mcpServers.notes;
  return { url: entry.url, key: world.file(`${client}.key`, entry.headers.Authorization.slice('Bearer '.length)) };
}

const client = async (world, library, { url, key }, seconds) => {
  const done = await world.run(PYTHON, [path.join(PEERS, 'mcp_client.py'), library, url, key, String(seconds)], { limit: (seconds + 60) * 1000 });
  check(done.code === 0, `${library}: exit ${done.code}: ${done.err.slice(-500)}`);
  return JSON.parse(done.out);
};

await journey('MCP: four clients at once share one login, and each token is refreshed once', async (world) => {
  const lifetime = 10;
  const { counts } = await notes(world, lifetime);
  await logIn(world);
  const [cursor, gemini] = [await keyOf(world, 'cursor'), await keyOf(world, 'claude-code')];
  const began = Date.now();
  const reports = await Promise.all([['fastmcp', cursor], ['fastmcp', gemini], ['mcp', cursor], ['mcp', gemini]].map(([library, at]) => client(world, library, at, SECONDS)));
  const periods = (Date.now() - began) / 1000 / (lifetime * 0.5);
  for (const report of reports) {
    check(!report.error && report.sum === 5 && report.tools.join() === 'add,count', JSON.stringify(report));
    check(!report.progress || report.progress.join() === '1,2,3', `progress events: ${report.progress}`);
  }
  const { 'code 200': logins, 'refresh 200': refreshes, ...others } = await counts();
  check(logins === 1 && Object.keys(others).length === 0, `token requests: ${JSON.stringify({ logins, others })}`);
  check(refreshes >= 2 && refreshes <= periods + 2, `${refreshes} refreshes`);
});

await journey('MCP: without a login, and at a server that forgot every token, clients are told which command logs in', async (world) => {
  const { forget } = await notes(world, 600);
  const at = await keyOf(world, 'cursor');
  for (const before of ['nobody has logged in yet', 'ringback login notes']) {
    for (const library of ['fastmcp', 'mcp']) {
      const report = await client(world, library, at, 1);
      check(report.calls === 0 && /ringback login notes/.test(report.error) && report.error.includes(before), `${library}: ${JSON.stringify(report)}`);
    }
    await logIn(world);
    const report = await client(world, 'mcp', at, 1);
    check(!report.error && report.sum === 5, JSON.stringify(report));
    await forget();
  }
});

await journey('MCP: a key for one tool calls that one, and a client of any other is told which rule is missing', async (world) => {
  const { counts } = await notes(world, 600);
  await logIn(world);
  const made = await world.ringback(['app', 'add', 'adder', '--proxy', 'notes', '--tool', 'add']);
  check(made.code === 0, `ringback app add: exit ${made.code}: ${made.err}`);
  const { url } = await keyOf(world, 'cursor');
  const at = { url, key: world.file('adder.key', made.out) };
  const allowed = await client(world, 'mcp', at, 1);
  check(!allowed.error && allowed.sum === 5 && allowed.tools.join() === 'add,count', JSON.stringify(allowed));
  // It calls `count` first.
  const refused = await client(world, 'fastmcp', at, 1);
  check(refused.calls === 0 && refused.error.includes("`--tool 'count'`"), JSON.stringify(refused));
  check((await counts())['code 200'] === 1, 'nobody logged in again');
});
