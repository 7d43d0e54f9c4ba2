// Plain requests: single ones, or a complete login without a browser.
import http from 'node:http';

/** One HTTP request with node:http: follows no redirect and adds no header that the caller did not request. */
export function request(url, { method = 'GET', headers = {}, body, agent, socketPath } = {}) {
  return new Promise((done, fail) => {
    const req = http.request(url, { method, headers, agent: agent ?? false, socketPath, timeout: 10_000 }, (res) => {
      const parts = [];
      res.on('data', (part) => parts.push(part));
      res.on('error', fail);
      res.on('end', () => {
        const text = Buffer.concat(parts).toString();
        done({ status: res.statusCode, headers: res.headers, text, json: () => JSON.parse(text) });
      });
    });
    req.on('timeout', () => req.destroy(new Error(`${method} ${url}: no answer within 10 s`)));
    req.on('error', fail);
    req.end(body);
  });
}

/**
 * Follows redirects with a cookie jar per origin and submits each form: presses "allow" on the sandbox's
 * consent page, and signs in as alice and consents at oidc-provider. `known` are initial cookies; `fill` are
 * values for fields and named buttons, such as a user code.
 */
export async function submitConsent(start, known = {}, fill = {}) {
  const jar = new Map(Object.entries(known)); // origin -> name -> value
  let next = { url: start };
  for (let hop = 0; hop < 24; hop += 1) {
    const { origin } = new URL(next.url);
    const cookies = jar.get(origin) ?? new Map();
    jar.set(origin, cookies);
    const headers = { ...next.headers };
    if (cookies.size) headers.cookie = [...cookies].map(([k, v]) => `${k}=${v}`).join('; ');
    const reply = await request(next.url, { method: next.method, headers, body: next.body });
    for (const [name, value] of cookiesSet(reply)) value ? cookies.set(name, value) : cookies.delete(name);
    if (reply.headers.location) {
      next = { url: new URL(reply.headers.location, next.url).href };
    } else if (reply.status === 200 && /<form\b/.test(reply.text) && !/\babort=/.test(next.body ?? '')) {
      next = { ...filledForm(reply.text, next.url, fill), method: 'POST' };
    } else {
      return { ...reply, url: next.url };
    }
  }
  throw new Error(`login by form: too many pages, the last is ${new URL(next.url).pathname}`);
}

/** The cookies that a reply sets: name -> value. */
export function cookiesSet(reply) {
  return new Map((reply.headers['set-cookie'] ?? []).map((line) => {
    const [pair] = line.split(';');
    return [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
  }));
}

function filledForm(html, base, fill) {
  const plain = (s) => s.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&#34;', '"').replaceAll('&#38;', '&').replaceAll('&#x27;', "'").replaceAll('&amp;', '&');
  const attribute = (tag, name) => plain(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
  const values = { login: 'alice', password: 'anything', decision: 'allow', ...fill };
  const fields = new URLSearchParams();
  for (const [tag] of html.matchAll(/<input\b[^>]*>/g)) {
    const name = attribute(tag, 'name');
    if (attribute(tag, 'type') === 'hidden' || /\schecked\b/.test(tag)) fields.append(name, attribute(tag, 'value'));
    else if (name in values) fields.append(name, values[name]);
  }
  for (const [tag] of html.matchAll(/<button\b[^>]*>/g)) {
    const name = attribute(tag, 'name');
    if (name in values && !fields.has(name)) fields.append(name, values[name]);
  }
  const url = new URL(attribute(/<form\b[^>]*>/.exec(html)[0], 'action') || base, base).href;
  return { url, headers: { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(base).origin }, body: fields.toString() };
}
