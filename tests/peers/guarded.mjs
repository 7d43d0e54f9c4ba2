// Servers for whoever has a valid token of the sandbox, as Bearer or as the password of Basic; and the links by which
// programs call ringback as their credential helper.
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { RINGBACK, request } from './world.mjs';

/** A folder for PATH with ringback under these names. */
export function linked(world, ...names) {
  const folder = path.join(world.dir, 'links');
  fs.mkdirSync(folder, { recursive: true });
  for (const name of names) fs.symlinkSync(RINGBACK, path.join(folder, name));
  return { PATH: `${folder}:${world.env.PATH}` };
}

/** How a request shows its token: `{ scheme, user, token }`, all undefined if it does not. */
export function shown({ authorization = '' }) {
  const [scheme, value = ''] = authorization.split(' ');
  if (/^bearer$/i.test(scheme)) return { scheme: 'Bearer', token: value };
  if (!/^basic$/i.test(scheme)) return {};
  const [user, ...rest] = Buffer.from(value, 'base64').toString().split(':');
  return { scheme: 'Basic', user, token: rest.join(':') };
}

/** Whether the sandbox takes this token. */
export async function isValid(sandbox, token) {
  if (!token) return false;
  const headers = { authorization: `Bearer ${token}` };
  return (await request(`${sandbox.url}/v4/oauth/access-token`, { headers })).status === 200;
}

/**
 * A server that answers by `answer(asked, reply, shown)` those who show a valid token by one of `schemes`, and others
 * with a challenge. `seen` grows by `[path, how the token was shown, status]`. `tls`: its key and certificate.
 */
export async function guarded({ sandbox, port, schemes, tls, answer, open = () => false }) {
  const seen = [];
  const handle = async (asked, reply) => {
    const by = shown(asked.headers);
    const mayPass = schemes.includes(by.scheme) && await isValid(sandbox, by.token);
    reply.on('finish', () => seen.push([asked.url, by.scheme ?? 'nothing', reply.statusCode, by.user]));
    if (mayPass || open(asked)) return answer(asked, reply, by);
    return reply.writeHead(401, { 'www-authenticate': schemes.map((scheme) => `${scheme} realm="guarded"`) }).end('a token is needed\n');
  };
  const server = tls ? https.createServer(tls, handle) : http.createServer(handle);
  await new Promise((done) => { server.listen(port, '127.0.0.1', done); });
  server.unref();
  return { seen, close: () => { server.close(); server.closeAllConnections(); } };
}

/** A key and a certificate for 127.0.0.1, in PEM. */
export function certificate(world) {
  const [key, cert] = ['tls.key', 'tls.pem'].map((name) => path.join(world.dir, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
}

/** Answers by git's own server (git-http-backend(1)), for the repositories in `root`. */
export function gitBackend(root) {
  return (asked, reply) => {
    const { pathname, search } = new URL(asked.url, 'http://127.0.0.1');
    const cgi = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env.PATH, GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: pathname, QUERY_STRING: search.slice(1),
        REQUEST_METHOD: asked.method, CONTENT_TYPE: asked.headers['content-type'] ?? '', REMOTE_ADDR: '127.0.0.1',
        ...(asked.headers['content-length'] && { CONTENT_LENGTH: asked.headers['content-length'] }),
        ...(asked.headers['content-encoding'] && { HTTP_CONTENT_ENCODING: asked.headers['content-encoding'] }),
        ...(asked.headers['git-protocol'] && { GIT_PROTOCOL: asked.headers['git-protocol'] }),
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    cgi.stdin.on('error', () => {});
    asked.pipe(cgi.stdin);
    const parts = [];
    cgi.stdout.on('data', (part) => parts.push(part));
    cgi.on('close', () => {
      const all = Buffer.concat(parts);
      const end = all.indexOf('\r\n\r\n');
      const headers = Object.fromEntries(all.subarray(0, end).toString().split('\r\n').map((line) => line.split(': ')));
      reply.writeHead(Number.parseInt(headers.Status ?? '200', 10), headers).end(all.subarray(end + 4));
    });
  };
}

export const sha256 = (bytes, encoding = 'hex') => crypto.createHash('sha256').update(bytes).digest(encoding);
