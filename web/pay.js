// The seats that one holds: their time left, paying, giving back, and what came of it.

import { get, post, remove } from "./api.js";
import { bookingId, complaint, form, h, money, told, waiting } from "./dom.js";
import { forget, keep } from "./holds.js";

const POLL = 1000; // milliseconds between two looks at a booking that waits for its payment
const CARDS = [
  ["pm_card_visa", "Visa, ending 4242"],
  ["pm_card_mastercard", "Mastercard, ending 4444"],
  ["pm_card_visa_chargeDeclined", "Visa that will be refused"],
];
const LOOK = "Under “My bookings” you see what was booked.";
const toBookings = () => h("p", {}, h("a", { href: "#/bookings" }, "My bookings"));

export function showHeld(shop, hold) {
  const clock = h("b", { className: "clock", role: "timer" });
  const cards = h("fieldset", {}, h("legend", {}, "Pay with"), CARDS.map(([value, text], at) => h("label", { className: "choice" }, h("input", { type: "radio", name: "card", value, checked: at === 0 }), text)));
  show(shop, hold,
    h("h2", {}, "Held for you"),
    h("p", { className: "hold" }, "These seats are yours for another ", clock),
    ...shop.lines(),
    form({}, ({ card }) => pay(shop, hold, card), cards, h("button", { className: "wide" }, `Pay ${money(hold.total, hold.currency)}`)),
    form({}, () => giveBack(shop, hold), h("button", { className: "quiet wide" }, "Give them back")),
  );
  countDown(shop, hold, clock);
  shop.panel.querySelector("input").focus();
}

// No answer came to a payment: whether it was made, only the shop can tell.
export function showUnknown(shop, hold, problem = { words: "A payment was sent, and this page has seen no answer to it." }) {
  show(shop, hold,
    h("h2", { tabIndex: -1 }, "We do not know yet whether you have paid"),
    complaint(problem),
    ...shop.lines(),
    h("p", {}, "You can ask again. The same request is repeated, so you are charged once at most."),
    form({}, () => pay(shop, hold, hold.sent), h("button", { className: "wide" }, "Ask again")),
    toBookings(),
  );
  shop.panel.querySelector("h2").focus();
}

function show(shop, hold, ...content) {
  shop.hold = hold;
  shop.map.draw(hold.seats);
  shop.panel.classList.add("first");
  shop.panel.replaceChildren(...content);
}

function countDown(shop, hold, clock) {
  const tick = () => {
    if (shop.hold !== hold || shop.signal.aborted) return clearInterval(timer);
    const left = Math.max(0, Math.round((new Date(hold.expires_at) - Date.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    clock.classList.toggle("urgent", left < 60);
    if (left === 0 && !hold.sent) end(shop, hold, complaint({ words: "Your hold has run out, and the seats are free for others again." }));
  };
  const timer = setInterval(tick, 1000);
  tick();
}

function end(shop, hold, message) {
  forget(shop.me, hold);
  shop.release(message);
}

// One key for each hold and card: a repeat, after a reload or in another window too, is the same
// request. That it was sent is kept first, because no answer may ever come.
async function pay(shop, hold, card) {
  const before = hold.sent;
  keep(shop.me, Object.assign(hold, { sent: card }));
  let booking;
  try {
    booking = await post("/bookings", { hold_id: hold.id, payment_method: card }, { "Idempotency-Key": `${hold.id}-${card}` });
  } catch (problem) {
    if (problem.unknown) return showUnknown(shop, hold, problem);
    if ([404, 409].includes(problem.status)) return end(shop, hold, complaint({ words: `${problem.words} ${LOOK}` }));
    keep(shop.me, Object.assign(hold, { sent: before }));
    throw problem;
  }
  forget(shop.me, hold);
  await showOutcome(shop, hold, booking);
}

async function giveBack(shop, hold) {
  let message = told("Your seats were given back.");
  try {
    await remove(`/holds/${hold.id}`);
  } catch (problem) {
    if (![404, 409].includes(problem.status)) throw problem;
    message = complaint({ words: `${problem.words} ${LOOK}` });
  }
  end(shop, hold, message);
}

async function showOutcome(shop, hold, booking) {
  const { panel, signal } = shop;
  if (booking.status === "pending") show(shop, hold, h("h2", { tabIndex: -1 }, "Nearly there"), waiting("Your seats are booked and wait for the payment"), h("p", {}, "You need not wait here: we send you a mail when they are paid for."), ...shop.lines(), bookingId(booking), toBookings());
  while (booking.status === "pending" && !signal.aborted) {
    await new Promise((done) => setTimeout(done, POLL));
    booking = await get(`/bookings/${booking.id}`).catch(() => booking);
  }
  if (signal.aborted) return;
  const shown = [...shop.lines(), bookingId(booking)];
  shop.release();
  panel.replaceChildren(...outcome(shop, hold, booking, shown));
  panel.querySelector("h2").focus();
}

function outcome(shop, hold, { status }, shown) {
  const again = async () => {
    hold.seats.forEach((id) => shop.picked.add(id));
    shop.showPicked();
  };
  if (status === "confirmed") return [h("p", { className: "stamp", role: "status" }, "Confirmed"), h("h2", { tabIndex: -1 }, "See you there!"), ...shown, h("p", {}, "We have sent you a mail."), toBookings()];
  if (status === "declined") return [h("h2", { tabIndex: -1 }, "The payment failed"), h("p", { role: "alert" }, "You pay nothing, and the seats are free again. You can pick them once more and pay with another card."), form({}, again, h("button", { className: "wide" }, "Pick again"))];
  return [h("h2", { tabIndex: -1 }, "This booking was cancelled"), ...shown, toBookings()];
}
