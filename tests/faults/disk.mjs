// A small disk for the daemon's state that can be filled and made read-only.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const run = (...words) => spawnSync(words[0], words.slice(1), { encoding: 'utf8' });

/** Whether this process may mount. If not, the campaign runs without these faults. */
export const mayMount = () => process.getuid() === 0 && run('mount', '--version').status === 0;

export class Disk {
  constructor(folder) {
    this.folder = folder;
    this.accounts = path.join(folder, 'accounts');
    fs.mkdirSync(folder, { mode: 0o700 });
    this.mounted = mayMount() && run('mount', '-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', folder).status === 0;
    if (!this.mounted) return;
    fs.mkdirSync(this.accounts, { mode: 0o700 });
    // A separate mount, so that only this folder becomes read-only while the lock file beside it stays open.
    this.bound = run('mount', '--bind', this.accounts, this.accounts).status === 0;
  }

  /** Fills the disk to the last byte. */
  fill() {
    const fd = fs.openSync(path.join(this.folder, 'ballast'), 'w', 0o600);
    for (let size = 1 << 20; size >= 1; size = Math.floor(size / 4)) {
      try {
        for (;;) fs.writeSync(fd, Buffer.alloc(size));
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error;
      }
    }
    fs.closeSync(fd);
  }

  empty() {
    fs.rmSync(path.join(this.folder, 'ballast'), { force: true });
  }

  /** Whether that worked: it fails while something is being written. */
  readOnly(on) {
    return run('mount', '-o', `remount,bind,${on ? 'ro' : 'rw'}`, this.accounts).status === 0;
  }

  close() {
    if (this.bound) run('umount', '-l', this.accounts);
    if (this.mounted) run('umount', '-l', this.folder);
  }
}
