// Clients of APIs that know nothing of ringback, through the proxy: the OpenAI libraries for Node.js and Python, curl and
// `requests`. They get a base URL and a key, and an API of the tests is behind it.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atSandbox, check, checkLog, journey, PEERS, request, until } from '../world.mjs';

const PYTHON = [path.join(PEERS, '.venv/bin/python'), path.join(PEERS, 'proxy_clients.py')];
const NODE = [process.execPath, path.join(PEERS, 'proxy-clients.mjs')];
const UPLOAD = 5 * 1024 * 1024;

/** An API such as OpenAI's. It takes one bearer token, which `valid` says, and remembers its requests. */
async function api(valid) {
  const seen = [];
  const server = http.createServer(async (asked, reply) => {
    const parts = [];
    for await (const part of asked) parts.push(part);
    const body = Buffer.concat(parts);
    const token = (asked.headers.authorization ?? '').replace('Bearer ', '');
    seen.push({ url: asked.url, token, headers: asked.headers, size: body.length });
    const json = (status, value, headers = {}) => reply.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    if (!valid(token)) return json(401, { error: { message: 'invalid token' } }, { 'www-authenticate': 'Bearer error="invalid_token"' });
    if (asked.url === '/v1/models') return json(200, { object: 'list', data: [{ id: 'practice', object: 'model', created: 1, owned_by: 'x' }] }, { 'x-request-id': 'req-1' });
    if (asked.url === '/v1/files') {
      return json(200, { id: createHash('sha256').update(body).digest('hex'), object: 'file', bytes: body.length, created_at: 1, filename: 'f', purpose: 'batch', status: 'processed' });
    }
    const { stream } = JSON.parse(body);
    const answer = (delta) => ({ id: 'c', object: stream ? 'chat.completion.chunk' : 'chat.completion', created: 1, model: 'practice', choices: [{ index: 0, finish_reason: null, ...delta }] });
    if (!stream) return json(200, answer({ message: { role: 'assistant', content: 'one two three' }, finish_reason: 'stop' }));
    reply.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const word of ['one ', 'two ', 'three']) {
      reply.write(`data: ${JSON.stringify(answer({ delta: { content: word } }))}\n\n`);
      await new Promise((done) => setTimeout(done, 50));
    }
    reply.end('data: [DONE]\n\n');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}/v1`, seen, close: () => server.close() };
}

/** What each client does, one line each: a list, an answer, a streamed answer in three parts, and an upload. */
const EXPECTED = ['models practice', 'answer one two three', 'streamed one |two |three', `uploaded ${UPLOAD}`];

await journey('openai for Node.js and Python, requests and curl through the proxy', async (world) => {
  let valid = () => true;
  const upstream = await api((token) => valid(token));
  const { sandbox, daemon } = await atSandbox(world, {
    flags: ['--access-lifetime', '6s', '--rate-limit', 'off'], preferred: 'ai',
    accounts: (account) => account('ai', `lazy = true\nproxy = { upstream = "${upstream.url}" }`),
  });
  await world.loginByForm('ai');
  const added = await world.ringback(['app', 'add', 'agent', '--proxy', 'ai']);
  check(added.code === 0, `ringback app add: ${added.err}`);
  const key = added.out.trim();
  const base = `${daemon.url}/proxy/ai`;
  const env = { OPENAI_BASE_URL: base, OPENAI_API_KEY: key, NO_PROXY: '*', UPLOAD: String(UPLOAD) };

  for (const [name, [command, ...args]] of Object.entries({ 'openai (Node.js)': [...NODE], 'openai (Python)': [...PYTHON, 'openai'], requests: [...PYTHON, 'requests'] })) {
    const ended = await world.run(command, args, { env });
    check(ended.code === 0, `${name}: ${ended.code} ${ended.out} ${ended.err.slice(-1500)}`);
    check(ended.out.trim().split('\n').join() === EXPECTED.join(), `${name}: ${ended.out}`);
  }
  const header = world.file('header', `Authorization: Bearer ${key}`);
  const curl = (...more) => world.run('curl', ['-sS', '--noproxy', '*', '-H', `@${header}`, ...more]);
  const listed = await curl(`${base}/models`);
  check(listed.out.includes('practice'), `curl: ${listed.out} ${listed.err}`);
  const streamed = await curl('-N', '--json', '{"stream":true}', `${base}/chat/completions`);
  check(streamed.out.includes('three') && streamed.out.trim().endsWith('[DONE]'), `curl -N: ${streamed.out} ${streamed.err}`);
  const large = world.file('large', 'x'.repeat(UPLOAD));
  const put = await curl('-T', large, '-H', 'Expect: 100-continue', `${base}/files`);
  check(put.out.includes(`"bytes":${UPLOAD}`), `curl -T: ${put.out} ${put.err}`);
  check(upstream.seen.every(({ token, headers }) => token && token !== key && !headers.cookie && !headers['x-ringback-key']), 'the upstream saw a key');

  // The API rejects every token so far: once the daemon may refresh it, the library's request succeeds, and it saw no 401.
  const old = new Set(upstream.seen.map(({ token }) => token));
  valid = (token) => !old.has(token);
  const renewed = await until('a request with another token', 20_000, async () => {
    const ended = await world.run(NODE[0], [...NODE.slice(1), 'models'], { env });
    check(!ended.err.includes('401'), `a client saw a 401: ${ended.err}`);
    return ended.code === 0 && ended;
  });
  check(renewed.out.trim() === EXPECTED[0], renewed.out);

  const exec = await world.ringback(['exec', 'ai', '--base-url', 'OPENAI_BASE_URL', '--api-key', 'OPENAI_API_KEY', '--', ...NODE, 'models']);
  check(exec.code === 0 && exec.out.trim() === EXPECTED[0], `exec: ${exec.code} ${exec.out} ${exec.err}`);

  await world.ringback(['logout', 'ai']);
  const told = await request(`${base}/models`, { headers: { authorization: `Bearer ${key}` } });
  check(told.status === 503 && told.json().hint.includes('ringback login ai'), `${told.status}`);
  const lines = fs.readFileSync(path.join(world.state, 'audit.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  check(lines.filter((line) => line.event === 'proxy' && line.app === 'agent' && line.status === 200).length >= 15, 'the audit log lacks requests');
  checkLog(daemon, [key, ...old]);
  upstream.close();
  check(sandbox.url, 'the practice provider');
});
