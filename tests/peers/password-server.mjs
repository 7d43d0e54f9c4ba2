// A third-party authorization server (npm @node-oauth/express-oauth-server) for the password grant (RFC 6749
// §4.3), which oidc-provider does not support. On loopback, in memory, with a journal.
//
// Settings come from the environment: PORT (0: any), ACCESS_TTL in seconds, CLIENT_SECRET of the client "local",
// PASSWORD of the user "alice". /token is the token endpoint, GET /me returns the user of the Bearer token, and
// GET /journal returns the journal. The first line on stdout is {"event":"ready","issuer":...}. The journal has
// parameters by name only, and tokens by their fingerprint.
import crypto from 'node:crypto';
import express from 'express';
import OAuthServer from '@node-oauth/express-oauth-server';

const { CLIENT_SECRET, PASSWORD, PORT = '0', ACCESS_TTL = '8' } = process.env;

const journal = [];
function note(event, facts) {
  const entry = { event, at: Date.now(), ...facts };
  journal.push(entry);
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}

const fingerprint = (secret) => secret && crypto.createHash('sha256').update(secret).digest('base64url').slice(0, 12);

const byAccess = new Map();
const byRefresh = new Map();
const model = {
  getClient: (id, secret) => id === 'local' && secret === CLIENT_SECRET && { id, grants: ['password', 'refresh_token'] },
  getUser: (name, password) => name === 'alice' && password === PASSWORD && { name },
  validateScope: (_user, _client, scope) => scope ?? ['calls'],
  saveToken(token, client, user) {
    const saved = { ...token, client, user };
    byAccess.set(saved.accessToken, saved);
    byRefresh.set(saved.refreshToken, saved);
    return saved;
  },
  getAccessToken: (token) => byAccess.get(token),
  getRefreshToken: (token) => byRefresh.get(token),
  revokeToken: (token) => byRefresh.delete(token.refreshToken),
};

const app = express();
const oauth = new OAuthServer({ model, accessTokenLifetime: Number(ACCESS_TTL), refreshTokenLifetime: 3600, continueMiddleware: false });

app.post('/token', express.urlencoded({ extended: false }), (req, res, next) => {
  const body = { ...req.body };
  res.on('finish', () => {
    const granted = res.locals.oauth?.token;
    note('token request', {
      grant: body.grant_type ?? null,
      auth: req.headers.authorization?.split(' ')[0].toLowerCase() ?? (body.client_secret ? 'post' : 'none'),
      names: Object.keys(body).sort(),
      query: Object.keys(req.query),
      status: res.statusCode,
      used: fingerprint(body.refresh_token),
      access_token: fingerprint(granted?.accessToken),
      refresh_token: fingerprint(granted?.refreshToken),
    });
  });
  next();
}, oauth.token());
app.get('/me', oauth.authenticate(), (_req, res) => res.json({ user: res.locals.oauth.token.user.name, scope: res.locals.oauth.token.scope }));
app.get('/journal', (_req, res) => res.json(journal));

const server = app.listen(Number(PORT), '127.0.0.1', () => note('ready', { issuer: `http://127.0.0.1:${server.address().port}` }));
