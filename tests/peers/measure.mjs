// Measures a cached fetch and the idle daemon; not part of CI. The numbers are meaningful only with a release build:
//
//   cargo build --release && RINGBACK_BIN=target/release/ringback node tests/peers/measure.mjs
//
// IDLE: seconds to watch the idle daemon (30). wrk and GNU time are used where they are installed.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { check, journey, practice, request, RINGBACK, sleep } from './world.mjs';

const IDLE = Number(process.env.IDLE ?? 30);
const rows = [];
const row = (what, value, how) => rows.push(`| ${what} | ${value} | ${how} |`);

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const at = (numbers, share) => sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];
const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
const ms = (number) => `${number.toFixed(number < 10 ? 2 : 1)} ms`;
const status = (pid) => Object.fromEntries(fs.readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').map((line) => line.split(/:\s+/)));
const spread = (numbers) => `mean ${ms(mean(numbers))}, median ${ms(at(numbers, 0.5))}, p99 ${ms(at(numbers, 0.99))}`;

await journey('measured', async (world) => {
  const { daemon } = await practice(world, ['--access-lifetime', '1h']);
  await world.loginByForm('practice');
  await commandLine(world);
  await overHttp(world, daemon);
  await idle(daemon);
  await startAndStop(world, daemon);
  row('binary', `${(fs.statSync(RINGBACK).size / 2 ** 20).toFixed(1)} MiB`, '`ls -l ringback`');
  console.log(['| what | measured | how |', '| --- | --- | --- |', ...rows].join('\n'));
}, 300_000);

/** Complete processes, started by a shell one after another. */
async function commandLine(world) {
  const loop = 'for i in {1..200}; do a=$EPOCHREALTIME; "$@" >/dev/null; b=$EPOCHREALTIME; echo $((10#${b/./} - 10#${a/./})); done';
  for (const [what, ...command] of [['`/bin/true`', '/bin/true'], ['`ringback token`', RINGBACK, 'token']]) {
    const done = await world.run('bash', ['-c', loop, 'loop', ...command], { limit: 60_000 });
    const times = done.out.trim().split('\n').map((line) => Number(line) / 1000);
    check(done.code === 0 && times.length === 200 && !done.err, `${what}: exit ${done.code} ${done.err}`);
    row(what, spread(times), 'a bash loop of 200');
  }
  const peak = await world.run('/usr/bin/time', ['-f', '%M', RINGBACK, 'token']);
  if (peak.code === 0) row('`ringback token`, peak RSS', `${(Number(peak.err) / 1024).toFixed(1)} MiB`, '`/usr/bin/time -f %M`');
}

/** One caller that sends requests in a loop on one connection, as directly as node can; then wrk. */
async function overHttp(world, daemon) {
  const { hostname, port, host } = new URL(daemon.url);
  row('cached fetch, TCP', spread(await keepAlive({ host: hostname, port }, `Host: ${host}\r\nAuthorization: Bearer ${daemon.key}\r\n`)), '5000 on one keep-alive connection');
  row('cached fetch, unix socket', spread(await keepAlive({ path: daemon.socket }, 'Host: localhost\r\n')), '5000 on one keep-alive connection');
  const script = world.file('wrk.lua', `wrk.headers["Authorization"] = "Bearer ${daemon.key}"\n`); // not in argv
  for (const connections of ['1', '32']) {
    const done = await world.run('wrk', ['-t1', `-c${connections}`, '-d5s', '--latency', '-s', script, `${daemon.url}/token`]);
    if (done.code !== 0) return console.log(`# no wrk: ${done.err}`);
    check(!/Non-2xx|Socket errors/.test(done.out), done.out);
    const found = (pattern) => pattern.exec(done.out)?.[1];
    row(`cached fetch, ${connections} connection(s)`, `${Math.round(found(/Requests\/sec:\s+(\S+)/))} requests/s, median ${found(/^\s+50%\s+(\S+)/m)}, p99 ${found(/^\s+99%\s+(\S+)/m)}`, `\`wrk -t1 -c${connections} -d5s\``);
  }
  row('RSS after that', `${status(daemon.child.pid).VmRSS} (peak ${status(daemon.child.pid).VmHWM})`, '/proc/PID/status');
}

async function keepAlive(where, headers) {
  const socket = net.connect({ ...where, noDelay: true });
  await new Promise((done, fail) => socket.once('connect', done).once('error', fail));
  const times = [];
  for (let i = 0; i < 5100; i += 1) {
    const began = process.hrtime.bigint();
    socket.write(`GET /token HTTP/1.1\r\n${headers}\r\n`);
    const reply = await new Promise((done, fail) => socket.once('data', done).once('close', () => fail(new Error('closed'))));
    times.push(Number(process.hrtime.bigint() - began) / 1e6);
    check(reply.toString('latin1', 9, 12) === '200', reply.toString());
    socket.removeAllListeners('close');
  }
  socket.destroy();
  return times.slice(100);
}

/** Wake-ups and CPU time of all threads. */
function activity(pid) {
  const threads = fs.readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`);
  const sum = (read) => threads.map(read).reduce((a, b) => a + b, 0);
  return {
    threads: threads.length,
    wakeups: sum((dir) => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(fs.readFileSync(path.join(dir, 'status'), 'utf8'))[1])),
    ran: sum((dir) => Number(fs.readFileSync(path.join(dir, 'schedstat'), 'utf8').split(' ')[0])) / 1e6,
  };
}

async function idle(daemon) {
  const { pid } = daemon.child;
  await sleep(2000);
  const before = activity(pid);
  await sleep(IDLE * 1000);
  const after = activity(pid);
  row(`idle for ${IDLE} s, one account`, `${after.wakeups - before.wakeups} wake-ups, ${ms(after.ran - before.ran)} of CPU, ${after.threads} threads`, '/proc/PID/task/*/{status,schedstat}');
}

/** Ten times: from exec to success on /healthz with the account's token available, and from SIGTERM to exit. */
async function startAndStop(world, daemon) {
  const endpoint = path.join(world.env.XDG_RUNTIME_DIR, 'ringback/endpoint.json');
  const starts = [];
  const stops = [];
  const rss = [];
  let running = daemon;
  for (let i = 0; i < 10; i += 1) {
    const asked = performance.now();
    const gone = new Promise((done) => running.child.once('exit', done));
    running.child.kill('SIGTERM');
    await gone;
    stops.push(performance.now() - asked);
    await running.exit;
    const began = performance.now();
    running = world.start(RINGBACK, ['serve']);
    for (let ready = false; !ready; await sleep(0)) {
      check(running.code === undefined && performance.now() - began < 10_000, `not ready: ${running.err}`);
      ready = await request(`${daemon.url}/healthz`).then((reply) => reply.status === 200, () => false);
    }
    starts.push(performance.now() - began);
    while (!fs.existsSync(endpoint)) await sleep(1);
    rss.push(Number.parseInt(status(running.child.pid).VmRSS, 10) / 1024);
  }
  row('start to ready', `${spread(starts)}`, '10 starts: spawn to 200 on /healthz, with a sealed account');
  row('SIGTERM to the exit', `${spread(stops)}`, '10 stops, idle');
  row('RSS after a start', `${mean(rss).toFixed(1)} MiB`, '/proc/PID/status VmRSS');
}
