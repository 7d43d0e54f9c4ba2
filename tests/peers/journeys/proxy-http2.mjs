// An upstream that speaks HTTP/2 alone: Node's own server, over TLS.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import path from 'node:path';
import { atSandbox, check, checkLog, journey, request } from '../world.mjs';

/** A certificate for `localhost` by openssl, in a folder of its own. */
function certificate(folder) {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE'], { stdio: 'ignore' });
  return { file: cert, key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
}

/** It refuses its first stream as one that it has not looked at, and tells of the others what it got. */
async function upstream({ key, cert }) {
  const seen = { streams: 0, sessions: 0, tokens: [] };
  const server = http2.createSecureServer({ key, cert, allowHTTP1: false });
  server.on('session', () => { seen.sessions += 1; });
  server.on('stream', async (stream, headers) => {
    stream.on('error', () => {});
    seen.streams += 1;
    if (seen.streams === 1) return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    const parts = [];
    for await (const part of stream) parts.push(part);
    seen.tokens.push(headers.authorization);
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify({ protocol: stream.session.alpnProtocol, method: headers[':method'], path: headers[':path'], body: Buffer.concat(parts).toString() }));
  });
  await new Promise((done) => server.listen(0, 'localhost', done));
  return { url: `https://localhost:${server.address().port}/v4`, seen, close: () => server.close() };
}

await journey('an upstream with HTTP/2 alone, which refuses the first stream', async (world) => {
  const tls = certificate(path.dirname(world.file('tls', '')));
  const api = await upstream(tls);
  const { daemon } = await atSandbox(world, {
    preferred: 'practice', more: `ca_file = "${tls.file}"`,
    accounts: (account) => account('practice', `proxy = { upstream = "${api.url}" }`),
  });
  await world.loginByForm('practice');
  const { access_token: token } = (await request(`${daemon.url}/token`, { headers: daemon.authorization })).json();
  for (const [method, body] of [['GET', ''], ['GET', ''], ['POST', 'hello']]) {
    const reply = await request(`${daemon.url}/proxy/practice/a?x=1`, { method, headers: daemon.authorization, body });
    check(reply.status === 200, `${method}: ${reply.status} ${reply.body}`);
    const expected = JSON.stringify({ protocol: 'h2', method, path: '/v4/a?x=1', body });
    check(JSON.stringify(reply.json()) === expected, `${method}: ${reply.body}, expected ${expected}`);
  }
  check(api.seen.streams === 4, `the refused request was not sent once more: ${api.seen.streams} streams`);
  check(api.seen.sessions === 1, `${api.seen.sessions} connections`);
  check(api.seen.tokens.every((line) => line === `Bearer ${token}`), 'another token');
  checkLog(daemon, [token, daemon.key]);
  api.close();
});
