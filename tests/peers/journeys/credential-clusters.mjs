// docker and kubectl (from 1.20 on), unmodified, with ringback as the source of their credentials.
import fs from 'node:fs';
import path from 'node:path';
import { certificate, guarded, isValid, linked, sha256, shown } from '../guarded.mjs';
import { atSandbox, check, checkLog, freePort, journey, RINGBACK } from '../world.mjs';

/** A sandbox and a daemon with an account that is logged in and whose tokens are for `url`. */
async function setUp(world, url) {
  const ready = await atSandbox(world, {
    flags: ['--rate-limit', 'off'], preferred: 'other',
    accounts: (account) => account('other', 'api_urls = []') + account('images', `api_urls = ["${url}"]\ncredential_username = "ann"`),
  });
  await world.loginByForm('images');
  return ready;
}

const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
  config: { mediaType: 'application/vnd.docker.container.image.v1+json', size: 2, digest: `sha256:${sha256('{}')}` },
  layers: [],
});

/**
 * A registry as its specification has it: it sends whoever has no token of its own to its token endpoint, which takes a
 * user and a password.
 */
async function registry(sandbox, port) {
  const own = 'token-of-the-registry';
  const answer = async (asked, reply) => {
    const by = shown(asked.headers);
    const { pathname } = new URL(asked.url, 'http://127.0.0.1');
    if (pathname === '/token') {
      const fits = by.scheme === 'Basic' && by.user === 'ann' && await isValid(sandbox, by.token);
      return reply.writeHead(fits ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(fits ? { token: own } : {}));
    }
    if (by.token !== own) {
      const challenge = `Bearer realm="http://127.0.0.1:${port}/token",service="registry",scope="repository:team/app:pull"`;
      return reply.writeHead(401, { 'www-authenticate': challenge, 'content-type': 'application/json' }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
    }
    const found = pathname === '/v2/' ? '{}' : /^\/v2\/team\/app\/manifests\//.test(pathname) ? MANIFEST : /\/blobs\//.test(pathname) ? '{}' : undefined;
    const headers = {
      'docker-distribution-api-version': 'registry/2.0', 'docker-content-digest': `sha256:${sha256(found ?? '')}`,
      'content-type': found === MANIFEST ? JSON.parse(MANIFEST).mediaType : 'application/json',
    };
    return reply.writeHead(found ? 200 : 404, headers).end(asked.method === 'HEAD' ? undefined : found);
  };
  return guarded({ sandbox, port, schemes: [], answer, open: () => true });
}

await journey('docker: reads a manifest with what ringback gives, and stores nothing', async (world) => {
  const port = await freePort();
  const server = `127.0.0.1:${port}`;
  const { sandbox, daemon } = await setUp(world, server);
  const { seen, close } = await registry(sandbox, port);
  try {
    const config = path.join(world.dir, 'docker');
    const settings = world.file('docker/config.json', JSON.stringify({ credHelpers: { [server]: 'ringback', '127.0.0.1:1': 'ringback' } }));
    const before = fs.readFileSync(settings, 'utf8');
    const env = { ...linked(world, 'docker-credential-ringback'), DOCKER_CONFIG: config, DOCKER_HOST: 'unix:///nowhere/docker.sock' };
    const docker = (...args) => world.run('docker', args, { env, limit: 60_000 });

    const inspected = await docker('manifest', 'inspect', '--insecure', `${server}/team/app:1`);
    check(inspected.code === 0 && JSON.parse(inspected.out).schemaVersion === 2, `docker manifest inspect: ${inspected.code}: ${inspected.err}`);
    check(seen.some(([where, scheme, status, user]) => where.startsWith('/token') && scheme === 'Basic' && status === 200 && user === 'ann'), JSON.stringify(seen));

    const logout = await docker('logout', server);
    check(logout.code === 0, `docker logout: ${logout.err}`);
    check((await docker('manifest', 'inspect', '--insecure', `${server}/team/app:2`)).code === 0, 'logged out of ringback');
    check(fs.readFileSync(settings, 'utf8').includes(JSON.parse(before).credHelpers[server]), 'docker changed its config');
    checkLog(daemon, [await world.token('images')]);
    check(!fs.readFileSync(settings, 'utf8').includes(await world.token('images')), 'docker wrote the token down');

    // A registry without an account: docker goes on without credentials.
    const unknown = await docker('manifest', 'inspect', '--insecure', '127.0.0.1:1/team/app:1');
    check(unknown.code !== 0 && !/credential/.test(unknown.err), `without an account: ${unknown.err}`);
  } finally {
    close();
  }
});

await journey('kubectl: asks a cluster with the token of the account that its URL is for', async (world) => {
  const port = await freePort();
  const { sandbox, daemon } = await setUp(world, `https://127.0.0.1:${port}`);
  const tls = certificate(world);
  const answer = (asked, reply) => {
    reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ major: '1', minor: '32', gitVersion: 'v1.32.0', asked: asked.url }));
  };
  const { seen, close } = await guarded({ sandbox, port, schemes: ['Bearer'], tls, answer });
  try {
    const config = world.file('kubeconfig', JSON.stringify({
      apiVersion: 'v1', kind: 'Config', 'current-context': 'it',
      clusters: [{ name: 'it', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': tls.cert.toString('base64') } }],
      contexts: [{ name: 'it', context: { cluster: 'it', user: 'ringback' } }],
      users: [{ name: 'ringback', user: { exec: {
        apiVersion: 'client.authentication.k8s.io/v1beta1', command: RINGBACK, args: ['credential', 'kubectl'],
        interactiveMode: 'Never', provideClusterInfo: true,
      } } }],
    }));
    const asked = await world.run('kubectl', ['--kubeconfig', config, 'get', '--raw', '/version'], { limit: 60_000 });
    check(asked.code === 0 && JSON.parse(asked.out).asked === '/version', `kubectl get --raw: ${asked.code}: ${asked.err}`);
    check(seen.some(([where, scheme, status]) => where === '/version' && scheme === 'Bearer' && status === 200), JSON.stringify(seen));
    checkLog(daemon, [await world.token('images')]);
  } finally {
    close();
  }
});
