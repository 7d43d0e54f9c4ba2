// A client of the local API whose types openapi-typescript made from docs/openapi.json (`./api`). It is compiled with
// `strict`, so a reply is used here only as the document describes it.
import createClient from 'openapi-fetch';
import type { components, paths } from './api';

declare const process: { env: Record<string, string> };
const { URL, KEY } = process.env;
const client = createClient<paths>({ baseUrl: URL, headers: { authorization: `Bearer ${KEY}` } });
const of = (name: string) => ({ params: { path: { name } } });

const token = await client.GET('/v1/accounts/{name}/token', of('work'));
if (token.error) throw new Error(`no token: ${token.error.error}`);
// It may also be plain text, for who asks for that.
if (typeof token.data === 'string') throw new Error('the token came as plain text');
const status = await client.GET('/v1/accounts/{name}', of('spare'));
if (status.error) throw new Error(`no status: ${status.error.error}`);
const state: components['schemas']['AccountState'] = status.data.state;
const refused = await client.GET('/v1/accounts/{name}/token', of('spare'));
if (!refused.error) throw new Error('there is a token without a login');
const code: components['schemas']['ErrorCode'] = refused.error.error;

console.log(JSON.stringify({
  token: token.data.access_token, account: token.data.account, state, code, hint: refused.error.hint, status: refused.response.status,
}));
