// The MCP project's scenarios for servers, against the everything-server of its Python SDK: once directly, and once through
// the proxy. Every check has to end in the same way. mcp-conformance.sh runs this.
// EVERYTHING_SERVER: the folder with the server's package. The scenarios can send no key: a forwarder adds it.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atSandbox, check, freePort, journey, until } from './world.mjs';
import { NODE, PACKAGES, PYTHON } from './mcp.mjs';

/** Each revision's own list of scenarios. */
const REVISIONS = ['2025-11-25', '2026-07-28'];

/** Forwards to the daemon with a key, under the daemon's port: a foreign `Host` or `Origin` stays foreign. */
async function withKey(daemon, key) {
  const [port, own] = [await freePort(), new URL(daemon.url).port];
  const server = http.createServer((asked, reply) => {
    const renamed = Object.fromEntries(['host', 'origin'].filter((name) => asked.headers[name]).map((name) => [name, asked.headers[name].replace(`:${port}`, `:${own}`)]));
    const headers = { ...asked.headers, ...renamed, authorization: `Bearer ${key}` };
    const passed = http.request({ host: '127.0.0.1', port: own, method: asked.method, path: asked.url, headers, agent: false }, (answer) => {
      reply.writeHead(answer.statusCode, answer.headers).flushHeaders();
      answer.pipe(reply);
    });
    passed.on('error', () => reply.destroy());
    reply.on('close', () => passed.destroy());
    asked.pipe(passed);
  });
  await new Promise((done) => { server.listen(port, '127.0.0.1', done); });
  server.unref();
  return { url: `http://127.0.0.1:${port}`, close: () => { server.close(); server.closeAllConnections(); } };
}

/** How every check of a revision's scenarios ended: by scenario, a list of `check: STATUS`. What only informs is left out. */
async function results(world, url, revision) {
  const folder = path.join(world.dir, `results-${new URL(url).port}-${revision}`);
  await world.run(NODE, [path.join(PACKAGES, '.bin/conformance'), 'server', '--url', url, '--requirements', revision, '-o', folder], { limit: 100_000 });
  const scenarios = {};
  for (const name of fs.readdirSync(folder)) {
    const checks = JSON.parse(fs.readFileSync(path.join(folder, name, 'checks.json'), 'utf8'));
    scenarios[name.replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, '')] = checks.filter(({ status }) => status !== 'INFO').map(({ id, status, errorMessage = '' }) => ({ end: `${id}: ${status}`, errorMessage }));
  }
  return scenarios;
}

/** Fails unless every check ends through the proxy as it does without. */
async function compare(world, direct, proxied) {
  for (const revision of REVISIONS) {
    const [without, through] = [await results(world, direct, revision), await results(world, proxied, revision)];
    const names = Object.keys(without);
    check(names.length >= 30 && names.join() === Object.keys(through).join(), `${revision}: other scenarios: ${names} and ${Object.keys(through)}`);
    const ends = (checks) => checks.map(({ end }) => end).join();
    const different = names.filter((name) => ends(without[name]) !== ends(through[name]));
    check(different.length === 0, different.map((name) => `${revision} ${name}: ${ends(without[name])} | ${JSON.stringify(through[name])}`).join('; '));
    const passed = Object.values(through).flat().filter(({ end }) => end.endsWith('SUCCESS')).length;
    check(passed >= names.length, `${revision}: only ${passed} checks passed`);
    console.log(`# ${revision}: ${names.length} scenarios, ${passed} checks passed both ways`);
  }
}

await journey('conformance: servers score through the proxy as without it', async (world) => {
  const port = await freePort();
  const direct = `http://127.0.0.1:${port}/mcp`;
  const env = { PYTHONPATH: process.env.EVERYTHING_SERVER };
  const server = world.start(PYTHON, ['-m', 'mcp_everything_server', '--port', String(port), '--log-level', 'CRITICAL'], { env });
  await until('the everything-server listens', 40_000, () => {
    check(server.code === undefined, `the server ended with ${server.code}: ${server.err.slice(-500)}`);
    return fetch(direct).then(() => true, () => false);
  });
  const { daemon } = await atSandbox(world, {
    preferred: 'notes', accounts: (account) => account('notes', `proxy = { upstream = "${direct}" }`),
  });
  await world.loginByForm('notes');
  const added = await world.ringback(['app', 'add', 'runner', '--proxy', 'notes']);
  check(added.code === 0, `ringback app add: ${added.err}`);
  const { url, close } = await withKey(daemon, added.out.trim());
  try {
    await compare(world, direct, `${url}/proxy/notes`);
  } finally {
    close();
  }
}, 235_000);
