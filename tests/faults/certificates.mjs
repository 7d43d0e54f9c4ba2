// Certificates for hosts under provider.test, valid for some days around today, since the daemon's clock jumps.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Shim } from './shim.mjs';

const DAYS = 20;

/** { ca, good, bad }: the path of a CA certificate, and keys with certificates that it did or did not sign. */
export function certificates(folder, library) {
  const shim = new Shim(library, path.join(folder, 'openssl-orders'));
  shim.order('wall_ms', -DAYS * 86_400_000);
  const file = (name) => path.join(folder, name);
  const openssl = (...args) => execFileSync('openssl', args, { env: { ...process.env, ...shim.env }, stdio: 'pipe' });
  const made = (name, subject, ...more) => openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-days', String(2 * DAYS), '-subj', `/CN=${subject}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), ...more);
  const leaf = (name, ca) => {
    made(name, 'provider.test', '-addext', 'subjectAltName=DNS:*.provider.test', '-addext', 'basicConstraints=critical,CA:FALSE',
      '-CA', file(`${ca}.pem`), '-CAkey', file(`${ca}.key`));
    return { key: fs.readFileSync(file(`${name}.key`)), cert: fs.readFileSync(file(`${name}.pem`)) };
  };
  made('ca', 'a CA of the tests');
  made('other-ca', 'another CA');
  return { ca: file('ca.pem'), good: leaf('good', 'ca'), bad: leaf('bad', 'other-ca') };
}
