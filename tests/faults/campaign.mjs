// Fault campaign: the real binary with the real sandbox and npm oidc-provider, short token lifetimes, and faults.
//
//   cargo build --release && RINGBACK_BIN=target/release/ringback node tests/faults/campaign.mjs
//
// MINUTES: duration (3). LANES: number of daemons at once (6), each with three accounts. SEED: chooses the faults and
// their times; the same seed gives the same faults in the same order, though not to the millisecond. LOGS: a folder for
// the daemons' logs. FEWEST: the number of faults that the campaign needs to pass.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { check, sleep } from '../peers/world.mjs';
import { certificates } from './certificates.mjs';
import { Chance } from './chance.mjs';
import { mayMount } from './disk.mjs';
import { Lane } from './lane.mjs';
import { compile } from './shim.mjs';

const MINUTES = Number(process.env.MINUTES ?? 3);
const LANES = Number(process.env.LANES ?? 6);
const SEED = process.env.SEED ?? String(Math.floor(Math.random() * 1e9));
const FEWEST = Number(process.env.FEWEST ?? 0);

// A mount namespace of its own, so that mounts end with the campaign, however it ends.
if (mayMount() && !process.env.FAULTS_INSIDE) {
  const inside = spawnSync('unshare', ['--mount', process.execPath, process.argv[1]], { stdio: 'inherit', env: { ...process.env, SEED, FAULTS_INSIDE: '1' } });
  process.exit(inside.status ?? 1);
}

/** How late this process was recently: the daemon is not blamed for such delays. */
function watchLag() {
  const seen = [];
  let last = performance.now();
  setInterval(() => {
    const at = performance.now();
    seen.push({ at, late: at - last - 50 });
    while (seen[0].at < at - 15_000) seen.shift();
    last = at;
  }, 50).unref();
  return () => Math.max(0, ...seen.map(({ late }) => late));
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringback-faults-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
if (!mayMount()) console.log('# mounting is not possible: disk full and read-only folder SKIPPED');
const library = compile(folder);
const certs = certificates(folder, library);
const lag = watchLag();
const chance = new Chance(SEED);
console.log(`# seed ${SEED}: ${LANES} daemons, ${MINUTES} min; again with SEED=${SEED}`);

const total = {};
let bad = 0;
async function lane(n) {
  const lane = new Lane(`lane ${n}`, chance.of(`lane ${n}`), library, certs);
  lane.lag = lag;
  try {
    await lane.open();
    await lane.run(MINUTES);
  } catch (error) {
    lane.truth.violated(`the lane itself failed: ${error.stack}`);
  }
  await lane.close().catch((error) => lane.truth.violated(`closing: ${error.stack}`));
  for (const [what, count] of Object.entries(lane.truth.count)) total[what] = (total[what] ?? 0) + count;
  const { broken, ledThere } = lane.truth;
  bad += broken.length;
  console.log(broken.length ? `not ok - faults, ${lane.name}: ${broken.length} violations, the first: ${broken[0]}` : `ok - faults, ${lane.name}`);
  for (const line of broken.slice(1, 6)) console.log(`#   also: ${line}`);
  for (const line of ledThere ?? []) console.log(`#   ${line}`);
}
await Promise.all(Array.from({ length: LANES }, (_, n) => sleep(n * 300).then(() => lane(n))));

const faults = Object.entries(total).filter(([what]) => what.startsWith('fault: ')).reduce((sum, [, n]) => sum + n, 0);
console.log(`# | what | times |\n# | --- | --- |\n# | ***total faults** | ${faults} |`);
for (const what of Object.keys(total).sort()) console.log(`# | ${what} | ${total[what]} |`);
if (faults < FEWEST) console.log(`not ok - faults: ${faults} of them, fewer than ${FEWEST}`);
process.exit(bad || faults < FEWEST ? 10 : 0);
