// Additional listeners: a program in a network of its own asks over a pair of virtual interfaces, which is set up while the
// daemon runs; one in a sandbox without any network asks over the socket of its app. docs/containers.md has podman.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { check, checkLog, freePort, journey, practice, until } from '../world.mjs';

if (!process.env.CONTAINERS_INSIDE) {
  const inside = spawnSync('unshare', ['--net', process.execPath, process.argv[1]], { stdio: 'inherit', env: { ...process.env, CONTAINERS_INSIDE: '1' } });
  process.exit(inside.status ?? 1);
}

const ip = (...args) => execFileSync('ip', args);
ip('link', 'set', 'lo', 'up');
const HOST = '10.123.0.1';

/** Adds lines to the config, and has the daemon read it. */
function reload(world, daemon, lines) {
  fs.appendFileSync(path.join(world.env.XDG_CONFIG_HOME, 'ringback/config.toml'), `\n${lines}\n`);
  daemon.child.kill('SIGHUP');
}

/** The additional listeners, as `ringback status` has them. */
async function listeners(world) {
  return JSON.parse((await world.ringback(['status', '--json'])).out).extra_listeners ?? [];
}

await journey('a program in a network of its own: the address comes later, keys are needed, names are checked', async (world) => {
  const { daemon } = await practice(world);
  await world.loginByForm('practice');
  const port = await freePort();
  const added = await world.ringback(['app', 'add', 'agent', '--account', 'practice']);
  check(added.code === 0, `ringback app add: ${added.err}`);
  const key = added.out.trim();
  reload(world, daemon, `[[listen.extra]]\naddress = "${HOST}:${port}"\nhosts = ["gateway"]`);
  await until('the daemon says that there is no such address', 10_000, async () => (await listeners(world))[0]?.problem?.includes('does not have the address'));
  const said = await world.ringback(['status']);
  check(said.out.includes(`Listener ${HOST}:${port}: is not open`), `status: ${said.out}`);

  const away = world.start('unshare', ['--net', 'sleep', '100']);
  const inside = (...args) => world.run('nsenter', ['--net', '--target', String(away.child.pid), '--', ...args]);
  await until('the other network is there', 5000, () => fs.readlinkSync(`/proc/${away.child.pid}/ns/net`) !== fs.readlinkSync('/proc/self/ns/net'));
  ip('link', 'add', 'here', 'type', 'veth', 'peer', 'name', 'there', 'netns', String(away.child.pid));
  ip('addr', 'add', `${HOST}/24`, 'dev', 'here');
  ip('link', 'set', 'here', 'up');
  for (const args of [['addr', 'add', '10.123.0.2/24', 'dev', 'there'], ['link', 'set', 'there', 'up']]) {
    const done = await inside('ip', ...args);
    check(done.code === 0, `ip ${args.join(' ')}: ${done.err}`);
  }
  await until('the listener is open', 15_000, async () => (await listeners(world))[0]?.open);

  const headers = world.file('key', `Authorization: Bearer ${key}\n`);
  /** What curl gets there: the status and the body. */
  const ask = async (target, ...args) => {
    const done = await inside('curl', '-sS', '--max-time', '10', '-w', '\n%{http_code}', ...args, `http://${HOST}:${port}${target}`);
    check(done.code === 0, `curl: exit ${done.code}: ${done.err}`);
    const at = done.out.lastIndexOf('\n');
    return [Number(done.out.slice(at)), done.out.slice(0, at)];
  };
  const token = await world.token('practice');
  const good = ['-H', `@${headers}`];
  for (const [what, status, target, ...args] of [
    ['with its key', 200, '/v1/accounts/practice/token', ...good],
    ['by a name of the config', 200, '/v1/accounts/practice/token', ...good, '-H', `Host: gateway:${port}`],
    ['as an OAuth client', 200, '/oauth2/token', '-u', `agent:${key}`, '-d', 'grant_type=client_credentials'],
    ['without a key', 401, '/v1/accounts/practice/token'],
    ['by the name of loopback', 403, '/v1/accounts/practice/token', ...good, '-H', `Host: 127.0.0.1:${port}`],
    ['with an Origin', 403, '/v1/accounts/practice/token', ...good, '-H', `Origin: http://${HOST}:${port}`],
    ['the status page', 404, '/', ...good],
    ['a callback', 404, '/callback/practice?code=c&state=s'],
  ]) {
    const [got, body] = await ask(target, ...args);
    check(got === status && body.includes(token) === (status === 200), `${what}: ${got} instead of ${status}`);
  }
  const own = new URL(daemon.url).port;
  const elsewhere = await inside('curl', '-sS', '--max-time', '5', `http://${HOST}:${own}/healthz`);
  check(elsewhere.code === 7, `the daemon's own port can be reached from there: exit ${elsewhere.code}`);
  checkLog(daemon, [key, token]);
});

await journey('a sandbox without network has one app by its socket, also after a restart', async (world) => {
  const { daemon } = await practice(world);
  await world.loginByForm('practice');
  await world.ringback(['app', 'add', 'agent', '--account', 'practice']);
  const folder = path.join(world.dir, 'agent');
  reload(world, daemon, `[[listen.extra]]\nsocket = "${folder}/ringback.sock"\napp = "agent"`);
  await until('the socket is there', 10_000, () => fs.existsSync(`${folder}/ringback.sock`));
  const sandbox = (script) => world.start('bwrap', [
    '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64',
    '--unshare-all', '--proc', '/proc', '--dev', '/dev', '--ro-bind', folder, '/run/agent', 'sh', '-c', script,
  ]);
  const curl = (target) => `curl -s --max-time 10 --unix-socket /run/agent/ringback.sock http://localhost${target}`;
  const finished = async (running) => { await running.exit; return running; };
  const token = await world.token('practice');
  const asked = await finished(sandbox(curl('/v1/accounts/practice/token')));
  check(asked.code === 0 && JSON.parse(asked.out).access_token === token, `in the sandbox: exit ${asked.code}: ${asked.err}`);
  const apps = await finished(sandbox(curl('/v1/apps')));
  check(JSON.parse(apps.out).error === 'not_found', `the list of apps: ${apps.out}`);
  const net = await finished(sandbox(`curl -s --max-time 5 ${daemon.url}/healthz`));
  check(net.code === 7, `the sandbox has a network: exit ${net.code}`);

  // One that is there while the daemon restarts, and has the new socket, since it sees the folder.
  const stays = sandbox(`until [ ! -S /run/agent/ringback.sock ]; do sleep .05; done; until [ -S /run/agent/ringback.sock ]; do sleep .05; done; ${curl('/v1/accounts/practice/token')}`);
  daemon.child.kill('SIGTERM');
  await daemon.exit;
  await world.daemon();
  await stays.exit;
  check(stays.code === 0 && JSON.parse(stays.out).access_token === token, `after the restart: exit ${stays.code}: ${stays.err}`);
  const log = await world.ringback(['audit']);
  check(log.out.includes('agent'), `the audit log: ${log.out}`);
});
