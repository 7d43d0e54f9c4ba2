// Checks that the peers work without ringback.
import crypto from 'node:crypto';
import http from 'node:http';
import { visit } from '../browser.mjs';
import { check, freePort, journey, request } from '../world.mjs';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

for (const decision of ['allow', 'deny']) {
  await journey(`oidc-provider and Chromium alone: ${decision}`, async (world) => {
    const port = await freePort();
    const redirect = `http://127.0.0.1:${port}/callback/peer`;
    const provider = await world.oidcProvider({ REDIRECT_URIS: 'http://127.0.0.1/callback/peer' });
    const answers = [];
    const client = http.createServer((req, res) => {
      answers.push(new URL(req.url, redirect).searchParams);
      res.setHeader('content-type', 'text/html').end('<title>arrived</title><p>arrived</p>');
    });
    await new Promise((done) => client.listen(port, '127.0.0.1', done));
    try {
      const verifier = crypto.randomBytes(32).toString('base64url');
      const page = await visit(`${provider.url}/auth?${new URLSearchParams({
        client_id: 'public', response_type: 'code', redirect_uri: redirect, scope: 'openid offline_access', prompt: 'consent', state: 'S',
        code_challenge_method: 'S256', code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url'),
      })}`, { decision });
      check(page.title === 'arrived', `the browser ended at ${page.url} (${page.title})`);
      const [answer] = answers;
      check(answer.get('state') === 'S', 'state did not come back');
      if (decision === 'deny') return check(answer.get('error') === 'access_denied', `error=${answer.get('error')}`);

      const ask = (fields) => request(`${provider.url}/token`, { method: 'POST', headers: form, body: new URLSearchParams({ client_id: 'public', ...fields }).toString() });
      const first = (await ask({ grant_type: 'authorization_code', redirect_uri: redirect, code: answer.get('code'), code_verifier: verifier })).json();
      check(first.refresh_token && first.expires_in === 8, `token reply: ${Object.keys(first)}`);
      const second = (await ask({ grant_type: 'refresh_token', refresh_token: first.refresh_token })).json();
      check(second.refresh_token && second.refresh_token !== first.refresh_token, 'the refresh token did not rotate');
      const userinfo = (token) => request(`${provider.url}/me`, { headers: { authorization: `Bearer ${token}` } });
      check((await userinfo(second.access_token)).json().sub === 'alice', 'userinfo refused a good token');
      // Reuse is refused and recorded in the journal, and the whole grant is revoked.
      check((await ask({ grant_type: 'refresh_token', refresh_token: first.refresh_token })).json().error === 'invalid_grant', 'reuse was not refused');
      check((await userinfo(second.access_token)).status === 401, 'reuse did not revoke the grant');
      const journal = await provider.journal();
      const reuse = journal.filter((e) => e.event === 'token request').map((e) => e.reuse);
      check(JSON.stringify(reuse) === '[false,false,true]', `journal: ${JSON.stringify(journal)}`);
      check(!JSON.stringify(journal).includes(first.refresh_token), 'the journal contains a token');
    } finally {
      client.close();
      client.closeAllConnections();
    }
  });
}
