// Schemathesis, held against a daemon whose account "work" is logged in. schemathesis.toml has what all runs share.
import path from 'node:path';
import { atSandbox, check, PEERS } from './world.mjs';

const SCHEMATHESIS = path.join(PEERS, '.venv/bin/schemathesis');
/** Test cases of each operation in the last phase. */
const EXAMPLES = '4';
/** Each wrong key is answered more slowly, so this check has a short run of its own. */
const KEYS = 'ignored_auth';

/** All checks but that of keys, and the check of keys alone. */
export const CHECKS = ['--phases', 'examples,coverage,fuzzing', '--exclude-checks', KEYS];
export const CHECK_KEYS = ['--phases', 'examples', '--checks', KEYS];

export const only = (ids) => ids.flatMap((id) => ['--include-operation-id', id]);
export const without = (ids) => ids.flatMap((id) => ['--exclude-operation-id', id]);

/** A daemon, and `run(what, url, filters, headers)`, which fails with what Schemathesis found there. */
export async function schemathesis(world) {
  // Phone.com's limits are for one program, and not for so many requests.
  const more = 'rate_limit_endpoint = "1000/1s"\nrate_limit = "4000/1s"';
  const { daemon } = await atSandbox(world, { flags: ['--rate-limit', 'off'], preferred: 'work', more, accounts: (account) => account('work') });
  await world.loginByForm('work');
  const run = async (what, url, filters, headers = []) => {
    const args = ['--config-file', path.join(PEERS, 'schemathesis.toml'), 'run', `${daemon.url}/openapi.json`, '--url', url, '--max-examples', EXAMPLES,
      '--no-shrink', '--continue-on-failure', ...headers.flatMap((line) => ['-H', line]), ...filters];
    const done = await world.run(SCHEMATHESIS, args, { limit: 230_000, env: { NO_COLOR: '1', PYTHONDONTWRITEBYTECODE: '1' } });
    check(done.code === 0, `${what}: exit ${done.code}: ${done.out.slice(-4000)} ${done.err.slice(-500)}`);
    const [, generated, passed] = /(\d+) generated, (\d+) passed/.exec(done.out) ?? [];
    check(Number(generated) > 0 && generated === passed, `${what}: ${generated} generated, ${passed} passed`);
  };
  return { daemon, run };
}
