// Calls an API with the token of an account: node call.mjs ACCOUNT URL
import { readFileSync } from 'node:fs';

const end = (text) => { console.error(text); process.exit(1); };

function daemon() {
  const { RINGBACK_URL, RINGBACK_KEY_FILE, XDG_RUNTIME_DIR } = process.env;
  if (RINGBACK_URL) return { url: RINGBACK_URL, key_file: RINGBACK_KEY_FILE };
  const runtime = XDG_RUNTIME_DIR || `/run/user/${process.getuid()}`;
  const found = JSON.parse(readFileSync(`${runtime}/ringback/endpoint.json`, 'utf8'));
  process.kill(found.pid, 0); // fails if that daemon is gone: another program may have its port by now
  return found;
}

const send = (method, url, bearer) => fetch(url, { method, headers: { authorization: `Bearer ${bearer}` } });

async function ask(method, path) {
  try {
    const { url, key_file: file } = daemon();
    const reply = await send(method, url + path, readFileSync(file, 'utf8').trim());
    const told = await reply.json();
    return reply.ok ? told : end(`error: ${told.error_description}\nhint: ${told.hint}`);
  } catch (error) {
    return end(`error: the ringback daemon can't be reached: ${error.message}\nhint: Start it with \`ringback serve\`.`);
  }
}

const [account, api] = process.argv.slice(2);
const call = async () => send('GET', api, (await ask('GET', `/v1/accounts/${account}/token`)).access_token);
let reply = await call();
if (reply.status === 401) { // once: an API that rejects this one, too, has another reason
  await ask('POST', `/v1/accounts/${account}/rejected`);
  reply = await call();
}
if (!reply.ok) end(`error: the API answered ${reply.status}: ${await reply.text()}`);
console.log(await reply.text());
