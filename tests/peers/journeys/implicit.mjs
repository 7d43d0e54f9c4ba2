// The implicit grant at npm oidc-provider in a real Chromium: the token arrives in the fragment and stays nowhere in
// the browser. oidc-provider 9 returns tokens in a fragment only with an ID token, so `nonce` is needed as well.
import http from 'node:http';
import { visit } from '../browser.mjs';
import { check, checkLogAgainst, cookiesSet, ended, journey, request, screenshot, work } from '../world.mjs';

const same = (got, wanted, what) => check(JSON.stringify(got) === JSON.stringify(wanted), `${what}: ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`);

async function implicit(world) {
  const peer = await world.oidcProvider({ ACCESS_TTL: '600' }, {
    clients: [{
      client_id: 'page', token_endpoint_auth_method: 'none', application_type: 'native',
      grant_types: ['implicit'], response_types: ['id_token token'], redirect_uris: ['http://127.0.0.1/callback/peer'],
    }],
    responseTypes: ['code', 'id_token token'],
  });
  const daemon = await work(world, `preset = "oidc"\nissuer = "${peer.url}"\nclient_auth = "none"`, 'grant = "implicit"\nclient_id = "page"\nscope = ["openid", "email"]');
  return { peer, daemon };
}

/** Checks that the token is neither shown, nor in the address bar, the tab's history, a requested URL, or a Referer. */
function checkTraces(page, token) {
  check(!page.html.includes(token) && !page.text.includes(token), 'the page has the token in it');
  check(page.pages.some((html) => html.includes('fragment.js')) && !page.pages.some((html) => html.includes(token)), 'a page on the way has the token in it');
  const traces = [page.url, ...page.history, ...page.requests.flatMap((r) => [r.url, r.referer])];
  const kept = traces.filter((trace) => trace.includes(token) || /access_token|id_token=/.test(trace));
  same(kept.map((trace) => trace.slice(0, 60)), [], 'what the browser keeps of the answer');
}

await journey('implicit: the token arrives in the fragment and stays nowhere in the browser', async (world) => {
  const { peer, daemon } = await implicit(world);
  const { running, url } = await world.beginLogin('work');
  const page = await visit(url, { end: /Logged in|Not logged in/, screenshot: screenshot('implicit') });
  check(await ended(running, 15_000) === 0, `ringback login: exit ${running.code}: ${running.err}; page: ${page.text.slice(0, 300)}`);
  check(/Logged in/.test(page.text) && /\/login\/outcome\//.test(page.url), `the browser ended at ${page.url}: ${page.text.slice(0, 300)}`);
  check(page.outside.every((o) => o.page.startsWith(peer.url)), `a page of ringback requested another host: ${JSON.stringify(page.outside)}`);
  const complaints = page.complaints.filter((text) => !/fonts\.googleapis|ERR_FAILED/.test(text));
  same(complaints, [], 'complaints');

  const token = await world.token();
  checkTraces(page, token);
  const me = await request(`${peer.url}/me`, { headers: { authorization: `Bearer ${token}` } });
  same(me.json().sub, 'alice', 'userinfo');
  const journal = await peer.journal();
  const [asked] = journal.filter((e) => e.event === 'authorize request');
  same([asked.response_type, asked.response_mode === 'query'], ['id_token token', false], 'the authorize request');
  check(['nonce', 'state'].every((name) => asked.names.includes(name)), `the authorize request has ${asked.names}`);
  same(journal.filter((e) => e.event === 'token request'), [], 'token requests');
  check(!world.onDisk(token), 'the token is in the state folder in clear text');
  checkLogAgainst([{ token: 'none of the kind' }], daemon, [token, 'eyJ']);
});

await journey('implicit: a callback with another state is refused, and the login stays pending', async (world) => {
  const { daemon } = await implicit(world);
  const { running, url } = await world.beginLogin('work');
  const opened = await request(url);
  check(opened.status === 303, `the start URL: ${opened.status}`);
  const [, path] = /;\s*Path=([^;]+)/i.exec(opened.headers['set-cookie'][0]);
  const cookies = [...cookiesSet(opened)].map(([name, value]) => ({ name, value, domain: '127.0.0.1', path }));

  const right = opened.headers.location;
  const wrong = new URL(right);
  wrong.searchParams.set('state', wrong.searchParams.get('state').replace(/^./, (c) => (c === 'A' ? 'B' : 'A')));
  const forged = await visit(wrong.href, { cookies, end: /This answer belongs to another login/, screenshot: screenshot('implicit-forged') });
  check(forged.url.startsWith(daemon.url), `the browser ended at ${forged.url}`);
  check(!/You are logged in|^Logged in/m.test(forged.text), `the page claims success: ${forged.text.slice(0, 200)}`);
  check(![forged.url, ...forged.history].some((trace) => /access_token|id_token=/.test(trace)), 'the browser keeps the callback');
  const signedOut = await request(`${daemon.url}/token`, { headers: daemon.authorization });
  check(signedOut.status === 428 && running.code === undefined, `it changed something: token ${signedOut.status}, login ${running.code}: ${running.err}`);

  const page = await visit(right, { cookies, end: /Logged in|Not logged in/ });
  check(await ended(running, 15_000) === 0, `with the right state: exit ${running.code}: ${running.err}; page: ${page.text.slice(0, 300)}`);
  checkTraces(page, await world.token());

  const late = await visit(right, { end: /No login is waiting for this answer/, screenshot: screenshot('implicit-late') });
  check(![late.url, ...late.history].some((trace) => /access_token|id_token=/.test(trace)), 'the browser keeps a late callback');
});

await journey('implicit: an issuer in the query belongs to the token in the fragment', async (world) => {
  const issuer = 'http://127.0.0.1:9';
  const server = http.createServer((req, res) => {
    const asked = new URL(req.url, 'http://h').searchParams;
    const answer = new URLSearchParams({ access_token: 'canary-token', token_type: 'Bearer', expires_in: '600', state: asked.get('state') });
    res.writeHead(302, { location: `${asked.get('redirect_uri')}?${new URLSearchParams({ iss: issuer })}#${answer}` }).end();
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  try {
    const url = `http://127.0.0.1:${server.address().port}`;
    const provider = `authorize_url = "${url}/auth"\ntoken_url = "${url}/token"\nclient_auth = "none"\nissuer = "${issuer}"\niss_required = true`;
    await work(world, provider, 'grant = "implicit"\nclient_id = "page"');
    const login = await world.beginLogin('work');
    const page = await visit(login.url, { end: /Logged in|Not logged in|not taken/, screenshot: screenshot('implicit-iss-in-query') });
    check(await ended(login.running, 15_000) === 0, `ringback login: exit ${login.running.code}: ${login.running.err}; page: ${page.text.slice(0, 300)}`);
    same(await world.token(), 'canary-token', 'the token');
    checkTraces(page, 'canary-token');
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
