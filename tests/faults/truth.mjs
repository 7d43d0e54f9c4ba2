// What is really so, whatever the daemon believes: which tokens the provider gave, whether they arrived, and what was done
// to the daemon meanwhile. The judge of the campaign.

/** What a loaded machine may add to any time. */
const SLACK = 1500;
/** A reply that arrived less than this before the daemon was killed may not have been written. */
const UNWRITTEN = 1000;
/** Within this a refresh that got no answer is sent once more, and the daemon stops when it is told to. */
export const PROMPT = 3000;
/** After these the daemon can't know whether the provider did its work. */
const LOST = ['cut before the reply', 'cut during the reply', 'cut after the work', 'later than the timeout'];

/** Times are milliseconds of one clock that nobody sets: performance.now(). */
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

  /** Something that lasts begins; what it answers ends it. */
  begin(what, account) {
    const trouble = { what, account, from: now(), to: Infinity };
    this.troubles.push(trouble);
    return () => { trouble.to = now(); };
  }

  /** Whether one of these went on at any time in between, for this account or for all. */
  was(whats, from, to, account) {
    return this.troubles.some((t) => whats.includes(t.what) && t.from <= to && t.to >= from && (!t.account || !account || t.account === account));
  }

  /** For how long in between. */
  howLong(what, from, to) {
    return this.troubles.filter((t) => t.what === what).reduce((sum, t) => sum + Math.max(0, Math.min(t.to, to) - Math.max(t.from, from)), 0);
  }

  jumped(ms) {
    this.skew += ms;
    this.skewed.push({ at: now(), by: ms });
  }

  // --- at the provider ------------------------------------------------------------------------------------------------

  /** A request for a new token set out; what it answers has to be called when it is over for the daemon. */
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
   * The provider gave tokens for `used`, asked at `asked`. Whether they arrived, nobody knows yet: `arrived` of what this
   * answers is to be set.
   */
  issued(name, used, reply, asked) {
    const lifetime = reply.expires_in * 1000;
    const rotation = { used, refresh: reply.refresh_token, access: reply.access_token, at: now(), arrived: false, died: false };
    const account = this.account(name);
    account.rotations.push(rotation);
    account.late.delete(used);
    // The daemon counts from before its request, and may have been stopped since then.
    const told = { surely: asked + lifetime - this.howLong('stopped', asked - 30_000, asked), atMost: now() + lifetime, lifetime, asked, life: this.life };
    // The same pair again, within the grace, with what is left of it.
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

  /** A request of a daemon that is dead by now gets to the provider. */
  cameLate(name, token, from) {
    if (!this.was(['killed', 'down'], from, now(), name)) this.violated(`${name}: the daemon gave a request up that it had just sent`);
    this.account(name).late.add(token);
  }

  /** Where a first request got no answer there was a second one soon, unless something else was in the way. */
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
      if (!inTheWay) this.violated(`${name}: a refresh that got no answer (${first.fault}) was not sent once more within ${PROMPT} ms`);
      this.add('replays that something was in the way of');
    }
  }

  killed() {
    for (const account of this.accounts.values()) {
      for (const rotation of account.rotations) {
        // A process that stood still had no time to write; and what a bad disk did not take is tried again for a while.
        const lately = now() - rotation.at - this.howLong('stopped', rotation.at, now()) < UNWRITTEN;
        const fresh = lately || this.was(['disk'], rotation.at, rotation.at + UNWRITTEN);
        if (fresh && account.kept?.token !== rotation.access) rotation.died = true;
      }
    }
  }

  /** Why the last refresh token is gone: the provider's reply that the daemon never had, or could not write before it died. */
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
    if (!known) return this.violated(`${name}: a token was served that nobody issued`);
    // A reply that took more than half a life is good for half a life (account/state/grant.rs).
    const end = Math.max(known.atMost, (known.heard ?? 0) + known.lifetime / 2);
    if (from > end) this.violated(`${name}: a token was served ${((from - end) / 1000).toFixed(1)} s after its end (expires_in ${left})`);
    account.kept = { token, ...known };
  }

  /** No token came, between these times. */
  refused(name, reply, from, to) {
    this.add(`told ${reply.error}`);
    const { kept } = this.account(name);
    if (!kept || kept.surely < to + SLACK) return;
    const setForward = this.skewed.some(({ at, by }) => by > 0 && at > kept.asked);
    // A restart has to read what was written; until it could, there is nothing to serve.
    const unread = kept.life !== this.life && reply.error === 'store_unavailable' && this.was(['disk'], from - 30_000, to);
    const starting = this.was(['starting'], from, to);
    if (setForward || unread || starting || this.was(['stopped', 'login', 'locked'], from, to, name)) return;
    this.violated(`${name}: a valid token (${((kept.surely - to) / 1000).toFixed(1)} s left) was withheld: ${JSON.stringify(reply)}`);
  }

  waited(name, wait, from, to, lag) {
    if (this.was(['stopped', 'killed'], from, to)) return;
    const over = to - from - wait * 1000;
    if (over > SLACK + lag) this.violated(`${name}: a caller who waits ${wait} s was kept ${((to - from) / 1000).toFixed(1)} s`);
  }
}
