// One concert: its seats to pick from, and those that are held.

import { get, post } from "./api.js";
import { complaint, form, h, money, poster, told, when } from "./dom.js";
import { forget, keep, kept, watch } from "./holds.js";
import { showHeld, showUnknown } from "./pay.js";
import { placeOf, seatMap } from "./seats.js";

const MOST = 8;
const REFRESH = 4000; // milliseconds between two looks at the seats

export async function event({ id, me, signal }) {
  const hold = me && kept(me, id);
  const [event, { items }] = await Promise.all([get(`/events/${id}`), get(`/events/${id}/seats`)]);
  const picked = new Set(JSON.parse(sessionStorage.getItem(`picked ${id}`) ?? "[]"));
  const panel = h("aside", { className: "card panel", ariaLabel: "Your seats" });
  const map = seatMap(items, event.currency, picked, toggle);
  const shop = { event, map, picked, panel, me, signal, hold: null, lines: () => lines(shop), showPicked: () => showPicked(shop), release: (message) => release(shop, message) };
  for (const seat of [...picked]) if (map.seats.get(seat)?.status !== "free") picked.delete(seat);
  if (hold) resume(shop, hold);
  else showPicked(shop);
  keepFresh(shop);
  if (me) watch(() => otherWindow(shop), signal);

  function toggle(seat) {
    if (picked.has(seat.id) && !shop.hold) picked.delete(seat.id);
    else if (shop.hold) return map.note(seat, "Pay for the seats that you hold first, or give them back.");
    else if (seat.status !== "free") return map.note(seat, `That seat is ${seat.status}.`);
    else if (picked.size === MOST) return map.note(seat, `${MOST} seats at most.`);
    else picked.add(seat.id);
    remember(shop);
    showPicked(shop);
  }

  return [
    h("div", { className: "billing" }, poster(event, "poster wide"), h("div", {}, h("h1", {}, event.title), h("p", { className: "artist" }, event.artist), h("p", {}, `${event.venue.name}, ${event.venue.city}`), h("p", {}, h("time", { dateTime: event.starts_at }, when(event.starts_at))))),
    h("div", { className: "choosing" }, map.element, panel),
  ];
}

function remember({ event, picked }) {
  sessionStorage.setItem(`picked ${event.id}`, JSON.stringify([...picked]));
}

// Go on with a hold that was made before this page was loaded, unless its seats say that it is gone.
function resume(shop, hold) {
  shop.picked.clear();
  hold.seats.forEach((id) => shop.picked.add(id));
  if (hold.sent) return showUnknown(shop, hold);
  if (hold.seats.every((id) => shop.map.seats.get(id)?.status === "held")) return showHeld(shop, hold);
  forget(shop.me, hold);
  release(shop, complaint({ words: "Your hold is gone. Under “My bookings” you see whether it was booked." }));
}

// Another window of this browser has held these seats, has paid for them, or has given them back.
function otherWindow(shop) {
  const hold = kept(shop.me, shop.event.id);
  if (hold && !shop.hold) {
    shop.map.mark(hold.seats);
    resume(shop, hold);
  } else if (!hold && shop.hold && !shop.hold.sent) {
    release(shop, told("In another window, these seats were paid for or given back."));
  }
}

// Nothing is held any more: let seats be picked again.
function release(shop, message) {
  shop.picked.clear();
  remember(shop);
  showPicked(shop, message);
  shop.panel.querySelector("h2").focus();
  refresh(shop);
}

// Look again every few seconds, as long as the page is seen.
function keepFresh(shop) {
  const timer = setInterval(() => document.visibilityState === "visible" && refresh(shop), REFRESH);
  shop.signal.addEventListener("abort", () => clearInterval(timer));
}

async function refresh(shop) {
  const found = await get(`/events/${shop.event.id}/seats`).catch(() => null);
  if (!found || shop.signal.aborted) return;
  const lost = shop.map.update(found.items);
  if (lost.length && !shop.hold) {
    lost.forEach((seat) => shop.picked.delete(seat.id));
    remember(shop);
    showPicked(shop, complaint({ words: `${lost.map(named).join(", ")} ${lost.length > 1 ? "were" : "was"} taken by somebody else.` }));
  }
}

const named = (seat) => `${seat.section} ${seat.row}${seat.number}`;

function lines({ map, picked, event }) {
  const chosen = [...picked].map((id) => map.seats.get(id)).filter(Boolean);
  const total = chosen.reduce((sum, seat) => sum + seat.price, 0);
  return [
    h("ul", { className: "lines" }, chosen.map((seat) => h("li", {}, h("span", {}, placeOf(seat)), h("span", {}, money(seat.price, event.currency))))),
    h("p", { className: "total" }, h("span", {}, "Total"), h("b", {}, money(total, event.currency))),
  ];
}

function showPicked(shop, message = null) {
  const { panel, picked, map, me } = shop;
  shop.hold = null;
  map.draw();
  panel.classList.remove("first");
  const chosen = picked.size
    ? [...lines(shop), form({}, () => takeHold(shop), h("button", { className: "wide" }, me ? "Hold these seats" : "Sign in to hold these seats"))]
    : [h("p", { className: "soft" }, "Pick up to eight seats on the plan: click, or use the arrow keys and the space bar.")];
  panel.replaceChildren(...[h("h2", { tabIndex: -1 }, "Your seats"), message, ...chosen].filter(Boolean));
}

async function takeHold(shop) {
  const { event, map, picked, me } = shop;
  if (!me) {
    location.hash = `#/sign-in?next=${encodeURIComponent(`/events/${event.id}`)}`;
    return;
  }
  try {
    const hold = await post(`/events/${event.id}/holds`, { seats: [...picked] });
    keep(me, hold);
    map.mark(hold.seats);
    showHeld(shop, hold);
  } catch (problem) {
    if (problem.type !== "seat-taken") throw problem;
    const taken = problem.seats.map((id) => map.seats.get(id));
    taken.forEach((seat) => picked.delete(seat.id));
    map.mark(problem.seats, true);
    remember(shop);
    showPicked(shop, complaint({ words: `${taken.map(named).join(", ")} ${taken.length > 1 ? "are" : "is"} taken. ${picked.size ? "The others are still picked." : ""}` }));
    refresh(shop);
  }
}
