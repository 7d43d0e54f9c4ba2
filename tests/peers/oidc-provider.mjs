// An authorization server nobody here wrote (npm oidc-provider), on loopback, in memory, with a journal.
//
// Settings come from the environment: PORT (0: any), ACCESS_TTL and REFRESH_TTL in seconds, REDIRECT_URIS (space separated).
// The first line on stdout is {"event":"ready","issuer":...}; every later line is one event of the journal,
// and GET /journal answers with all of them so far. No token and no code is ever written into the journal.
import http from 'node:http';
import { Provider } from 'oidc-provider';

const seconds = (name, fallback) => Number(process.env[name] ?? fallback);
const redirects = (process.env.REDIRECT_URIS ?? 'http://127.0.0.1/callback').split(' ');

// What the library would print (start-up advice) goes to stderr: stdout belongs to the journal.
console.info = console.log = console.warn = console.error;

const journal = [];
function note(event, facts) {
  const entry = { event, at: Date.now(), ...facts };
  journal.push(entry);
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}

function configuration() {
  return {
    clients: [{
      client_id: 'public',
      token_endpoint_auth_method: 'none',
      application_type: 'native', // on a loopback redirect any port matches (RFC 8252 §7.3)
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: redirects,
    }],
    scopes: ['openid', 'offline_access', 'email'],
    claims: { openid: ['sub'], email: ['email'] },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.test` }) }),
    pkce: { required: () => true },
    rotateRefreshToken: true, // a second use of a refresh token revokes the whole grant
    clockTolerance: 0, // the default would accept an expired token for seconds more
    cookies: { keys: ['loopback tests only'] },
    features: { devInteractions: { enabled: true }, userinfo: { enabled: true }, revocation: { enabled: true } },
    ttl: {
      AccessToken: seconds('ACCESS_TTL', 8),
      RefreshToken: seconds('REFRESH_TTL', 3600),
      AuthorizationCode: 30, IdToken: 300, Interaction: 300, Session: 3600, Grant: 3600,
    },
    renderError: (ctx, out) => { ctx.type = 'json'; ctx.body = out; },
  };
}

function withJournal(provider) {
  const why = new WeakMap(); // request context -> the error the library kept to itself
  provider.on('grant.error', (ctx, err) => why.set(ctx, err));
  provider.on('grant.revoked', () => note('grant revoked', {}));
  provider.on('server_error', (_ctx, err) => note('server error', { message: String(err?.message) }));
  provider.on('authorization.success', (ctx) => note('authorized', {
    pkce: ctx.oidc.params?.code_challenge_method ?? null,
    state: Boolean(ctx.oidc.params?.state),
    redirect_uri: ctx.oidc.params?.redirect_uri,
  }));
  provider.use(async (ctx, next) => {
    const began = Date.now();
    await next();
    if (ctx.oidc?.route === 'token') {
      const err = why.get(ctx);
      note('token request', {
        began,
        grant: ctx.oidc.params?.grant_type ?? null,
        status: ctx.status,
        outcome: err ? `${err.error}: ${err.error_detail ?? err.error_description ?? ''}` : 'granted',
        reuse: err?.error_detail === 'refresh token already used',
      });
    }
    if (ctx.oidc?.route === 'revocation') note('revocation request', { status: ctx.status });
  });
  return provider.callback();
}

const server = http.createServer();
server.listen(seconds('PORT', 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const answer = withJournal(new Provider(issuer, configuration()));
  server.on('request', (req, res) => {
    if (req.url !== '/journal') return answer(req, res);
    res.setHeader('content-type', 'application/json');
    return res.end(JSON.stringify(journal));
  });
  note('ready', { issuer });
});
