// OAuth client libraries for Node.js, each as its documentation says, at the token endpoint.
//
// `node oauth-clients.mjs LIBRARY` calls an API again and again with the token that the library holds, and prints the
// status of each call and the token's fingerprint. The library gets another token when the one that it has expires, and
// when the API answers 401.
import crypto from 'node:crypto';
import * as oidc from 'openid-client';
import { ClientCredentials } from 'simple-oauth2';

const { ISSUER, TOKEN_URL, NAME, KEY, API } = process.env;
const PAUSE = 200;

const libraries = {
  /** Knows the issuer only. */
  'openid-client': async () => {
    const metadata = { algorithm: 'oauth2', execute: [oidc.allowInsecureRequests] };
    const config = await oidc.discovery(new URL(ISSUER), NAME, undefined, oidc.ClientSecretBasic(KEY), metadata);
    let tokens = await oidc.clientCredentialsGrant(config);
    const renew = async () => { tokens = await oidc.refreshTokenGrant(config, KEY); };
    return { expired: () => tokens.expiresIn() === 0, token: () => tokens.access_token, renew };
  },
  /** Sends JSON, and holds nothing but the last reply. */
  'simple-oauth2': async () => {
    const url = new URL(TOKEN_URL);
    const client = new ClientCredentials({
      client: { id: NAME, secret: KEY },
      auth: { tokenHost: url.origin, tokenPath: url.pathname },
      options: { bodyFormat: 'json', authorizationMethod: 'body' },
    });
    let held = client.createToken({ access_token: 'none', refresh_token: KEY, expires_in: -1 });
    return { expired: () => held.expired(), token: () => held.token.access_token, renew: async () => { held = await held.refresh(); } };
  },
};

const held = await libraries[process.argv[2]]();
for (;;) {
  if (held.expired()) await held.renew();
  const token = held.token();
  const { status } = await fetch(API, { headers: { authorization: `Bearer ${token}` } });
  console.log(status, crypto.createHash('sha256').update(token).digest('base64url').slice(0, 12));
  if (status === 401) await held.renew();
  await new Promise((done) => setTimeout(done, PAUSE));
}
