// A token endpoint that costs little: every refresh token is good, and every token has 64 bytes. For many.mjs.
//
// LIFETIME: of an access token, in seconds. `POST /set?lifetime=S&latency=MS` changes it, and how long a reply takes;
// `GET /count` has the number of requests and when the last reply was sent.
import crypto from 'node:crypto';
import http from 'node:http';

const settings = { lifetime: Number(process.env.LIFETIME ?? 120), latency: 0 };
const count = { requests: 0, replied: 0 };
const token = () => crypto.randomBytes(48).toString('base64url');

const server = http.createServer((req, res) => {
  const url = new URL(req.url, 'http://localhost');
  req.resume();
  if (url.pathname === '/set') {
    for (const [name, value] of url.searchParams) settings[name] = Number(value);
    res.end('{}');
  } else if (url.pathname === '/count') {
    res.end(JSON.stringify(count));
  } else {
    count.requests += 1;
    const body = JSON.stringify({ access_token: token(), refresh_token: token(), token_type: 'bearer', expires_in: settings.lifetime });
    const reply = () => {
      count.replied = Date.now();
      res.writeHead(200, { 'content-type': 'application/json' }).end(body);
    };
    if (settings.latency) setTimeout(reply, settings.latency);
    else reply();
  }
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ issuer: `http://127.0.0.1:${server.address().port}` })));
