// Load test with wrk and ongoing refreshes; not part of CI. Needs wrk.
//
//   cargo build --release && RINGBACK_BIN=target/release/ringback MINUTES=10 node tests/peers/load.mjs
//
// It fails if any request failed, or if memory or open files grew.
import { check, costs, journey, practice, sleep } from './world.mjs';

const MINUTES = Number(process.env.MINUTES ?? 1);

await journey(`load: ${MINUTES} min`, async (world) => {
  const { daemon } = await practice(world, ['--access-lifetime', '20s']);
  await world.loginByForm('practice');
  const script = world.file('wrk.lua', `wrk.headers["Authorization"] = "Bearer ${daemon.key}"\n`); // not in argv
  const wrk = (seconds) => world.run('wrk', ['-t1', '-c32', `-d${seconds}s`, '--latency', '-s', script, `${daemon.url}/token`], { limit: seconds * 1000 + 20_000 });
  await wrk(5); // warm up
  const start = costs(daemon.child.pid);
  let most = start;
  const sampling = (async () => {
    for (const end = Date.now() + MINUTES * 60_000; Date.now() < end; await sleep(1000)) {
      const now = costs(daemon.child.pid);
      most = { rss: Math.max(most.rss, now.rss), threads: Math.max(most.threads, now.threads), fds: Math.max(most.fds, now.fds) };
    }
  })();
  const done = await wrk(MINUTES * 60);
  await sampling;
  await sleep(6000); // idle connections are closed after 5 s
  const end = costs(daemon.child.pid);
  check(done.code === 0 && !/Non-2xx|Socket errors/.test(done.out), `${done.out} ${done.err}`);
  const found = (pattern) => pattern.exec(done.out)?.[1];
  const generation = Number(/"generation":(\d+)/.exec((await world.ringback(['status', 'practice', '--json'])).out)[1]);
  console.log(['| what | |', '| --- | --- |', `| requests | ${found(/(\d+) requests in/)} |`, `| per second | ${found(/Requests\/sec:\s+(\S+)/)} |`,
    `| median, p99 | ${found(/^\s+50%\s+(\S+)/m)}, ${found(/^\s+99%\s+(\S+)/m)} |`, `| refreshes | ${generation - 1} |`,
    ...['rss', 'fds', 'threads'].map((what) => `| ${what} at start, most, end | ${start[what]}, ${most[what]}, ${end[what]} |`)].join('\n'));
  check(end.fds <= start.fds + 2 && end.rss < start.rss * 1.3, `memory or open files grew: ${JSON.stringify(start)} became ${JSON.stringify(end)}`);
}, MINUTES * 60_000 + 120_000);
