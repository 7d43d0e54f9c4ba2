// MCP servers: FastMCP with its own OAuth, which rotates refresh tokens and refuses their reuse. Its clients are unmodified,
// know no OAuth, and reach it through the proxy.
import { check, journey } from '../world.mjs';
import { checkReport, keyOf, logIn, notes, python } from '../mcp.mjs';

const SECONDS = 25;

await journey('MCP: four clients at once share one login, and each token is refreshed once', async (world) => {
  const lifetime = 10;
  const { counts } = await notes(world, lifetime);
  await logIn(world);
  const [cursor, gemini] = [await keyOf(world, 'cursor'), await keyOf(world, 'claude-code')];
  const began = Date.now();
  const reports = await Promise.all([['fastmcp', cursor], ['fastmcp', gemini], ['mcp', cursor], ['mcp', gemini]].map(([library, at]) => python(world, library, at, SECONDS)));
  const periods = (Date.now() - began) / 1000 / (lifetime * 0.5);
  reports.forEach((report) => checkReport('a client', report));
  const { 'code 200': logins, 'refresh 200': refreshes, ...others } = await counts();
  check(logins === 1 && Object.keys(others).length === 0, `token requests: ${JSON.stringify({ logins, others })}`);
  check(refreshes >= 2 && refreshes <= periods + 2, `${refreshes} refreshes`);
});

await journey('MCP: without a login, and at a server that forgot every token, clients are told which command logs in', async (world) => {
  const { forget } = await notes(world, 600);
  const at = await keyOf(world, 'cursor');
  for (const before of ['nobody has logged in yet', 'ringback login notes']) {
    for (const library of ['fastmcp', 'mcp']) {
      const report = await python(world, library, at, 1);
      check(report.calls === 0 && /ringback login notes/.test(report.error) && report.error.includes(before), `${library}: ${JSON.stringify(report)}`);
    }
    await logIn(world);
    const report = await python(world, 'mcp', at, 1);
    check(!report.error && report.sum === 5, JSON.stringify(report));
    await forget();
  }
});

await journey('MCP: a key for one tool calls that one, and a client of any other is told which rule is missing', async (world) => {
  const { counts } = await notes(world, 600);
  await logIn(world);
  const made = await world.ringback(['app', 'add', 'adder', '--proxy', 'notes', '--tool', 'add']);
  check(made.code === 0, `ringback app add: exit ${made.code}: ${made.err}`);
  const { url } = await keyOf(world, 'cursor');
  const at = { url, key: world.file('adder.key', made.out) };
  const allowed = await python(world, 'mcp', at, 1);
  check(!allowed.error && allowed.sum === 5 && allowed.tools.join() === 'add,count,saw', JSON.stringify(allowed));
  // It calls `count` first.
  const refused = await python(world, 'fastmcp', at, 1);
  check(refused.calls === 0 && refused.error.includes("`--tool 'count'`"), JSON.stringify(refused));
  check((await counts())['code 200'] === 1, 'nobody logged in again');
});
