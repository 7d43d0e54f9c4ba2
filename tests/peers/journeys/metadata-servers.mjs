// The clients of two clouds' metadata servers, unmodified: google-auth with GCE_METADATA_HOST, and azure-identity with
// IDENTITY_ENDPOINT and IDENTITY_HEADER.
import path from 'node:path';
import { atSandbox, check, checkLog, fingerprint, freePort, journey, PEERS, request } from '../world.mjs';

const PYTHON = [path.join(PEERS, '.venv/bin/python'), path.join(PEERS, 'metadata_servers.py')];

await journey('google-auth and azure-identity: the token of the account, its expiry, and a login that is needed', async (world) => {
  const [gce, azure] = [await freePort(), await freePort()];
  const entry = (shape, port, more = '') => `[[listen.extra]]\nshape = "${shape}"\naddress = "127.0.0.1:${port}"\naccount = "cloud"\n${more}\n`;
  const { daemon } = await atSandbox(world, {
    flags: ['--access-lifetime', '1h'], preferred: 'cloud', accounts: (account) => account('cloud') + entry('gce', gce) + entry('azure', azure, 'app = "identity"'),
  });
  const added = await world.ringback(['app', 'add', 'identity', '--account', 'cloud']);
  check(added.code === 0, `ringback app add: ${added.err}`);
  const key = added.out.trim();
  const environments = {
    google: { GCE_METADATA_HOST: `127.0.0.1:${gce}`, GCE_METADATA_IP: `127.0.0.1:${gce}` },
    azure: { IDENTITY_ENDPOINT: `http://127.0.0.1:${azure}/msi/token`, IDENTITY_HEADER: key },
  };
  /** What a client says. */
  const ask = async (client, env = {}) => {
    const done = await world.run(PYTHON[0], [PYTHON[1], client], { env: { ...environments[client], ...env }, limit: 60_000 });
    check(done.code === 0, `${client}: exit ${done.code}: ${done.err.slice(-500)}`);
    return JSON.parse(done.out);
  };
  for (const client of ['google', 'azure']) {
    const { error } = await ask(client);
    check(error?.includes('503') && error.includes('ringback login cloud'), `${client} without a login: ${error}`);
  }
  await world.loginByForm('cloud');
  const { access_token: token, expires_at: until } = (await request(`${daemon.url}/token`, { headers: daemon.authorization })).json();
  for (const client of ['google', 'azure']) {
    const got = await ask(client);
    check(got.token === fingerprint(token), `${client}: ${JSON.stringify(got)}`);
    check(Math.abs(got.expires - until) <= 5, `${client}: expires ${got.expires} instead of ${until}`);
  }
  const { error } = await ask('azure', { IDENTITY_HEADER: `${key}x` });
  check(error?.includes('401'), `azure with a wrong header: ${error}`);
  checkLog(daemon, [key, token]);
}, 200_000);
