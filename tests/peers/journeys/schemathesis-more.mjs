// Schemathesis holds the running daemon against the document that it serves: OAuth clients, what is accepted over the unix
// socket alone (by a forwarder), requests without a key or with a wrong one, and at last what ends all tokens.
import http from 'node:http';
import { check, checkLog, freePort, journey } from '../world.mjs';
import { CHECK_KEYS, CHECKS, only, schemathesis } from '../schemathesis.mjs';

/** Without the temporary app, whose reply is endless. */
const SOCKET_ONLY = [
  'import_token', 'list_apps', 'add_app', 'remove_app', 'rotate_app', 'list_consents', 'answer_consent', 'forget_consent', 'open_status_page',
  'unlock',
];

/** Forwards from a port to the daemon's socket. */
async function forwarder(socketPath) {
  const server = http.createServer((asked, reply) => {
    const headers = { ...asked.headers, host: 'localhost' };
    const passed = http.request({ socketPath, method: asked.method, path: asked.url, headers, agent: false }, (answer) => {
      reply.writeHead(answer.statusCode, answer.headers);
      answer.pipe(reply);
    });
    passed.on('error', () => reply.destroy());
    asked.pipe(passed);
  });
  const port = await freePort();
  await new Promise((done) => { server.listen(port, '127.0.0.1', done); });
  server.unref();
  return { url: `http://127.0.0.1:${port}`, close: () => { server.close(); server.closeAllConnections(); } };
}

await journey('Schemathesis finds no difference for OAuth clients, on the socket, without a key, and at a lock and a logout', async (world) => {
  const { daemon, run } = await schemathesis(world);
  const bearer = [`Authorization: Bearer ${daemon.key}`];
  const basic = [`Authorization: Basic ${Buffer.from(`default:${daemon.key}`).toString('base64')}`];
  const { url, close } = await forwarder(daemon.socket);
  try {
    await run('as an OAuth client', daemon.url, [...CHECKS, '--include-tag', 'oauth'], basic);
    await run('over the socket', url, [...CHECKS, ...only(SOCKET_ONLY)]);
    await run('keys', daemon.url, [...CHECK_KEYS, ...only(['get_account', 'get_token'])], bearer);
    await run('logout', daemon.url, [...CHECKS, ...only(['log_out'])], bearer);
    await run('lock', daemon.url, [...CHECKS, ...only(['lock'])], bearer);
  } finally {
    close();
  }
  check(daemon.code === undefined, `the daemon ended with ${daemon.code}`);
  checkLog(daemon, [daemon.key]);
}, 235_000);
