// SIGKILL and restart: the token is served at once from the sealed store, without a request to the provider.
import { check, journey, practice, request } from '../world.mjs';

await journey('kill -9 and restart: the token is served from the store', async (world) => {
  const { sandbox, daemon } = await practice(world, ['--access-lifetime', '1h']);
  await world.loginByForm('practice');
  const served = (await request(`${daemon.url}/token`, { headers: daemon.authorization })).json();
  check(served.access_token, 'no token after login');
  check(!world.onDisk(served.access_token), 'the access token is in the state folder in clear text');
  check(world.looseFiles().length === 0, `other users may open ${world.looseFiles()}`);

  daemon.child.kill('SIGKILL');
  await daemon.exit;
  const absent = await world.ringback(['token']);
  check(absent.code === 3 && absent.out === '', `token without a daemon: exit ${absent.code}, expected 3`);

  sandbox.child.kill('SIGKILL'); // without the provider, only the store has the token
  await sandbox.exit;
  const began = Date.now();
  const again = await world.daemon();
  const reply = await request(`${again.url}/token`, { headers: again.authorization });
  console.log(`# served ${Date.now() - began} ms after the restart began`);
  check(reply.status === 200 && reply.json().access_token === served.access_token, `after restart: ${reply.status} ${reply.text.slice(0, 200)}`);
  const cli = await world.ringback(['token']);
  check(cli.code === 0 && cli.out.trim() === served.access_token, `ringback token after restart: exit ${cli.code}`);
});
