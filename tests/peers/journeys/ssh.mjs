// `ringback login --via`: OpenSSH's client and server between two network namespaces. In one of them is the browser, in the
// other one the daemon and its provider, and the callback's port is free here and taken there, as on two machines.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { visit } from '../browser.mjs';
import { RINGBACK, check, ended, freePort, journey, request, screenshot, sleep, until } from '../world.mjs';

if (!process.env.SSH_INSIDE) {
  const inside = spawnSync('unshare', ['--net', process.execPath, process.argv[1]], { stdio: 'inherit', env: { ...process.env, SSH_INSIDE: '1' } });
  process.exit(inside.status ?? 1);
}
execFileSync('ip', ['link', 'set', 'lo', 'up']);
if (process.getuid() === 0) fs.mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });

const SSHD = '/usr/sbin/sshd';

/** The other machine: a network namespace, folders, a provider and a daemon with the account "practice". */
async function otherMachine(world) {
  const holder = world.start('unshare', ['--net', 'sleep', 'infinity']);
  const net_of = (pid) => fs.readlinkSync(`/proc/${pid}/ns/net`);
  await until('the namespace', 5000, () => net_of(holder.child.pid) !== net_of('self'));
  const enter = ['nsenter', `--net=/proc/${holder.child.pid}/ns/net`, '--'];
  execFileSync(enter[0], [...enter.slice(1), 'ip', 'link', 'set', 'lo', 'up']);

  const env = { PATH: `${path.dirname(RINGBACK)}:${process.env.PATH}` };
  for (const [name, folder] of Object.entries({ HOME: 'home', XDG_CONFIG_HOME: 'config', XDG_STATE_HOME: 'state', XDG_RUNTIME_DIR: 'run' })) {
    env[name] = path.join(world.dir, 'there', folder);
    fs.mkdirSync(env[name], { recursive: true, mode: 0o700 });
  }
  const there = {
    enter,
    env,
    port: await freePort(),
    start: (...argv) => world.start(enter[0], [...enter.slice(1), ...argv], { env }),
    run: (...argv) => world.run(enter[0], [...enter.slice(1), ...argv], { env }),
  };
  const provider = await freePort();
  const secret = world.file('there/secret', 'practice-secret');
  there.start(RINGBACK, 'sandbox', '--port', String(provider), '--client-id', 'practice', '--client-secret-file', secret);
  relay(there, provider);
  await until('the provider', 10_000, () => request(`http://127.0.0.1:${provider}/v4/ping`).then(() => true, () => false));
  world.file('there/config/ringback/config.toml', `[listen]
tcp = ["127.0.0.1:${there.port}"]
[providers.practice]
preset = "phonecom"
authorize_url = "http://127.0.0.1:${provider}/v4/oauth/authorization"
token_url = "http://127.0.0.1:${provider}/v4/oauth/access-token"
[accounts.practice]
provider = "practice"
client_id = "practice"
client_secret_file = "${secret}"
scope = ["account-owner"]
`);
  there.start(RINGBACK, 'serve');
  await until('the daemon', 10_000, () => fs.existsSync(path.join(env.XDG_RUNTIME_DIR, 'ringback/endpoint.json')));
  return there;
}

/** The provider is a server of the internet: it has the same address here and there. */
function relay(there, port) {
  const connect = `const s = require('net').connect(${port}, '127.0.0.1'); process.stdin.pipe(s); s.pipe(process.stdout); s.on('error', () => process.exit(1));`;
  const server = net.createServer((socket) => {
    const other = spawn(there.enter[0], [...there.enter.slice(1), process.execPath, '-e', connect], { stdio: ['pipe', 'pipe', 'ignore'] });
    for (const end of [socket, other.stdin, other.stdout]) end.on('error', () => {});
    socket.pipe(other.stdin);
    other.stdout.pipe(socket);
    socket.on('close', () => other.kill());
  });
  server.listen(port, '127.0.0.1');
  server.unref();
}

/** Keys of both sides, and an `ssh` that knows the other machine under these names, each with options of its own. */
function sshTo(world, there, hosts) {
  const keygen = (name) => {
    const file = path.join(world.dir, 'ssh', name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    return file;
  };
  world.file('ssh/mark', '');
  const [host, user, wrong] = ['host', 'user', 'wrong'].map(keygen);
  const known = (file) => world.file(`ssh/known-${path.basename(file)}`, `there ${fs.readFileSync(`${file}.pub`, 'utf8')}`);
  const config = Object.entries(hosts).map(([name, { env = {}, keyChanged, client = '' }]) => {
    const variables = Object.entries({ ...there.env, ...env }).map(([key, value]) => `${key}=${value}`).join(' ');
    const server = world.file(`ssh/sshd-${name}`, `HostKey ${host}
AuthorizedKeysFile ${user}.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
PidFile none
LogLevel QUIET
SetEnv ${variables}
`);
    return `Host ${name}
ProxyCommand ${there.enter.join(' ')} ${SSHD} -i -f ${server}
User ${os.userInfo().username}
HostKeyAlias there
IdentityFile ${user}
IdentitiesOnly yes
UserKnownHostsFile ${known(keyChanged ? wrong : host)}
GlobalKnownHostsFile none
StrictHostKeyChecking yes
${client}
`;
  });
  const file = world.file('ssh/config', config.join(''));
  fs.chmodSync(world.file('bin/ssh', `#!/bin/sh\nexec /usr/bin/ssh -F ${file} "$@"\n`), 0o700);
}

const login = (world, host, ...more) => world.start(RINGBACK, ['login', 'practice', '--via', host, '--no-browser', ...more], {
  env: { PATH: `${path.join(world.dir, 'bin')}:${process.env.PATH}` },
});

const startUrl = async (running) => (await until('the start URL', 20_000, () => {
  check(running.code === undefined, `ringback login --via ended with ${running.code}: ${running.err.slice(-500)}`);
  return /^(http:\/\/\S+)$/m.exec(running.err);
}))[1];

const isOpen = (port) => new Promise((done) => {
  const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); done(true); });
  socket.on('error', () => done(false));
});

await journey('ssh: a login to the daemon of another machine in the browser of this one', async (world) => {
  const there = await otherMachine(world);
  // Forwards of the user's own would be in the way.
  sshTo(world, there, { there: { client: `LocalForward ${there.port} 127.0.0.1:9\nControlMaster auto\nControlPath ${world.dir}/own` } });
  const running = login(world, 'there', '--json');
  const url = await startUrl(running);
  check(new URL(url).port === String(there.port), `the port is not the registered one: ${url}`);
  const page = await visit(url, { screenshot: screenshot('ssh') });
  check(/Logged in/.test(page.text), `the page: ${page.text.slice(0, 300)}`);
  check(page.complaints.length === 0, `the page is not clean: ${JSON.stringify(page.complaints)}`);
  check(await ended(running, 20_000) === 0, `ringback login --via: exit ${running.code}: ${running.err}`);
  check(JSON.parse(running.out).status === 'succeeded', `ringback login --via --json: ${running.out}`);
  check(!await isOpen(there.port), 'the port is still forwarded');
  const token = await there.run(RINGBACK, 'token', 'practice');
  check(token.code === 0 && token.out.trim().length > 10, `token, on the other machine: exit ${token.code}: ${token.err}`);
  check(!(running.out + running.err).includes(token.out.trim()), 'the token came over');
});

await journey('ssh: the forward ends with the command, also if that is killed', async (world) => {
  const there = await otherMachine(world);
  sshTo(world, there, { there: {} });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL']) {
    const running = login(world, 'there');
    await startUrl(running);
    check(await isOpen(there.port), 'the port is not forwarded');
    running.child.kill(signal);
    await ended(running, 10_000);
    await until(`the port is closed after ${signal}`, 10_000, async () => !await isOpen(there.port));
  }
});

await journey('ssh: what goes wrong is said by ssh, or with what to do', async (world) => {
  const there = await otherMachine(world);
  const bare = path.join(world.dir, 'bare');
  fs.mkdirSync(bare);
  sshTo(world, there, {
    there: {},
    changed: { keyChanged: true },
    bare: { env: { PATH: '/usr/bin:/bin', HOME: bare } },
    locked: { client: 'IdentityFile none\nPreferredAuthentications password\nNumberOfPasswordPrompts 0' },
  });
  for (const [host, words] of [
    ['changed', /Host key verification failed[^]*ssh did not connect to changed/],
    ['locked', /Permission denied[^]*ssh did not connect to locked/],
    ['bare', /there is no `ringback` on bare/],
  ]) {
    const running = login(world, host);
    check(await ended(running, 20_000) === 6 && words.test(running.err), `${host}: exit ${running.code}: ${running.err}`);
  }
  const own = net.createServer().listen(there.port, '127.0.0.1');
  const running = login(world, 'there');
  check(await ended(running, 20_000) === 6 && running.err.includes(`port ${there.port}, which is taken`), `a taken port: exit ${running.code}: ${running.err}`);
  await new Promise((done) => own.close(done));
  await sleep(10);
});
