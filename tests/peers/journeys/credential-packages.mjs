// cargo, pip and uv, unmodified, with ringback as the source of their credentials.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { guarded, linked, sha256 } from '../guarded.mjs';
import { atSandbox, check, checkLog, freePort, journey, PEERS } from '../world.mjs';

const BIN = path.join(PEERS, '.venv/bin');

async function setUp(world, url) {
  const ready = await atSandbox(world, {
    flags: ['--rate-limit', 'off'], preferred: 'other',
    accounts: (account) => account('other', 'api_urls = []') + account('packages', `api_urls = ["${url}"]`),
  });
  await world.loginByForm('packages');
  return ready;
}

/** The toolchain's own cargo: rustup's looks for it below HOME. */
function cargo() {
  const options = { cwd: path.join(PEERS, '../..'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
  try {
    return execFileSync('rustup', ['which', 'cargo'], options).trim();
  } catch {
    return 'cargo';
  }
}

await journey('cargo: fetches a crate from a registry that wants a token', async (world) => {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const { sandbox, daemon } = await setUp(world, `${base}/index`);
  world.file('crate/little-0.1.0/Cargo.toml', '[package]\nname = "little"\nversion = "0.1.0"\nedition = "2021"\n');
  world.file('crate/little-0.1.0/src/lib.rs', 'pub fn little() {}\n');
  const packed = path.join(world.dir, 'little.crate');
  execFileSync('tar', ['-czf', packed, '-C', path.join(world.dir, 'crate'), 'little-0.1.0']);
  const crate = fs.readFileSync(packed);
  const entry = { name: 'little', vers: '0.1.0', deps: [], cksum: sha256(crate), features: {}, yanked: false };
  const files = {
    '/index/config.json': JSON.stringify({ dl: `${base}/index/download`, api: base, 'auth-required': true }),
    '/index/li/tt/little': `${JSON.stringify(entry)}\n`,
    '/index/download/little/0.1.0/download': crate,
  };
  const answer = (asked, reply) => reply.writeHead(files[asked.url] ? 200 : 404).end(files[asked.url]);
  const { seen, close } = await guarded({ sandbox, port, schemes: ['Bearer'], answer });
  try {
    world.file('project/Cargo.toml', '[package]\nname = "it"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nlittle = { version = "0.1", registry = "own" }\n');
    world.file('project/src/lib.rs', '');
    world.file('cargo/config.toml', `[registries.own]\nindex = "sparse+${base}/index/"\ncredential-provider = ["cargo-credential-ringback"]\n`);
    const env = {
      ...linked(world, 'cargo-credential-ringback'), CARGO_HOME: path.join(world.dir, 'cargo'),
      RUSTUP_HOME: process.env.RUSTUP_HOME ?? path.join(os.homedir(), '.rustup'),
    };
    const fetched = await world.run(cargo(), ['fetch', '--manifest-path', path.join(world.dir, 'project/Cargo.toml')], { env, limit: 60_000 });
    check(fetched.code === 0, `cargo fetch: ${fetched.code}: ${fetched.err}`);
    const passed = seen.filter(([, scheme, status]) => scheme === 'Bearer' && status === 200).map(([where]) => where);
    check(Object.keys(files).every((file) => passed.includes(file)), `not all of it came with a token: ${JSON.stringify(seen)}`);
    checkLog(daemon, [await world.token('packages')]);
  } finally {
    close();
  }
});

/** A wheel without anything to run. */
function wheel(world) {
  const where = path.join(world.dir, 'little-0.1.0-py3-none-any.whl');
  execFileSync('python3', ['-c', `
import sys, zipfile
info = "little-0.1.0.dist-info/"
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("little.py", "")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: little\\nVersion: 0.1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: it\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "little.py,,\\n%sMETADATA,,\\n%sWHEEL,,\\n%sRECORD,,\\n" % (info, info, info))
`, where]);
  return fs.readFileSync(where);
}

/** A package index that wants Basic, `install(env, index, target)` with a program, and what it came to. */
async function fromIndex(world, install) {
  const port = await freePort();
  const base = `127.0.0.1:${port}/simple/`;
  const { sandbox, daemon } = await setUp(world, `http://${base}`);
  const bytes = wheel(world);
  const name = 'little-0.1.0-py3-none-any.whl';
  const page = `<!DOCTYPE html><html><body><a href="/simple/files/${name}#sha256=${sha256(bytes)}">${name}</a></body></html>`;
  const files = { '/simple/little/': page, [`/simple/files/${name}`]: bytes };
  const answer = (asked, reply) => reply.writeHead(files[asked.url] ? 200 : 404, { 'content-type': asked.url.endsWith('/') ? 'text/html' : 'application/zip' }).end(files[asked.url]);
  const { seen, close } = await guarded({ sandbox, port, schemes: ['Basic'], answer });
  try {
    const target = path.join(world.dir, 'installed');
    const ran = await install(linked(world, 'keyring'), base, target);
    check(ran.code === 0 && fs.existsSync(path.join(target, 'little.py')), `not installed: ${ran.code}: ${ran.out} ${ran.err}`);
    const passed = seen.filter(([, scheme, status]) => scheme === 'Basic' && status === 200).map(([where]) => where);
    check(Object.keys(files).every((file) => passed.includes(file)), `not all of it came with a token: ${JSON.stringify(seen)}`);
    checkLog(daemon, [await world.token('packages')]);
  } finally {
    close();
  }
}

await journey('pip: installs from an index that wants a password', (world) => fromIndex(world, (env, index, target) => world.run(
  path.join(BIN, 'pip'),
  ['install', '--no-deps', '--no-input', '--disable-pip-version-check', '--keyring-provider', 'subprocess', '--index-url', `http://oauth2@${index}`, '--target', target, 'little'],
  { env, limit: 60_000 },
)));

await journey('uv: installs from the same index, with the user name in its URL', (world) => fromIndex(world, (env, index, target) => world.run(
  path.join(BIN, 'uv'),
  ['pip', 'install', '--no-config', '--no-deps', '--keyring-provider', 'subprocess', '--index-url', `http://oauth2@${index}`, '--target', target, '--python', path.join(BIN, 'python3'), 'little'],
  { env, limit: 60_000 },
)));
