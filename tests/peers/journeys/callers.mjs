// Programs that fetch a token: curl, Python requests and the command line, over TCP and over the socket.
import path from 'node:path';
import { check, checkLog, journey, PEERS, practice, request } from '../world.mjs';

/** A daemon with a token of the sandbox, and that token. */
async function withToken(world) {
  const { sandbox, daemon } = await practice(world);
  await world.loginByForm('practice');
  const { access_token: token } = (await request(`${daemon.url}/token`, { headers: daemon.authorization })).json();
  check(token, 'no token after login');
  return { sandbox, daemon, token };
}

/** Runs curl with headers from a file, so that no key is in argv. Returns status, headers and body. */
async function curl(world, url, headers = [], args = []) {
  const file = world.file('curl-headers', headers.map((h) => `${h}\n`).join(''));
  const done = await world.run('curl', ['-sS', '--max-time', '10', '--noproxy', '*', '-H', `@${file}`, '-D', '-', ...args, url]);
  check(done.code === 0, `curl ${url}: exit ${done.code}: ${done.err}`);
  const [, head, body] = /^(.*?)\r\n\r\n(.*)$/s.exec(done.out);
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body };
}

await journey('curl over TCP: key, no key, wrong key, foreign Host, foreign Origin, plain text', async (world) => {
  const { daemon, token } = await withToken(world);
  const key = `Authorization: Bearer ${daemon.key}`;
  const url = `${daemon.url}/v1/accounts/practice/token`;

  const good = await curl(world, url, [key]);
  check(good.status === 200 && JSON.parse(good.body).access_token === token, `with the key: ${good.status}`);
  check(good.head.includes('cache-control: no-store'), 'the reply may be cached');
  check(JSON.parse(good.body).token_type.toLowerCase() === 'bearer', `token_type: ${good.body.replace(token, '…')}`);
  const plain = await curl(world, `${daemon.url}/token`, [key, 'Accept: text/plain']);
  check(plain.status === 200 && plain.body.trim() === token && plain.head.includes('content-type: text/plain'), `text/plain: ${plain.status} ${plain.head}`);

  const refused = {
    'no key': [[], [401]],
    'a wrong key': [[`Authorization: Bearer ${daemon.key.slice(0, -4)}AAAA`], [401]],
    'the key as password': [[`Authorization: Basic ${Buffer.from(`x:${daemon.key}`).toString('base64')}`], [401]],
    'a foreign Host': [[key, 'Host: evil.example'], [400, 403, 421]],
    'a foreign Origin': [[key, 'Origin: https://evil.example'], [403]],
    'a null Origin': [[key, 'Origin: null'], [403]],
  };
  for (const [what, [headers, statuses]] of Object.entries(refused)) {
    const reply = await curl(world, url, headers);
    check(statuses.includes(reply.status), `${what}: ${reply.status}, expected ${statuses.join(' or ')}`);
    check(!reply.body.includes(token), `${what}: the token was served`);
    check(!reply.head.includes('access-control-allow-origin'), `${what}: CORS was granted`);
  }
  const unauthorized = await curl(world, url);
  check(/www-authenticate: bearer/.test(unauthorized.head), '401 without WWW-Authenticate: Bearer');
  check(JSON.parse(unauthorized.body).error === 'not_permitted', `401 body: ${unauthorized.body}`);
  const inQuery = await curl(world, `${url}?access_token=${'x'.repeat(20)}`);
  check([400, 401].includes(inQuery.status), `a key in the query: ${inQuery.status}`);
  const unknown = await curl(world, `${daemon.url}/v1/accounts/practise/token`, [key]);
  check(unknown.status === 404 && JSON.parse(unknown.body).error === 'unknown_account' && unknown.body.includes('practice'), `unknown account: ${unknown.status} ${unknown.body}`);
  check((await curl(world, `${daemon.url}/healthz`)).status === 200, 'healthz needs a key');
  checkLog(daemon, [token, daemon.key, 'practice-secret', 'x'.repeat(20)]);
});

await journey('curl over the unix socket: no key needed, the bare token on request', async (world) => {
  const { daemon, token } = await withToken(world);
  const onSocket = ['--unix-socket', daemon.socket];
  const json = await curl(world, 'http://localhost/token', [], onSocket);
  check(json.status === 200 && JSON.parse(json.body).access_token === token, `socket: ${json.status} ${json.body.slice(0, 200)}`);
  const plain = await curl(world, 'http://localhost/v1/accounts/default/token', ['Accept: text/plain'], onSocket);
  check(plain.body.trim() === token, 'text/plain over the socket');
  const accounts = await curl(world, 'http://localhost/v1/accounts', [], onSocket);
  check(accounts.status === 200 && accounts.body.includes('practice') && !accounts.body.includes(token), `accounts: ${accounts.status}`);
});

await journey('Python requests over TCP and over the unix socket', async (world) => {
  const { daemon, token } = await withToken(world);
  const python = path.join(PEERS, '.venv/bin/python');
  const done = await world.run(python, [path.join(PEERS, 'callers.py')], { env: { RINGBACK_URL: daemon.url, RINGBACK_KEY_FILE: daemon.keyFile, SOCKET: daemon.socket } });
  check(done.code === 0, `exit ${done.code}: ${done.err.trim().split('\n').at(-1)}`);
  const tokens = done.out.trim().split('\n');
  check(tokens.length === 2 && tokens.every((t) => t === token), `got ${tokens.length} tokens, not twice the right one`);
});

await journey('the command line: token, --json, --header, by socket and by RINGBACK_URL', async (world) => {
  const { sandbox, daemon, token } = await withToken(world);
  const bare = await world.ringback(['token']);
  check(bare.code === 0 && bare.out === `${token}\n` && bare.err === '', `token: exit ${bare.code}, ${bare.err}`);
  const json = await world.ringback(['token', 'practice', '--json']);
  check(json.code === 0 && JSON.parse(json.out).access_token === token, `--json: exit ${json.code}, ${json.err}`);
  check(!json.out.includes('refresh_token'), '--json shows a refresh token');
  const header = await world.ringback(['token', '--header']);
  check(header.code === 0 && header.out === `Authorization: Bearer ${token}\n`, `--header: exit ${header.code}, ${header.err}`);
  const byUrl = await world.ringback(['token'], { env: { RINGBACK_URL: daemon.url, RINGBACK_KEY_FILE: daemon.keyFile, XDG_RUNTIME_DIR: world.dir } });
  check(byUrl.code === 0 && byUrl.out.trim() === token, `RINGBACK_URL: exit ${byUrl.code}, ${byUrl.err}`);

  // As in a script: the header is piped to curl's standard input.
  const used = await world.run('curl', ['-sS', '--noproxy', '*', '-o', '/dev/null', '-w', '%{http_code}', '-H', '@-', `${sandbox.url}/v4/accounts/1000001`], { input: header.out });
  check(used.out === '200', `the sandbox answered curl with ${used.out} ${used.err}`);

  const status = await world.ringback(['status', '--json']);
  check(status.code === 0 && JSON.stringify(JSON.parse(status.out)).includes('practice'), `status --json: exit ${status.code}, ${status.err}`);
  check(!status.out.includes(token), 'status shows the token');
  const unknown = await world.ringback(['token', 'practise']);
  check(unknown.code === 4 && unknown.out === '' && unknown.err.includes('practice'), `unknown account: exit ${unknown.code}, ${unknown.err}`);
  const usage = await world.ringback(['token', '--no-such-flag']);
  check(usage.code === 2, `bad flag: exit ${usage.code}`);
  const config = await world.ringback(['config', 'check']);
  check(config.code === 0 && !config.out.includes('practice-secret'), `config check: exit ${config.code}, ${config.err}`);
});
