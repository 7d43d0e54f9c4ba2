// Schemathesis holds the running daemon against the document that it serves: what is accepted over TCP with a key.
import { check, checkLog, journey } from '../world.mjs';
import { CHECKS, schemathesis, without } from '../schemathesis.mjs';

/** An endless reply, what needs other credentials, and what ends the tests of everything else. */
const ELSEWHERE = ['get_events', 'log_out', 'lock', 'oauth_token', 'oauth_token_of_account', 'oauth_token_at_phonecom_path', 'oauth_token_at_short_path'];
const SOCKET_ONLY = [
  'import_token', 'list_apps', 'add_app', 'remove_app', 'rotate_app', 'make_temporary_app', 'unlock', 'list_consents', 'answer_consent',
  'forget_consent', 'open_status_page',
];

await journey('Schemathesis finds no difference between the daemon on TCP and its document', async (world) => {
  const { daemon, run } = await schemathesis(world);
  await run('over TCP', daemon.url, [...CHECKS, ...without([...ELSEWHERE, ...SOCKET_ONLY])], [`Authorization: Bearer ${daemon.key}`]);
  check(daemon.code === undefined, `the daemon ended with ${daemon.code}`);
  checkLog(daemon, [daemon.key]);
}, 235_000);
