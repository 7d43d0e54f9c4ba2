// git, unmodified, with ringback as its credential helper: clones from servers that want a token.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gitBackend, guarded, linked } from '../guarded.mjs';
import { atSandbox, check, checkLog, freePort, journey, request, sleep } from '../world.mjs';

const [, major, minor] = /(\d+)\.(\d+)/.exec(execFileSync('git', ['--version'], { encoding: 'utf8' }));
/** Only from 2.46 on can a helper give git something else than a password. */
const KNOWS_BEARER = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 46);
const LIFETIME = 20;

/** A sandbox, a daemon, a bare repository, and `git` with ringback as its helper. */
async function setUp(world, schemes) {
  const port = await freePort();
  const { sandbox, daemon } = await atSandbox(world, {
    flags: ['--access-lifetime', `${LIFETIME}s`, '--rate-limit', 'off'], preferred: 'code',
    accounts: (account) => account('code', `lazy = true\napi_urls = ["http://127.0.0.1:${port}/team"]`),
  });
  await world.loginByForm('code');
  const env = {
    ...linked(world, 'git-credential-ringback'),
    GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '/bin/false',
    GIT_CONFIG_COUNT: '2', GIT_CONFIG_KEY_0: 'credential.helper', GIT_CONFIG_VALUE_0: 'ringback',
    GIT_CONFIG_KEY_1: 'credential.useHttpPath', GIT_CONFIG_VALUE_1: 'true',
    GIT_AUTHOR_NAME: 'Ann', GIT_AUTHOR_EMAIL: 'ann@example.com', GIT_COMMITTER_NAME: 'Ann', GIT_COMMITTER_EMAIL: 'ann@example.com',
  };
  const git = (...args) => world.run('git', args, { env });
  const done = async (...args) => {
    const ran = await git(...args);
    check(ran.code === 0, `git ${args.join(' ')}: ${ran.code}: ${ran.err}`);
    return ran;
  };
  const root = path.join(world.dir, 'repositories');
  await done('init', '--quiet', '--initial-branch=main', 'work');
  fs.writeFileSync(path.join(world.dir, 'work/hello.txt'), 'hello\n');
  await done('-C', 'work', 'add', '.');
  await done('-C', 'work', 'commit', '--quiet', '-m', 'Say hello');
  await done('clone', '--quiet', '--bare', 'work', path.join(root, 'team/code.git'));
  await done('-C', path.join(root, 'team/code.git'), 'config', 'http.receivepack', 'true');
  const server = await guarded({ sandbox, port, schemes, answer: gitBackend(root) });
  return { sandbox, daemon, git, done, server, url: `http://127.0.0.1:${port}/team/code.git`, other: `http://127.0.0.1:${port}/other/code.git` };
}

/** A clone, a commit that is pushed, and another clone that has it. */
async function cloneAndPush(world, { done, url }) {
  await done('clone', '--quiet', url, 'first');
  check(fs.readFileSync(path.join(world.dir, 'first/hello.txt'), 'utf8') === 'hello\n', 'the clone has no file');
  fs.writeFileSync(path.join(world.dir, 'first/more.txt'), 'more\n');
  await done('-C', 'first', 'add', '.');
  await done('-C', 'first', 'commit', '--quiet', '-m', 'Say more');
  await done('-C', 'first', 'push', '--quiet');
  await done('clone', '--quiet', url, 'second');
  check(fs.existsSync(path.join(world.dir, 'second/more.txt')), 'the push did not arrive');
}

await journey('git: clones and pushes with the token as password; other hosts and paths get nothing', async (world) => {
  const ready = await setUp(world, ['Basic']);
  try {
    await cloneAndPush(world, ready);
    const passed = ready.server.seen.filter(([, , status]) => status === 200);
    check(passed.length > 0 && passed.every(([, scheme, , user]) => scheme === 'Basic' && user === 'oauth2'), JSON.stringify(passed));
    const refused = await ready.git('clone', '--quiet', ready.other, 'third');
    check(refused.code !== 0 && /could not read Username|terminal prompts disabled/.test(refused.err), `another path: ${refused.err}`);
    check(ready.server.seen.every(([where, scheme]) => !where.startsWith('/other') || scheme === 'nothing'), 'a token left for another path');
    checkLog(ready.daemon, [await world.token('code')]);
  } finally {
    ready.server.close();
  }
});

if (KNOWS_BEARER) {
  await journey('git: clones and pushes with the token as Bearer', async (world) => {
    const ready = await setUp(world, ['Bearer']);
    try {
      await cloneAndPush(world, ready);
      const passed = ready.server.seen.filter(([, , status]) => status === 200);
      check(passed.length > 0 && passed.every(([, scheme]) => scheme === 'Bearer'), JSON.stringify(passed));
    } finally {
      ready.server.close();
    }
  });
}

await journey('git: a refused token is reported, and replaced once', async (world) => {
  const ready = await setUp(world, ['Basic']);
  try {
    const old = await world.token('code');
    const headers = { authorization: `Bearer ${old}` };
    const gone = await request(`${ready.sandbox.url}/v4/oauth/access-token`, { method: 'DELETE', headers });
    check(gone.status < 300, `the sandbox did not deactivate the token: ${gone.status}`);
    const began = Date.now();
    // A token that is new is not replaced for a report: half of its lifetime.
    for (;;) {
      const ran = await ready.git('clone', '--quiet', ready.url, 'cloned');
      if (ran.code === 0) break;
      check(Date.now() - began < LIFETIME * 900, `git goes on with the refused token: ${ran.err}`);
      await sleep(500);
    }
    check(await world.token('code') !== old, 'the token is still the refused one');
    const grants = ready.sandbox.err.match(/POST \/v4\/oauth\/access-token 201/g) ?? [];
    check(grants.length === 2, `${grants.length} grants, not a login and a refresh`);
  } finally {
    ready.server.close();
  }
});
