// A store with a passphrase typed at a real terminal; and the daemon's memory after a lock, searched for secrets from
// outside.
import fs from 'node:fs';
import path from 'node:path';
import { check, checkLog, journey, PEERS, practice, RINGBACK } from '../world.mjs';

const PASSPHRASE = 'open barley, says the ali';
await journey('lock: a new passphrase is typed twice, and later once after every start', async (world) => {
  const { daemon } = await practice(world, [], '[store]\nkey = "passphrase"\n');
  const differ = await typed(world, PASSPHRASE, `${PASSPHRASE}!`);
  check(differ.code === 2 && /passphrases differ/.test(differ.output), `two that differ: exit ${differ.code}: ${differ.output}`);
  const set = await typed(world, PASSPHRASE, PASSPHRASE);
  check(set.code === 0 && /passphrase is set/.test(set.output), `setting it: exit ${set.code}: ${set.output}`);
  const held = inMemory(daemon.child.pid, { passphrase: PASSPHRASE, config: 'account-owner' });
  check(held.passphrase === 0 && held.config > 0, `the passphrase stays in memory, or the search does not work: ${JSON.stringify(held)}`);
  await world.loginByForm('practice');
  const token = await world.token('practice');

  daemon.child.kill('SIGTERM');
  await daemon.exit;
  const again = await world.daemon();
  const refused = await world.ringback(['token', 'practice']);
  check(refused.code === 9 && /ringback unlock/.test(refused.err), `while locked: exit ${refused.code}: ${refused.err}`);
  const wrong = await typed(world, 'open wheat, says the ali');
  check(wrong.code === 10 && /wrong/.test(wrong.output), `a wrong one: exit ${wrong.code}: ${wrong.output}`);
  const right = await typed(world, PASSPHRASE);
  check(right.code === 0, `the right one: exit ${right.code}: ${right.output}`);
  check(await world.token('practice') === token, 'another token after the unlock');
  for (const end of [differ, set, wrong, right]) {
    check(!end.echo.asked && end.echo.after, `the terminal showed what was typed: ${JSON.stringify(end.echo)}`);
    check(!end.output.includes('says the ali'), `the passphrase is on the screen: ${end.output}`);
  }
  check(!world.onDisk('says the ali') && !world.onDisk(token), 'the passphrase or a token is in the state folder');
  checkLog(again, ['says the ali', token]);
});

await journey('lock: key, tokens and client secret are erased from memory', async (world) => {
  const { daemon } = await practice(world);
  await world.loginByForm('practice');
  const token = await world.token('practice');
  // The client secret is read for a refresh, and kept for the next one.
  check((await world.ringback(['refresh', 'practice'])).code === 0, 'no refresh');
  const newer = await world.token('practice');
  const key = Buffer.from(fs.readFileSync(path.join(world.state, 'master.key'), 'utf8').trim(), 'hex');
  const sought = { token, newer, key, keyText: key.toString('hex'), secret: 'practice-secret' };
  const before = inMemory(daemon.child.pid, sought);
  check(before.newer > 0 && before.key > 0 && before.secret > 0, `the search does not work: ${JSON.stringify(before)}`);
  check((await world.ringback(['lock'])).code === 0, 'no lock');
  const after = inMemory(daemon.child.pid, sought);
  check(Object.values(after).every((count) => count === 0), `after the lock: ${JSON.stringify(after)}, before: ${JSON.stringify(before)}`);
  check((await world.ringback(['unlock'])).code === 0, 'no unlock');
  check(await world.token('practice') === newer, 'another token after the unlock');
});

/** Runs `ringback unlock` at a terminal and types these lines. */
async function typed(world, ...lines) {
  const done = await world.run('python3', [path.join(PEERS, 'terminal.py'), RINGBACK, 'unlock'], { input: `${lines.join('\n')}\n`, limit: 30_000 });
  check(done.code === 0, `terminal.py: exit ${done.code}: ${done.err}`);
  return JSON.parse(done.out);
}

/** The number of copies of each of these in the process's writable memory. */
function inMemory(pid, sought) {
  const found = Object.fromEntries(Object.keys(sought).map((name) => [name, 0]));
  const memory = fs.openSync(`/proc/${pid}/mem`, 'r');
  for (const line of fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (!from || line.includes('[vvar')) continue;
    const bytes = Buffer.alloc(Number(BigInt(`0x${to}`) - BigInt(`0x${from}`)));
    try {
      fs.readSync(memory, bytes, 0, bytes.length, BigInt(`0x${from}`));
    } catch {
      continue; // not readable
    }
    for (const [name, what] of Object.entries(sought)) {
      for (let at = bytes.indexOf(what); at >= 0; at = bytes.indexOf(what, at + 1)) found[name] += 1;
    }
  }
  fs.closeSync(memory);
  return found;
}
