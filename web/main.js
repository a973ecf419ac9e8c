// Which page stands at which address, and the frame around all of them.

import { forgetMe, remove, whoAmI } from "./api.js";
import { complaint, h, say, waiting } from "./dom.js";
import { signIn, signUp } from "./account.js";
import { forgetAll } from "./holds.js";
import { bookings, recommendations } from "./bookings.js";
import { events } from "./events.js";
import { event } from "./event.js";
import { organise } from "./organise.js";

const PAGES = [
  [/^\/$/, "Concerts", events],
  [/^\/events\/([\w-]+)$/, "Choose your seats", event],
  [/^\/sign-in$/, "Sign in", signIn],
  [/^\/sign-up$/, "Make an account", signUp],
  [/^\/bookings$/, "My bookings", bookings],
  [/^\/for-you$/, "For you", recommendations],
  [/^\/organise$/, "Add a concert", organise],
];

let leave = new AbortController();

async function show() {
  const [path, query] = (location.hash.slice(1) || "/").split("?");
  if (!path.startsWith("/")) return;
  leave.abort();
  leave = new AbortController();
  const main = document.getElementById("main");
  const [pattern, title, page] = PAGES.find(([each]) => each.test(path)) ?? [/^/, "Not found", async () => h("p", {}, "There is no such page.")];
  main.replaceChildren(waiting());
  main.ariaBusy = "true";
  const { signal } = leave;
  try {
    const me = await whoAmI();
    showNavigation(me, path);
    const content = await page({ id: path.match(pattern)[1], query: new URLSearchParams(query), me, signal });
    if (signal.aborted) return;
    main.replaceChildren(...[content].flat());
  } catch (problem) {
    if (signal.aborted) return;
    if (!problem.words) throw problem;
    main.replaceChildren(complaint(problem), h("button", { onclick: show }, "Try again"));
  } finally {
    if (!signal.aborted) main.ariaBusy = "false";
  }
  document.title = `${main.querySelector("h1")?.textContent ?? title} · Encore`;
  if (show.before) main.focus({ preventScroll: true });
  if (show.before) scrollTo(0, 0);
  show.before = true;
}

function showNavigation(me, path) {
  const link = (to, text) => h("a", { href: `#${to}`, ariaCurrent: to === path ? "page" : null }, text);
  const nav = document.getElementById("nav");
  if (!me) return nav.replaceChildren(link("/", "Concerts"), link("/sign-in", "Sign in"), h("a", { href: "#/sign-up", className: "button" }, "Join"));
  nav.replaceChildren(
    link("/", "Concerts"),
    link("/for-you", "For you"),
    link("/bookings", "My bookings"),
    ...(me.role === "organiser" ? [link("/organise", "Organise")] : []),
    h("button", { className: "quiet", title: `Signed in as ${me.email}`, onclick: signOut }, "Sign out"),
  );
}

async function signOut() {
  await remove("/sessions").catch(() => null);
  forgetMe();
  forgetAll();
  say("You are signed out.");
  if (location.hash === "#/" || !location.hash) show();
  else location.hash = "#/";
}

addEventListener("hashchange", show);
show();
