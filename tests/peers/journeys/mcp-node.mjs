// Two programs for Node.js that know MCP servers, unmodified, through the proxy: the Inspector's command line, and
// mcp-remote, which many desktop clients start for servers on the web. Both begin an OAuth login of their own on a 401.
import fs from 'node:fs';
import { check, checkLog, journey } from '../world.mjs';
import { checkReport, inspected, inspector, keyOf, logIn, notes, remote } from '../mcp.mjs';

/** Files that a client keeps of an OAuth login of its own. */
const OF_A_LOGIN = /client_info|tokens|code_verifier|oauth/;

await journey('MCP: the Inspector and mcp-remote work with a key alone, and say which command logs in', async (world) => {
  const { daemon, counts, forget } = await notes(world, 600);
  const at = await keyOf(world, 'claude-code');
  // A token of a few seconds is not refreshed when it is rejected; an older one is, and the server refuses that.
  for (const why of [/nobody has logged in yet/, /rejects the account's token|refused the refresh token/]) {
    const asked = await inspector(world, at, 'tools/list');
    const report = await remote(world, at, 0);
    for (const [name, said, failed] of [['the Inspector', asked.err, asked.code === 1], ['mcp-remote', report.error ?? '', report.calls === 0]]) {
      check(failed && said.includes('ringback login notes') && why.test(said), `${name}: ${said.slice(-1500)}`);
      check(!/auth_required|Please authorize/.test(said), `${name} began a login of its own: ${said.slice(-1500)}`);
    }
    await logIn(world);

    const { tools } = inspected(await inspector(world, at, 'tools/list'));
    check(tools.map(({ name }) => name).sort().join() === 'add,count,saw', `tools: ${JSON.stringify(tools)}`);
    for (const [args, text] of [[['add', '--tool-arg', 'a=2', 'b=3'], '5'], [['count', '--tool-arg', 'to=3'], 'counted']]) {
      const { content } = inspected(await inspector(world, at, 'tools/call', ['--tool-name', ...args]));
      check(content[0].text === text, `${args[0]}: ${JSON.stringify(content)}`);
    }
    checkReport('mcp-remote', await remote(world, at, 0));
    await forget();
  }
  const { 'code 200': logins, ...others } = await counts();
  check(logins === 2, `logins: ${logins} ${JSON.stringify(others)}`);
  const kept = fs.readdirSync(world.env.HOME, { recursive: true }).filter((name) => OF_A_LOGIN.test(name));
  check(kept.length === 0, `a client kept ${kept}`);
  checkLog(daemon, [fs.readFileSync(at.key, 'utf8').trim()]);
}, 200_000);
