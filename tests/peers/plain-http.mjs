// Plain requests: one at a time, or a whole login as a script would do it, without a browser.
import http from 'node:http';

/** One HTTP request with node:http: no redirect is followed and no header is added that the caller didn't ask for. */
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

/** Follows redirects with a cookie jar per origin, and presses "allow" on the sandbox's consent page; `known` are cookies it has already. */
export async function submitConsent(start, known = {}) {
  const jar = new Map(Object.entries(known)); // origin -> name -> value
  let next = { url: start };
  for (let hop = 0; hop < 12; hop += 1) {
    const { origin } = new URL(next.url);
    const cookies = jar.get(origin) ?? new Map();
    jar.set(origin, cookies);
    const headers = { ...next.headers };
    if (cookies.size) headers.cookie = [...cookies].map(([k, v]) => `${k}=${v}`).join('; ');
    const reply = await request(next.url, { method: next.method, headers, body: next.body });
    for (const [name, value] of cookiesSet(reply)) cookies.set(name, value);
    if (reply.headers.location) {
      next = { url: new URL(reply.headers.location, next.url).href };
    } else if (reply.text.includes('name="decision"')) {
      next = { ...filledForm(reply.text, next.url), method: 'POST' };
    } else {
      return reply;
    }
  }
  throw new Error('login by form: too many redirects');
}

/** The cookies that a reply sets: name -> value. */
export function cookiesSet(reply) {
  return new Map((reply.headers['set-cookie'] ?? []).map((line) => {
    const [pair] = line.split(';');
    return [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
  }));
}

function filledForm(html, base) {
  const plain = (s) => s.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&#34;', '"').replaceAll('&#38;', '&').replaceAll('&#x27;', "'").replaceAll('&amp;', '&');
  const attribute = (tag, name) => plain(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
  const fields = new URLSearchParams();
  for (const [tag] of html.matchAll(/<input\b[^>]*>/g)) {
    if (attribute(tag, 'type') === 'hidden' || /\schecked\b/.test(tag)) fields.append(attribute(tag, 'name'), attribute(tag, 'value'));
  }
  fields.append('decision', 'allow');
  const url = new URL(attribute(/<form\b[^>]*>/.exec(html)[0], 'action') || base, base).href;
  return { url, headers: { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(base).origin }, body: fields.toString() };
}
