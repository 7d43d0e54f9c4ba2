// Clients that two generators make from the document that the daemon serves: each gets a token, a state and a typed error.
import fs from 'node:fs';
import path from 'node:path';
import { atSandbox, check, checkLog, journey, PEERS, request } from '../world.mjs';

const BIN = { node: path.join(PEERS, 'node_modules/.bin'), python: path.join(PEERS, '.venv/bin') };
const DOCUMENT = path.join(PEERS, '../../docs/openapi.json');
const TSCONFIG = JSON.stringify({
  compilerOptions: { strict: true, target: 'es2022', module: 'esnext', moduleResolution: 'bundler', types: [], skipLibCheck: true },
  files: ['client.ts'],
});

/** Each generator's client: makes it in `folder` and returns the command that runs it. */
const CLIENTS = {
  'openapi-typescript': async (run, document, folder) => {
    fs.symlinkSync(path.join(PEERS, 'node_modules'), path.join(folder, 'node_modules'));
    fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), TSCONFIG);
    fs.copyFileSync(path.join(PEERS, 'openapi-client.ts'), path.join(folder, 'client.ts'));
    await run(path.join(BIN.node, 'openapi-typescript'), [document, '-o', path.join(folder, 'api.d.ts')]);
    await run(path.join(BIN.node, 'tsc'), ['-p', folder]);
    return [process.execPath, [path.join(folder, 'client.js')]];
  },
  'openapi-python-client': async (run, document, folder) => {
    const made = path.join(folder, 'ringback_api');
    await run(path.join(BIN.python, 'openapi-python-client'), ['generate', '--path', document, '--meta', 'none', '--fail-on-warning', '--output-path', made]);
    fs.copyFileSync(path.join(PEERS, 'openapi_client.py'), path.join(folder, 'client.py'));
    return [path.join(BIN.python, 'python'), ['-B', path.join(folder, 'client.py')]];
  },
};

await journey(`${Object.keys(CLIENTS).join(', ')}: clients made from the document get a token, a state and a typed error`, async (world) => {
  const accounts = (account) => ['work', 'spare'].map((name) => account(name)).join('');
  const { daemon } = await atSandbox(world, { preferred: 'work', accounts });
  await world.loginByForm('work');
  const added = await world.ringback(['app', 'add', 'generated', '--all-accounts']);
  check(added.code === 0, `ringback app add: ${added.err}`);
  const env = { URL: daemon.url, KEY: added.out.trim(), PATH: `${BIN.python}:${world.env.PATH}` };
  const run = async (command, args) => {
    const done = await world.run(command, args, { env, limit: 90_000 });
    check(done.code === 0, `${path.basename(command)} ${args.join(' ')}: exit ${done.code}: ${done.out.slice(-1500)} ${done.err.slice(-1500)}`);
    return done.out;
  };

  // It needs no key, and is the file in the repository.
  const served = await request(`${daemon.url}/openapi.json`);
  check(served.status === 200 && served.headers['content-type'] === 'application/json', `the document: ${served.status}`);
  check(served.text === fs.readFileSync(DOCUMENT, 'utf8'), 'the daemon serves another document than docs/openapi.json');
  const document = world.file('openapi.json', served.text);

  const held = await world.token('work');
  for (const [name, make] of Object.entries(CLIENTS)) {
    const folder = path.dirname(world.file(`${name}/made`, ''));
    const told = JSON.parse(await run(...await make(run, document, folder)));
    const { token, hint, ...rest } = told;
    check(token === held, `${name} got another token`);
    const expected = { account: 'work', state: 'signed_out', code: 'login_required', status: 428 };
    check(JSON.stringify(rest) === JSON.stringify(expected), `${name}: ${JSON.stringify(rest)}`);
    check(hint.includes('ringback login spare'), `${name}: ${hint}`);
  }
  checkLog(daemon, [env.KEY, held]);
}, 230_000);
