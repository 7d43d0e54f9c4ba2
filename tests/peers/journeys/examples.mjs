// The programs in examples/, unmodified: each without a daemon, without a login, with a token, and with an API that rejects
// its token once or for ever.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atSandbox, check, checkLog, journey, PEERS, request, sleep, until } from '../world.mjs';

const ROOT = path.join(PEERS, '../..');
// What tests/run compiles.
const BUILT = process.env.EXAMPLES ?? path.join(ROOT, 'target/examples');
const source = (name) => path.join(ROOT, 'examples', name);

/** How each is run. */
const EXAMPLES = {
  python: [process.env.PYTHON ?? path.join(PEERS, '.venv/bin/python'), source('call.py')],
  node: [process.execPath, source('call.mjs')],
  shell: ['sh', source('call.sh')],
  go: [path.join(BUILT, 'call-go')],
  rust: [path.join(BUILT, 'call-rust')],
  csharp: ['mono', path.join(BUILT, 'Call.exe')],
};
const NAMES = Object.keys(EXAMPLES);
// The daemon takes a token that is younger than this for none that a refresh would help.
const BRAND_NEW = 31_000;

/**
 * An API: takes the tokens of the practice provider, but at /once/NAME not the first one, and at /never/NAME none. `calls`
 * has the path and the token of each.
 */
async function startApi() {
  const calls = [];
  const server = http.createServer(async (asked, reply) => {
    const { authorization } = asked.headers;
    calls.push([asked.url, authorization]);
    const [, mode] = asked.url.split('/');
    const known = server.provider && (await request(server.provider, { headers: { authorization } })).status === 200;
    const first = calls.find(([url]) => url === asked.url)[1];
    const takes = known && (mode === 'ok' || (mode === 'once' && authorization !== first));
    reply.writeHead(takes ? 200 : 401, { 'content-type': 'text/plain' }).end(takes ? `hello ${asked.url}` : 'this token is not accepted');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { server, calls, url: `http://127.0.0.1:${server.address().port}`, of: (url) => calls.filter(([called]) => called === url) };
}

await journey(`examples: ${NAMES.join(', ')}`, async (world) => {
  const { server, url: api, calls, of } = await startApi();
  try {
    const run = async (name, at, env = {}) => {
      const [command, ...args] = EXAMPLES[name];
      return world.run(command, [...args, name, `${api}${at}`], { env, limit: 60_000 });
    };
    const everywhere = (body) => Promise.all(NAMES.map(body));
    const fails = (name, done, ...told) => {
      check(done.code === 1 && done.out === '', `${name}: exit ${done.code}: ${done.out}${done.err}`);
      for (const text of told) check(done.err.includes(text), `${name} does not say "${text}": ${done.err}`);
    };

    // No daemon has run yet; and one that was killed, whose port somebody else has by now.
    const dead = spawnSync('true').pid;
    const left = { version: 1, url: api, key_file: world.file('left/key', 'rbk_not-for-others'), socket: path.join(world.dir, 'left/none.sock'), pid: dead };
    world.file('killed/ringback/endpoint.json', JSON.stringify(left));
    await everywhere(async (name) => {
      fails(name, await run(name, `/ok/${name}`), 'hint: Start it with `ringback serve`.');
      fails(name, await run(name, `/ok/${name}`, { XDG_RUNTIME_DIR: path.join(world.dir, 'killed') }), 'hint: Start it with `ringback serve`.');
    });
    check(calls.length === 0, `a key was sent to another program: ${calls}`);

    const accounts = (account) => NAMES.map((name) => account(name)).join('');
    // Six accounts refresh more often than Phone.com allows one client to.
    const more = 'rate_limit_endpoint = "1000/30s"\nrate_limit = "4000/60s"';
    const { sandbox, daemon } = await atSandbox(world, { flags: ['--rate-limit', 'off'], preferred: NAMES[0], more, accounts });
    server.provider = `${sandbox.url}/v4/oauth/access-token`;
    await everywhere(async (name) => fails(name, await run(name, `/ok/${name}`), 'nobody has logged in', `ringback login ${name}`));
    check(calls.length === 0, `the API was called without a login: ${calls}`);

    for (const name of NAMES) await world.loginByForm(name);
    const oldEnough = sleep(BRAND_NEW);
    await everywhere(async (name) => {
      const done = await run(name, `/ok/${name}`);
      check(done.code === 0 && done.out.trim() === `hello /ok/${name}`, `${name}: exit ${done.code}: ${done.out}${done.err}`);
      check(of(`/ok/${name}`).length === 1, `${name} called the API more than once`);
    });
    // With a key of its own, from the environment.
    const through = async (name) => {
      const done = await world.ringback(['exec', name, '--url', '--', ...EXAMPLES[name], name, `${api}/ok/exec-${name}`], { limit: 60_000 });
      check(done.code === 0 && done.out.trim() === `hello /ok/exec-${name}`, `${name} by exec: exit ${done.code}: ${done.out}${done.err}`);
    };
    await everywhere(through);
    const lines = () => fs.readFileSync(path.join(world.state, 'audit.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    const own = (name) => lines().some((line) => line.event === 'token' && line.account === name && line.app?.startsWith('exec:'));
    await until('the audit log has the keys of exec', 5000, () => NAMES.every(own));

    await oldEnough;
    await everywhere(async (name) => {
      const done = await run(name, `/once/${name}`);
      check(done.code === 0 && done.out.trim() === `hello /once/${name}`, `${name}: exit ${done.code}: ${done.out}${done.err}`);
      const tokens = of(`/once/${name}`).map(([, token]) => token);
      check(tokens.length === 2 && tokens[0] !== tokens[1], `${name} made ${tokens.length} calls`);
    });
    await everywhere(async (name) => {
      fails(name, await run(name, `/never/${name}`), '401');
      check(of(`/never/${name}`).length === 2, `${name} made ${of(`/never/${name}`).length} calls`);
    });
    checkLog(daemon, calls.map(([, token]) => token.slice('Bearer '.length)));
  } finally {
    server.close();
  }
}, 230_000);
