// Keeps the status page current: it asks for the page again when the daemon says that something changed, moves bars and
// times along, and shows clocks in the time zone of the browser. If the daemon does not answer, it says so.
"use strict";

(() => {
  const AGAIN = 10_000;
  const RETRY = 3_000;
  const page = document.getElementById("page");
  const places = { gone: document.getElementById("gone"), over: document.getElementById("over") };
  let state = "live";
  let seen;
  // How far the browser's clock is behind the daemon's, which may be on another machine (`ssh -L`).
  let behind;
  let stream;
  let looking = false;
  let missed = false;

  const now = () => Date.now() + behind;

  /** Takes the time of a page that has just been made. */
  const setClock = (fresh) => {
    seen = new Date();
    behind = Date.parse(fresh.dataset.now) + 500 - seen.getTime();
    if (Math.abs(behind) < 2_000) behind = 0;
  };

  const distance = (at) => {
    const seconds = Math.floor(at / 1000) - Math.floor(now() / 1000);
    const far = Math.abs(seconds);
    const units = [[120, 1, "s"], [7_200, 60, "min"], [172_800, 3_600, "h"], [Infinity, 86_400, "days"]];
    const [, size, unit] = units.find(([most]) => far < most);
    const told = `${Math.floor(far / size)} ${unit}`;
    return seconds > 0 ? `in ${told}` : `${told} ago`;
  };

  const clock = (at) => {
    const date = new Date(at);
    const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return date.toDateString() === new Date(now()).toDateString() ? time : `${date.toLocaleDateString()} ${time}`;
  };

  const write = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };

  const tick = (root) => {
    for (const time of root.querySelectorAll("time[data-shows]")) {
      const at = Date.parse(time.dateTime);
      if (Number.isNaN(at)) continue;
      write(time, time.dataset.shows === "clock" ? clock(at) : distance(at));
      time.title = new Date(at).toLocaleString();
    }
    for (const bar of root.querySelectorAll("svg[data-from]")) {
      const [from, to] = [Date.parse(bar.dataset.from), Date.parse(bar.dataset.to)];
      const passed = Math.min(Math.max((now() - from) / (to - from), 0), 1);
      bar.querySelector(".passed").setAttribute("width", Math.round(passed * 1000));
      bar.setAttribute("aria-label", bar.getAttribute("aria-label").replace(/^\d+/, Math.floor(passed * 100)));
    }
  };

  /** Gives the page, or a fresh one, what it has beyond its HTML in a state. */
  const dress = (root, state) => {
    for (const button of root.querySelectorAll(".copies")) button.hidden = !navigator.clipboard;
    for (const button of root.querySelectorAll("button:not(.copies)")) button.disabled = state !== "live";
    const pulse = root.querySelector("#seen");
    pulse.className = state;
    write(pulse, { live: "Live", gone: "No connection", over: "Session over" }[state]);
    tick(root);
  };

  const enter = (entered) => {
    state = entered;
    for (const [name, place] of Object.entries(places)) {
      place.hidden = name !== state;
      place.querySelector(".seen").textContent = seen.toLocaleTimeString();
    }
    document.body.classList.toggle("stale", state !== "live");
    if (state !== "live") document.title = `${places[state].querySelector("strong").textContent} · ringback`;
    dress(page, state);
  };

  /** Makes `old` equal to `fresh` and keeps what is the same, so that focus, selection and buttons stay where they are. */
  const merge = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      write(old, fresh.textContent);
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const known = wanted.id ? [...old.children].find((child) => child.id === wanted.id) : at;
      if (known && known.nodeName === wanted.nodeName && (known.id ?? "") === (wanted.id ?? "")) {
        if (known === at) at = at.nextSibling;
        else old.insertBefore(known, at);
        merge(known, wanted);
      } else {
        old.insertBefore(document.adoptNode(wanted), at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  /** Asks for the page and shows it. */
  const look = async () => {
    if (looking) {
      missed = true;
      return;
    }
    looking = true;
    missed = false;
    try {
      const reply = await fetch("/", { cache: "no-store", credentials: "same-origin", redirect: "error" });
      if (reply.status === 401) {
        enter("over");
        return;
      }
      const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
      const found = fresh.getElementById("page");
      if (!found) throw new Error();
      setClock(found);
      document.title = fresh.title;
      // Dressed before: only what has really changed is touched, and a selection stays.
      dress(found, "live");
      merge(page, found);
      enter("live");
    } catch {
      enter("gone");
    } finally {
      looking = false;
      if (missed && state === "live") look();
    }
  };

  const listen = () => {
    stream = new EventSource("/do/events");
    stream.addEventListener("changed", look);
    // What happened while no stream was open is not told.
    stream.onopen = look;
    stream.onerror = () => {
      // The stream does not tell a daemon that is gone from a session that is over, so the page is asked for.
      hangUp();
      look();
    };
  };

  const hangUp = () => {
    stream?.close();
    stream = undefined;
  };

  // A browser has few connections to one server: a page that nobody looks at holds none.
  const turn = () => {
    if (document.hidden || state === "over") hangUp();
    else if (!stream && state === "live") listen();
  };

  document.addEventListener("visibilitychange", () => {
    turn();
    if (!document.hidden && state !== "over") look();
  });
  document.addEventListener("click", async ({ target }) => {
    if (!target.matches(".copies")) return;
    await navigator.clipboard.writeText(target.parentElement.querySelector("pre").textContent);
    target.textContent = "Copied";
    setTimeout(() => write(target, "Copy"), 2_000);
  });
  setInterval(() => tick(page), 1_000);
  setInterval(turn, RETRY);
  setInterval(() => {
    if (!document.hidden && state === "live") look();
  }, AGAIN);
  setInterval(() => {
    if (!document.hidden && state === "gone") look();
  }, RETRY);
  setClock(page);
  enter("live");
  turn();
})();
