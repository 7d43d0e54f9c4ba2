// The master key in a real Secret Service: gnome-keyring on its own session bus, unlocked without a desktop.
import { check, journey, practice, request, until } from '../world.mjs';

await journey('Secret Service: the master key is stored in gnome-keyring and nowhere else', async (world) => {
  const keyring = await startKeyring(world);
  const { sandbox, daemon } = await practice(world, [], '[store]\nkey = "keyring"\n');
  await world.loginByForm('practice');
  const served = (await request(`${daemon.url}/token`, { headers: daemon.authorization })).json();
  check(served.access_token, 'no token after login');

  const secrets = await storedSecrets(world);
  check(secrets.length === 1, `expected one secret in the keyring, found ${secrets.length}`);
  const [key] = secrets;
  check(key.length >= 32, `the key has ${key.length} bytes`);
  const spellings = [key, Buffer.from(key.toString().trim(), 'base64'), Buffer.from(key.toString().trim(), 'hex'), key.toString('base64'), key.toString('hex')];
  check(!spellings.some((s) => s.length >= 16 && world.onDisk(s)), 'the master key is in the state folder');
  check(!world.onDisk(served.access_token), 'the access token is in the state folder in clear text');

  daemon.child.kill('SIGTERM');
  await daemon.exit;
  sandbox.child.kill('SIGKILL'); // now only the store has the token
  await sandbox.exit;
  const again = await world.daemon();
  const reply = await request(`${again.url}/token`, { headers: again.authorization });
  check(reply.status === 200 && reply.json().access_token === served.access_token, `after restart: ${reply.status} ${reply.text.slice(0, 200)}`);

  // A daemon that is started before the keyring.
  again.child.kill('SIGTERM');
  await again.exit;
  keyring.child.kill('SIGKILL');
  await keyring.exit;
  const early = await world.daemon();
  const token = () => request(`${early.url}/token`, { headers: early.authorization });
  const refused = await token();
  check(refused.status === 423 && refused.json().error === 'store_unavailable', `without a keyring: ${refused.status} ${refused.text.slice(0, 200)}`);
  await unlocked(world);
  const came = await until('the daemon gets its key', 60_000, async () => { const now = await token(); return now.status === 200 && now; });
  check(came.json().access_token === served.access_token, 'another token');
});

/** Starts an unlocked gnome-keyring; replaces a running one. */
async function unlocked(world) {
  const keyring = world.start('gnome-keyring-daemon', ['--foreground', '--replace', '--unlock', '--components=secrets'], { input: 'keyring password' });
  await until('gnome-keyring is on the bus', 10_000, async () => {
    const names = await world.run('busctl', ['--user', 'list', '--no-legend']);
    return new RegExp(`^org\\.freedesktop\\.secrets\\s+${keyring.child.pid}\\b`, 'm').test(names.out);
  });
  return keyring;
}

/** A private session bus with an unlocked gnome-keyring; everything started later in this world finds it. */
async function startKeyring(world) {
  const bus = world.start('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address']);
  await until('the session bus is ready', 5000, () => bus.out.includes('\n'));
  world.env.DBUS_SESSION_BUS_ADDRESS = bus.out.trim();
  const keyring = await unlocked(world);
  // Check that the keyring works with another client first.
  const stored = await world.run('secret-tool', ['store', '--label=probe', 'probe', 'yes'], { input: 'works' });
  check(stored.code === 0, `secret-tool store: ${stored.err}`);
  const found = await world.run('secret-tool', ['lookup', 'probe', 'yes']);
  check(found.out === 'works', `secret-tool lookup: ${found.out}${found.err}`);
  await world.run('secret-tool', ['clear', 'probe', 'yes']);
  return keyring;
}

/** Every secret in the keyring, read by another client. */
async function storedSecrets(world) {
  const ask = async (...args) => {
    const reply = await world.run('busctl', ['--user', '--json=short', ...args]);
    check(reply.code === 0, `busctl ${args[0]}: ${reply.err}`);
    return JSON.parse(reply.out).data;
  };
  const bus = 'org.freedesktop.secrets';
  const [items] = await ask('call', bus, '/org/freedesktop/secrets', 'org.freedesktop.Secret.Service', 'SearchItems', 'a{ss}', '0');
  const secrets = [];
  for (const item of items) {
    const attributes = await ask('get-property', bus, item, 'org.freedesktop.Secret.Item', 'Attributes');
    const { out } = await world.run('secret-tool', ['lookup', ...Object.entries(attributes).flat()]);
    secrets.push(Buffer.from(out));
  }
  return secrets;
}
