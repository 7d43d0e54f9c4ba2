// Sends the provider's answer, which is in the fragment of this page's address (RFC 6749 §4.2.2), to the daemon, and goes
// on to the page with the outcome. The answer is neither shown nor stored.
"use strict";

(async () => {
  const answer = location.hash.slice(1);
  // Some providers put a part of the answer, such as `iss` (RFC 9207), into the query.
  const target = location.pathname + location.search;
  // Removed from the address bar and from this tab's history before anything can fail.
  history.replaceState(null, "", location.pathname);
  const waiting = document.getElementById("waiting");
  let why = "failed";
  waiting.hidden = false;
  try {
    const reply = await fetch(target, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: answer,
      // This page's own policy, `no-referrer`, would make the Origin `null`, but the daemon checks for its own.
      referrerPolicy: "same-origin",
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    });
    const { outcome, stray } = await reply.json();
    why = stray ?? why;
    if (!reply.ok || !/^\/login\/outcome\/[\w-]+(\?again)?$/.test(outcome)) throw new Error();
    location.replace(outcome);
  } catch {
    waiting.hidden = true;
    document.getElementById(why).hidden = false;
    document.title = "Not logged in · ringback";
  }
})();
