// Three minutes with tokens of ten seconds: four MCP clients at once, of four makers' libraries, on one login whose refresh
// token rotates and must not be used twice.
import { check, journey } from '../world.mjs';
import { checkReport, inspected, inspector, keyOf, logIn, notes, python, remote } from '../mcp.mjs';

const SECONDS = 180;
const LIFETIME = 10;
/** The daemon refreshes when about 80 % of a token's life is over; less than this has to be left of none. */
const SOONEST = 0.6;

/** The Inspector calls one tool again and again by itself, and counts. */
async function inspect(world, at) {
  const load = ['--tool-name', 'add', '--tool-arg', 'a=2', 'b=3', '--load', '--load-rate', '4', '--load-concurrency', '1', '--load-duration', String(SECONDS)];
  const { requests, ok, errorMessages } = inspected(await inspector(world, at, 'tools/call', load, SECONDS));
  return { calls: ok, sum: ok === requests ? 5 : undefined, error: errorMessages.join() };
}

await journey('MCP: for three minutes four clients share one login with tokens of ten seconds', async (world) => {
  const { counts } = await notes(world, LIFETIME);
  await logIn(world);
  const [one, other] = [await keyOf(world, 'cursor'), await keyOf(world, 'claude-code')];
  const began = Date.now();
  const reports = await Promise.all([python(world, 'fastmcp', one, SECONDS), python(world, 'mcp', other, SECONDS), inspect(world, other), remote(world, one, SECONDS)]);
  const took = (Date.now() - began) / 1000;
  ['fastmcp', 'mcp', 'the Inspector', 'mcp-remote'].forEach((name, at) => checkReport(name, reports[at]));
  const { 'code 200': logins, 'refresh 200': refreshes, ...others } = await counts();
  check(logins === 1 && Object.keys(others).length === 0, `token requests: ${JSON.stringify({ logins, others })}`);
  check(refreshes >= SECONDS / LIFETIME - 1 && refreshes <= took / (LIFETIME * SOONEST) + 2, `${refreshes} refreshes in ${took} s`);
  console.log(`# ${reports.map(({ calls }) => calls).join(' + ')} calls, ${refreshes} refreshes in ${took.toFixed(0)} s`);
}, 235_000);
