// Random choices determined by a seed: each purpose has its own sequence, independent of the others.
import crypto from 'node:crypto';

export class Chance {
  constructor(seed, of = '') {
    this.seed = seed;
    this.state = crypto.createHash('sha256').update(`${seed} ${of}`).digest().readUInt32LE();
  }

  of(what) {
    return new Chance(this.seed, what);
  }

  /** In [0, 1): mulberry32. */
  share() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low, high) {
    return low + (high - low) * this.share();
  }

  happens(share) {
    return this.share() < share;
  }

  pick(list) {
    return list[Math.floor(this.share() * list.length)];
  }

  /** One of the names of { name: weight }. */
  weighted(weights) {
    let left = this.share() * Object.values(weights).reduce((a, b) => a + b);
    return Object.keys(weights).find((name) => (left -= weights[name]) < 0) ?? Object.keys(weights)[0];
  }
}
