// The network goes down and comes back: the daemon notices by itself, and no login is needed. In a network namespace.
import { execFileSync, spawnSync } from 'node:child_process';
import { check, journey, practice, request, sleep, until } from '../world.mjs';

if (!process.env.NETWORK_INSIDE) {
  const inside = spawnSync('unshare', ['--net', process.execPath, process.argv[1]], { stdio: 'inherit', env: { ...process.env, NETWORK_INSIDE: '1' } });
  process.exit(inside.status ?? 1);
}

const network = (state) => execFileSync('ip', ['link', 'set', 'lo', state]);
network('up');

await journey('the network is down for a while: no refresh until it is back, and then one within seconds', async (world) => {
  const { sandbox, daemon } = await practice(world, ['--access-lifetime', '10s']);
  await world.loginByForm('practice');
  /** The account's state, over the unix socket. A token request would make the daemon try at once. */
  const account = async () => (await request('http://localhost/v1/accounts/practice', { socketPath: daemon.socket })).json();
  const before = (await account()).generation;
  network('down');
  // Until the backoff has grown.
  await until('the backoff has grown', 60_000, async () => {
    const { last_error: error, next_refresh_at: next } = await account();
    return error && next - Date.now() / 1000 > 8;
  });
  const away = await account();
  check(away.state === 'active' && away.generation === before, `while the network is down: ${JSON.stringify(away)}`);
  const began = Date.now();
  network('up');
  await until('a new token', 6000, async () => (await account()).generation > before);
  console.log(`# refreshed ${Date.now() - began} ms after the network was back`);
  await sleep(100);
  check(sandbox.code === undefined && (await account()).last_error === undefined, 'an error is left');
});
