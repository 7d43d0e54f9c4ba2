// The true state, independent of the daemon: the tokens that the provider issued, whether they arrived, and the faults
// of the daemon. The campaign's checks are based on it.

/** How much a loaded machine may add to any duration. */
const SLACK = 1500;
/** A reply that arrived less than this before the daemon was killed may not have been written. */
const UNWRITTEN = 1000;
/** The time limit for the replay of an unanswered refresh, and for a stop. */
export const PROMPT = 3000;
/** After these, the daemon can't know whether the provider processed the request. */
const LOST = ['cut before the reply', 'cut during the reply', 'cut after the work', 'later than the timeout'];

/** Times are milliseconds of performance.now(), a clock that is never set. */
export const now = () => performance.now();

export class Truth {
  constructor(name) {
    this.name = name;
    this.count = {};
    this.broken = [];
    this.steps = [];
    this.accounts = new Map();
    this.life = 0; // counts the daemon's starts
    this.skew = 0; // how far the daemon's wall clock is off
    this.skewed = []; // { at, by }
    this.troubles = []; // { what, from, to }: stopped, killed, disk
  }

  add(what, n = 1) {
    this.count[what] = (this.count[what] ?? 0) + n;
  }

  step(what) {
    this.steps.push(`${(now() / 1000).toFixed(3)} ${what}`);
    if (this.steps.length > 60) this.steps.shift();
  }

  violated(what) {
    this.step(`!!! ${what}`);
    if (!this.broken.length) this.ledThere = [...this.steps];
    this.broken.push(what);
  }

  account(name) {
    if (!this.accounts.has(name)) {
      this.accounts.set(name, { name, tokens: new Map(), rotations: [], presented: new Map(), flying: 0, late: new Set(), kept: undefined, logins: 0 });
    }
    return this.accounts.get(name);
  }

  /** Starts a lasting condition; returns a function that ends it. */
  begin(what, account) {
    const trouble = { what, account, from: now(), to: Infinity };
    this.troubles.push(trouble);
    return () => { trouble.to = now(); };
  }

  /** Whether one of these conditions overlapped this time span, for this account or for all. */
  was(whats, from, to, account) {
    return this.troubles.some((t) => whats.includes(t.what) && t.from <= to && t.to >= from && (!t.account || !account || t.account === account));
  }

  /** For how much of this time span. */
  howLong(what, from, to) {
    return this.troubles.filter((t) => t.what === what).reduce((sum, t) => sum + Math.max(0, Math.min(t.to, to) - Math.max(t.from, from)), 0);
  }

  jumped(ms) {
    this.skew += ms;
    this.skewed.push({ at: now(), by: ms });
  }

  // --- at the provider ------------------------------------------------------------------------------------------------

  /** A token request starts; returns a function to call when it has ended for the daemon. */
  sent(name, token, fault) {
    const account = this.account(name);
    const request = { from: now(), to: undefined, fault };
    account.presented.set(token, [...(account.presented.get(token) ?? []), request]);
    account.flying += 1;
    if (account.flying > 1) this.violated(`${name}: ${account.flying} refreshes are in flight`);
    let over = false;
    return () => {
      if (!over) account.flying -= 1;
      over = true;
      request.to ??= now();
    };
  }

  /**
   * The provider issued tokens for `used`, requested at `asked`. The caller sets `arrived` of the returned object once
   * that is known.
   */
  issued(name, used, reply, asked) {
    const lifetime = reply.expires_in * 1000;
    const rotation = { used, refresh: reply.refresh_token, access: reply.access_token, at: now(), arrived: false, died: false };
    const account = this.account(name);
    account.rotations.push(rotation);
    account.late.delete(used);
    // The daemon counts the lifetime from before its request, and may have been paused since.
    const told = { surely: asked + lifetime - this.howLong('stopped', asked - 30_000, asked), atMost: now() + lifetime, lifetime, asked, life: this.life };
    // The same pair again within the grace period, with its remaining lifetime.
    const known = account.tokens.get(reply.access_token);
    account.tokens.set(reply.access_token, known ? { ...told, surely: Math.min(known.surely, told.surely), atMost: Math.max(known.atMost, told.atMost) } : told);
    return rotation;
  }

  loggedIn(name) {
    const account = this.account(name);
    account.logins += 1;
    account.kept = undefined;
    this.judgeReplays(name);
    account.rotations = [];
    account.presented.clear();
    account.late.clear();
  }

  /** A request of a daemon that has died since reaches the provider. */
  cameLate(name, token, from) {
    if (!this.was(['killed', 'down'], from, now(), name)) this.violated(`${name}: the daemon abandoned a request that it had just sent`);
    this.account(name).late.add(token);
  }

  /** After an unanswered first request a second one must have followed soon, unless something prevented it. */
  judgeReplays(name) {
    for (const [first, second] of this.account(name).presented.values()) {
      if (!LOST.includes(first.fault) || !first.to || now() < first.to + PROMPT) continue;
      const until = first.to + PROMPT;
      if (second && second.from <= until) {
        this.add('prompt replays of a refresh that got no answer');
        continue;
      }
      const inTheWay = this.was(['killed', 'starting', 'stopped', 'locked', 'disk', 'down', 'unreachable', 'login'], first.from, until, name)
        || this.skewed.some(({ at }) => at > first.from && at < until);
      if (!inTheWay) this.violated(`${name}: an unanswered refresh (${first.fault}) was not replayed within ${PROMPT} ms`);
      this.add('replays that something was in the way of');
    }
  }

  killed() {
    for (const account of this.accounts.values()) {
      for (const rotation of account.rotations) {
        // A paused process had no time to write, and after a failed write the daemon retries for a while.
        const lately = now() - rotation.at - this.howLong('stopped', rotation.at, now()) < UNWRITTEN;
        const fresh = lately || this.was(['disk'], rotation.at, rotation.at + UNWRITTEN);
        if (fresh && account.kept?.token !== rotation.access) rotation.died = true;
      }
    }
  }

  /** Why the last refresh token is gone: a reply that never arrived, or that the daemon died before writing. */
  whyLost(name) {
    const { rotations, presented, late } = this.account(name);
    if (late.size) return 'a request of a killed daemon came after its replay';
    const gone = rotations.filter((r) => !presented.has(r.refresh) && (!r.arrived || r.died));
    if (!gone.length) return undefined;
    return gone.some((r) => !r.arrived) ? 'the reply never arrived' : 'killed before it could be written';
  }

  // --- at the caller --------------------------------------------------------------------------------------------------

  served(name, token, from, left) {
    const account = this.account(name);
    const known = account.tokens.get(token);
    if (!known) return this.violated(`${name}: a token was served that no provider issued`);
    // A reply that took more than half the token's lifetime counts for half of it (account/state/grant.rs).
    const end = Math.max(known.atMost, (known.heard ?? 0) + known.lifetime / 2);
    if (from > end) this.violated(`${name}: a token was served ${((from - end) / 1000).toFixed(1)} s after its expiry (expires_in ${left})`);
    const since = account.kept?.token === token ? account.kept.since : now();
    account.kept = { token, since, ...known };
  }

  /** A caller got no token between these times. */
  refused(name, reply, from, to) {
    this.add(`told ${reply.error}`);
    const { kept } = this.account(name);
    if (!kept || kept.surely < to + SLACK) return;
    // Another caller may have got the new token while this one's refusal was on its way.
    if (kept.since > from) return;
    const setForward = this.skewed.some(({ at, by }) => by > 0 && at > kept.asked);
    // After a restart there is nothing to serve until the records have been read.
    const unread = kept.life !== this.life && reply.error === 'store_unavailable' && this.was(['disk'], from - 30_000, to);
    const starting = this.was(['starting'], from, to);
    if (setForward || unread || starting || this.was(['stopped', 'login', 'locked'], from, to, name)) return;
    this.violated(`${name}: a valid token (${((kept.surely - to) / 1000).toFixed(1)} s left) was withheld: ${JSON.stringify(reply)}`);
  }

  waited(name, wait, from, to, lag) {
    if (this.was(['stopped', 'killed'], from, to)) return;
    const over = to - from - wait * 1000;
    if (over > SLACK + lag) this.violated(`${name}: a caller with a wait of ${wait} s was kept waiting ${((to - from) / 1000).toFixed(1)} s`);
  }
}
