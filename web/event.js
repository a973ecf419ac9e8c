// One concert: its seats to pick from, then hold, pay, and the outcome.

import { get, post, remove } from "./api.js";
import { complaint, form, h, money, poster, say, waiting, when } from "./dom.js";
import { seatMap } from "./seats.js";

const MOST = 8;
const REFRESH = 4000; // milliseconds between two looks at the seats
const CARDS = [
  ["pm_card_visa", "Visa, ending 4242"],
  ["pm_card_mastercard", "Mastercard, ending 4444"],
  ["pm_card_visa_chargeDeclined", "Visa that will be refused"],
];

export async function event({ id, me, signal }) {
  const [event, { items }] = await Promise.all([get(`/events/${id}`), get(`/events/${id}/seats`)]);
  const picked = new Set(JSON.parse(sessionStorage.getItem(`picked ${id}`) ?? "[]"));
  const panel = h("aside", { className: "card panel", ariaLabel: "Your seats" });
  const map = seatMap(items, event.currency, picked, toggle);
  const shop = { event, map, picked, panel, me, signal, held: false };
  for (const seat of [...picked]) if (map.seats.get(seat)?.status !== "free") picked.delete(seat);
  map.draw();
  showPicked(shop);
  keepFresh(shop);

  function toggle(seat) {
    if (shop.held) return;
    if (picked.has(seat.id)) picked.delete(seat.id);
    else if (seat.status !== "free") say(`That seat is ${seat.status}.`);
    else if (picked.size === MOST) say(`${MOST} seats at most.`);
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

// Look again every few seconds, as long as the page is seen.
function keepFresh(shop) {
  const timer = setInterval(() => document.visibilityState === "visible" && refresh(shop), REFRESH);
  shop.signal.addEventListener("abort", () => clearInterval(timer));
}

async function refresh(shop) {
  const found = await get(`/events/${shop.event.id}/seats`).catch(() => null);
  if (!found || shop.signal.aborted) return;
  const lost = shop.map.update(found.items, shop.held);
  if (lost.length && !shop.held) {
    lost.forEach((seat) => shop.picked.delete(seat.id));
    say(`${lost.map(named).join(", ")} ${lost.length > 1 ? "were" : "was"} taken by somebody else.`);
    remember(shop);
    showPicked(shop);
  }
}

const named = (seat) => `${seat.section} ${seat.row}${seat.number}`;

function lines({ map, picked, event }) {
  const chosen = [...picked].map((id) => map.seats.get(id)).filter(Boolean);
  const total = chosen.reduce((sum, seat) => sum + seat.price, 0);
  return [
    h("ul", { className: "lines" }, chosen.map((seat) => h("li", {}, h("span", {}, `${seat.section}, row ${seat.row}, seat ${seat.number}`), h("span", {}, money(seat.price, event.currency))))),
    h("p", { className: "total" }, h("span", {}, "Total"), h("b", {}, money(total, event.currency))),
  ];
}

function showPicked(shop, problem) {
  const { panel, picked, map } = shop;
  shop.held = false;
  map.draw();
  if (!picked.size) {
    panel.replaceChildren(...[h("h2", {}, "Your seats"), problem && complaint(problem), h("p", { className: "soft" }, "Pick up to eight seats on the plan: click, or use the arrow keys and the space bar.")].filter(Boolean));
    return;
  }
  const hold = form({}, () => takeHold(shop), h("button", { className: "wide" }, shop.me ? "Hold these seats" : "Sign in to hold these seats"));
  panel.replaceChildren(...[h("h2", {}, "Your seats"), problem && complaint(problem), ...lines(shop), hold].filter(Boolean));
}

async function takeHold(shop) {
  const { event, picked, me } = shop;
  if (!me) {
    location.hash = `#/sign-in?next=${encodeURIComponent(`/events/${event.id}`)}`;
    return;
  }
  try {
    showHeld(shop, await post(`/events/${event.id}/holds`, { seats: [...picked] }));
  } catch (problem) {
    if (problem.type !== "seat-taken") throw problem;
    const taken = problem.seats.map((id) => shop.map.seats.get(id));
    taken.forEach((seat) => picked.delete(seat.id));
    shop.map.mark(problem.seats);
    remember(shop);
    showPicked(shop, { words: `${taken.map(named).join(", ")} ${taken.length > 1 ? "are" : "is"} taken. ${picked.size ? "The others are still picked." : ""}` });
    refresh(shop);
  }
}

function showHeld(shop, hold) {
  const { panel, signal } = shop;
  shop.held = true;
  shop.map.draw();
  const clock = h("b", { className: "clock", role: "timer" });
  const key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  const keys = new Map(); // one key for each card: a repeat after trouble is the same request
  const pay = form({}, async ({ card }) => {
    keys.set(card, keys.get(card) ?? `${key}-${keys.size}`);
    const booking = await post("/bookings", { hold_id: hold.id, payment_method: card }, { "Idempotency-Key": keys.get(card) });
    stop();
    await showOutcome(shop, booking);
  },
  h("fieldset", {}, h("legend", {}, "Pay with"), CARDS.map(([value, text], at) => h("label", { className: "choice" }, h("input", { type: "radio", name: "card", value, checked: at === 0 }), text))),
  h("button", { className: "wide" }, `Pay ${money(hold.total, hold.currency)}`));
  const back = form({}, async () => {
    await remove(`/holds/${hold.id}`).catch((problem) => { if (problem.status !== 404) throw problem; });
    stop();
    say("Your seats were given back.");
    showPicked(shop);
    refresh(shop);
  }, h("button", { className: "quiet wide" }, "Give them back"));
  const tick = () => {
    const left = Math.max(0, Math.round((new Date(hold.expires_at) - Date.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    clock.classList.toggle("urgent", left < 60);
    if (left === 0 && panel.querySelector("form[aria-busy=true]") === null) {
      stop();
      shop.picked.clear();
      remember(shop);
      showPicked(shop, { words: "Your hold has run out, and the seats are free for others again." });
      refresh(shop);
    }
  };
  const timer = setInterval(tick, 1000);
  const stop = () => clearInterval(timer);
  signal.addEventListener("abort", stop);
  tick();
  panel.replaceChildren(h("h2", {}, "Held for you"), h("p", { className: "hold" }, "These seats are yours for another ", clock), ...lines(shop), pay, back);
  panel.querySelector("input").focus();
}

async function showOutcome(shop, booking) {
  const { panel, picked, signal } = shop;
  while (booking.status === "pending" && !signal.aborted) {
    panel.replaceChildren(h("h2", {}, "Nearly there"), waiting("Waiting for the payment"));
    await new Promise((done) => setTimeout(done, 700));
    booking = await get(`/bookings/${booking.id}`).catch(() => booking);
  }
  if (signal.aborted) return;
  const shown = lines(shop);
  if (booking.status === "confirmed") {
    picked.clear();
    remember(shop);
    panel.replaceChildren(h("p", { className: "stamp", role: "status" }, "Confirmed"), h("h2", { tabIndex: -1 }, "See you there!"), ...shown, h("p", {}, "We have sent you a mail. ", h("a", { href: "#/bookings" }, "My bookings")));
  } else {
    panel.replaceChildren(h("h2", { tabIndex: -1 }, "The card was refused"), h("p", { role: "alert" }, "Nothing was charged, and the seats are free again. You can pick them once more and pay with another card."), form({}, async () => showPicked(shop), h("button", { className: "wide" }, "Pick again")));
  }
  panel.querySelector("h2").focus();
  shop.held = false;
  shop.map.draw();
  refresh(shop);
}
