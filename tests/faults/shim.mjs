// The control side of shim.c: sets the faults of one process's clock, disk and resolver.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ORDERS = ['wall_ms', 'write', 'sync', 'read', 'dns', 'met']; // as in shim.c
const SOURCE = path.join(path.dirname(fileURLToPath(import.meta.url)), 'shim.c');

/** Compiles the shim into `folder`. */
export function compile(folder) {
  const library = path.join(folder, 'shim.so');
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, SOURCE, '-ldl']);
  return library;
}

export class Shim {
  constructor(library, file) {
    fs.writeFileSync(file, Buffer.alloc(8 * ORDERS.length), { mode: 0o600 });
    this.fd = fs.openSync(file, 'r+');
    this.env = { LD_PRELOAD: library, FAULT_SHIM: file };
  }

  /** Takes effect at once; `EAI_AGAIN` of getaddrinfo is -3. */
  order(what, value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    fs.writeSync(this.fd, bytes, 0, 8, 8 * ORDERS.indexOf(what));
  }

  /** How many calls the shim made fail. */
  get met() {
    const bytes = Buffer.alloc(8);
    fs.readSync(this.fd, bytes, 0, 8, 8 * ORDERS.indexOf('met'));
    return Number(bytes.readBigInt64LE());
  }
}
