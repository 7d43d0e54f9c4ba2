// A program that takes nothing but a token URL, with a client id and secret: Prometheus, which scrapes with the token.
import http from 'node:http';
import path from 'node:path';
import { atSandbox, check, checkLog, fingerprint, freePort, journey, request, until } from '../world.mjs';

// It renews a token ten seconds before its end.
const LIFETIME = 16;

/** A server with metrics for whoever has a valid token; `scrapes` grows by `[status, fingerprint of the token]`. */
async function target(sandbox) {
  const scrapes = [];
  const server = http.createServer(async (asked, reply) => {
    const { authorization = '' } = asked.headers;
    const { status } = await request(`${sandbox.url}/v4/oauth/access-token`, { headers: { authorization } });
    scrapes.push([status, fingerprint(authorization.replace('Bearer ', ''))]);
    reply.writeHead(status, { 'content-type': 'text/plain; version=0.0.4' }).end('calls_total 1\n');
  });
  const port = await freePort();
  await new Promise((done) => { server.listen(port, '127.0.0.1', done); });
  server.unref();
  return { scrapes, port, close: () => { server.close(); server.closeAllConnections(); } };
}

await journey('Prometheus: three refreshes, and a rejected token is replaced by the next refresh', async (world) => {
  const { sandbox, daemon } = await atSandbox(world, {
    flags: ['--access-lifetime', `${LIFETIME}s`, '--rate-limit', 'off'], preferred: 'metrics', accounts: (account) => account('metrics'),
  });
  await world.loginByForm('metrics');
  const added = await world.ringback(['app', 'add', 'prometheus', '--account', 'metrics']);
  check(added.code === 0, `ringback app add: ${added.err}`);
  const { scrapes, port, close } = await target(sandbox);
  const config = world.file('prometheus.yml', `global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
scrape_configs:
  - job_name: calls
    static_configs:
      - targets: ["127.0.0.1:${port}"]
    oauth2:
      client_id: prometheus
      client_secret_file: ${world.file('prometheus.key', added.out.trim())}
      token_url: ${daemon.url}/oauth2/token
`);
  try {
    const own = await freePort();
    const prometheus = world.start('prometheus', [
      `--config.file=${config}`, `--storage.tsdb.path=${path.join(world.dir, 'tsdb')}`, `--web.listen-address=127.0.0.1:${own}`,
    ]);
    const running = () => check(prometheus.code === undefined, `prometheus ended with ${prometheus.code}: ${prometheus.err.slice(-500)}`);
    const different = () => new Set(scrapes.map(([, token]) => token)).size;
    await until('three refreshes', LIFETIME * 5000, () => { running(); return different() >= 4; });
    check(scrapes.every(([status]) => status === 200), `a scrape was refused: ${JSON.stringify(scrapes)}`);

    const held = (await request(`${daemon.url}/token`, { headers: daemon.authorization })).json().access_token;
    const gone = await request(`${sandbox.url}/v4/oauth/access-token`, { method: 'DELETE', headers: { authorization: `Bearer ${held}` } });
    check(gone.status < 300, `the sandbox did not deactivate the token: ${gone.status}`);
    const before = scrapes.length;
    const since = (status) => scrapes.slice(before).filter(([got]) => got === status);
    await until('a 401', 5000, () => since(401).length > 0);
    await until('another token', LIFETIME * 1500, () => { running(); return since(200).some(([, token]) => token !== fingerprint(held)); });
    const up = (await request(`http://127.0.0.1:${own}/api/v1/query?query=calls_total`)).json();
    check(up.data.result[0]?.value[1] === '1', `Prometheus has no metric: ${JSON.stringify(up)}`);
    checkLog(daemon, [added.out.trim(), held]);
  } finally {
    close();
  }
});
