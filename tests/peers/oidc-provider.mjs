// A third-party authorization server (npm oidc-provider), on loopback, in memory, with a journal.
//
// Settings from the environment, all optional:
//   PORT                       0: any
//   ACCESS_TTL, REFRESH_TTL    seconds; ACCESS_TTL also applies to client credentials
//   REDIRECT_URIS              of the client "public", separated by spaces
//   SETTINGS                   JSON that is merged over the configuration, one level deep in `features`
//   RESOURCES                  JSON: resource indicator -> its scopes; tokens for one are JWTs for that audience
//   DEVICE_INTERVAL            polling interval sent to a device, in seconds; the library sends none
//   SLOW_DOWN                  number of the poll that is answered with slow_down; the library never sends it
//   DPOP                       "nonce": every proof needs a nonce of the server's (RFC 9449)
//   METADATA                   "openid": no metadata at the URL of RFC 8414
//
// The first line on stdout is {"event":"ready","issuer":...}; every later line is one event of the journal,
// and GET /journal returns all of them so far. Parameters are recorded by name only, and tokens by their
// fingerprint: the journal contains no token, code, secret or assertion.
//
// POST /replay repeats the first refresh, as a thief of that refresh token would.
import crypto from 'node:crypto';
import http from 'node:http';
import { Provider, errors } from 'oidc-provider';

const seconds = (name, fallback) => Number(process.env[name] ?? fallback);
const json = (name) => JSON.parse(process.env[name] ?? '{}');
const redirects = (process.env.REDIRECT_URIS ?? 'http://127.0.0.1/callback').split(' ');
const resources = json('RESOURCES');
const settings = json('SETTINGS');

// The library's own output (start-up advice) goes to stderr: stdout is for the journal.
console.info = console.log = console.warn = console.error;

const journal = [];
function note(event, facts) {
  const entry = { event, at: Date.now(), ...facts };
  journal.push(entry);
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}

const fingerprint = (secret) => secret && crypto.createHash('sha256').update(secret).digest('base64url').slice(0, 12);

function configuration() {
  return {
    clients: [{
      client_id: 'public',
      token_endpoint_auth_method: 'none',
      application_type: 'native', // any port matches on a loopback redirect (RFC 8252 §7.3)
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
    ttl: {
      AccessToken: seconds('ACCESS_TTL', 8),
      ClientCredentials: seconds('ACCESS_TTL', 8),
      RefreshToken: seconds('REFRESH_TTL', 3600),
      AuthorizationCode: 30, DeviceCode: 120, IdToken: 300, Interaction: 300, Session: 3600, Grant: 3600,
    },
    renderError: (ctx, out) => { ctx.type = 'json'; ctx.body = out; },
    ...settings,
    features: {
      devInteractions: { enabled: true },
      userinfo: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: resourceServer },
      ...(process.env.DPOP && { dPoP: { enabled: true, nonceSecret: crypto.randomBytes(32), requireNonce: () => true } }),
      ...settings.features,
    },
  };
}

function resourceServer(_ctx, indicator) {
  if (!(indicator in resources)) throw new errors.InvalidTarget();
  return { scope: resources[indicator], audience: indicator, accessTokenFormat: 'jwt', accessTokenTTL: seconds('ACCESS_TTL', 8) };
}

/** How the client authenticated, and the names of its parameters. */
function sent(ctx) {
  const body = ctx.oidc.body ?? {};
  const facts = { auth: 'none', names: Object.keys(body).sort() };
  if (ctx.headers.authorization) facts.auth = ctx.headers.authorization.split(' ')[0].toLowerCase();
  else if (body.client_secret) facts.auth = 'post';
  else if (body.client_assertion) Object.assign(facts, { auth: 'private_key_jwt', assertion: assertion(body.client_assertion) });
  return facts;
}

/** The content of a client assertion, without its signature. */
function assertion(jwt) {
  try {
    const [header, claims] = jwt.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
    return {
      alg: header.alg, kid: header.kid, iss: claims.iss, sub: claims.sub, aud: claims.aud,
      lifetime: claims.exp - claims.iat, jti: fingerprint(claims.jti),
    };
  } catch {
    return { unreadable: true };
  }
}

function withJournal(provider) {
  const why = new WeakMap(); // request context -> the error that the library does not send
  const failed = (ctx) => {
    const err = why.get(ctx);
    return err ? `${err.error}: ${err.error_detail ?? err.error_description ?? ''}` : 'granted';
  };
  for (const what of ['grant', 'authorization', 'device_authorization', 'pushed_authorization_request', 'introspection', 'revocation']) {
    provider.on(`${what}.error`, (ctx, err) => why.set(ctx, err));
  }
  provider.on('grant.revoked', () => note('grant revoked', {}));
  provider.on('server_error', (_ctx, err) => note('server error', { message: String(err?.message) }));
  provider.on('authorization.success', (ctx) => note('authorized', {
    pkce: ctx.oidc.params?.code_challenge_method ?? null,
    state: Boolean(ctx.oidc.params?.state),
    nonce: Boolean(ctx.oidc.params?.nonce),
    response_type: ctx.oidc.params?.response_type ?? null,
    resource: [ctx.oidc.params?.resource ?? []].flat(),
    redirect_uri: ctx.oidc.params?.redirect_uri,
  }));

  let polls = 0;
  const told = {
    authorization: (ctx) => note('authorize request', {
      names: [...new Set(ctx.URL.searchParams.keys())].sort(),
      response_type: ctx.URL.searchParams.get('response_type'),
      response_mode: ctx.URL.searchParams.get('response_mode'),
      outcome: failed(ctx),
    }),
    pushed_authorization_request: (ctx) => note('pushed request', { ...sent(ctx), status: ctx.status, outcome: failed(ctx) }),
    device_authorization: (ctx) => {
      if (ctx.status === 200 && process.env.DEVICE_INTERVAL) ctx.body.interval = seconds('DEVICE_INTERVAL');
      note('device request', { ...sent(ctx), status: ctx.status, outcome: failed(ctx) });
    },
    token: (ctx, began) => {
      const body = ctx.oidc.body ?? {};
      if (body.device_code) polls += 1;
      if (body.refresh_token) firstRefresh ??= { authorization: ctx.headers.authorization, body: new URLSearchParams(body) };
      const slow = why.get(ctx)?.error === 'authorization_pending' && polls === seconds('SLOW_DOWN', 0);
      if (slow) Object.assign(ctx.body, { error: 'slow_down', error_description: 'you ask too often' });
      note('token request', {
        began,
        grant: ctx.oidc.params?.grant_type ?? null,
        ...sent(ctx),
        scope: body.scope ?? null,
        resource: [ctx.oidc.params?.resource ?? []].flat(),
        status: ctx.status,
        outcome: slow ? 'slow_down' : failed(ctx),
        reuse: why.get(ctx)?.error_detail === 'refresh token already used',
        used: fingerprint(body.refresh_token ?? body.code ?? body.device_code),
        access_token: fingerprint(ctx.body?.access_token),
        refresh_token: fingerprint(ctx.body?.refresh_token),
        expires_in: ctx.body?.expires_in,
      });
    },
    introspection: (ctx) => note('introspection request', { ...sent(ctx), status: ctx.status, active: ctx.body?.active, token: fingerprint(ctx.oidc.body?.token) }),
    revocation: (ctx) => note('revocation request', { ...sent(ctx), status: ctx.status, hint: ctx.oidc.body?.token_type_hint, token: fingerprint(ctx.oidc.body?.token) }),
  };
  provider.use(async (ctx, next) => {
    const began = Date.now();
    if (process.env.METADATA === 'openid' && ctx.path.startsWith('/.well-known/oauth-')) ctx.status = 404;
    else await next();
    if (ctx.path.startsWith('/.well-known/')) note('metadata request', { path: ctx.path, status: ctx.status });
    told[ctx.oidc?.route]?.(ctx, began);
  });
  return provider.callback();
}

let firstRefresh; // the whole request, in memory only

async function replay(issuer) {
  const { authorization, body } = firstRefresh;
  const reply = await fetch(`${issuer}/token`, { method: 'POST', headers: authorization ? { authorization } : {}, body });
  return { status: reply.status, error: (await reply.json()).error };
}

const server = http.createServer();
server.listen(seconds('PORT', 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const answer = withJournal(new Provider(issuer, configuration()));
  server.on('request', async (req, res) => {
    const own = { '/journal': () => journal, '/replay': () => replay(issuer) }[req.url];
    if (!own) return answer(req, res);
    res.setHeader('content-type', 'application/json');
    return res.end(JSON.stringify(await own()));
  });
  note('ready', { issuer });
});
