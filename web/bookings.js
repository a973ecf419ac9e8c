// What one has booked, what was paid for it, and what one might like.

import { get, post } from "./api.js";
import { bookingId, complaint, form, h, hour, money, waiting, when } from "./dom.js";
import { card } from "./events.js";
import { everyKept } from "./holds.js";
import { placeOf } from "./seats.js";

const WORDS = { pending: "waiting for the payment", confirmed: "confirmed", declined: "payment failed", cancelling: "being cancelled", cancelled: "cancelled" };
const known = new Map(); // answers from before, by path

async function ask(path, otherwise) {
  if (!known.has(path)) known.set(path, get(path));
  return known.get(path).catch(() => {
    known.delete(path);
    return otherwise;
  });
}

const eventOf = (id) => ask(`/events/${id}`, { id, title: "A concert", artist: "", genre: "" });

// Where the seats are, in words; only how many there are if the plan cannot be had.
async function placesOf({ event_id: event, seats }) {
  const { items } = await ask(`/events/${event}/seats`, { items: [] });
  const plan = new Map(items.map((seat) => [seat.id, placeOf(seat)]));
  const places = seats.map((id) => plan.get(id));
  return places.every(Boolean) ? places : [`${seats.length} ${seats.length > 1 ? "seats" : "seat"}`];
}

function signInFirst(path) {
  location.hash = `#/sign-in?next=${encodeURIComponent(path)}`;
  return waiting();
}

export async function bookings({ me, signal }) {
  if (!me) return signInFirst("/bookings");
  const list = h("ul", { className: "bookings" });
  const more = h("div", { className: "more" });
  await load(list, more, signal, null);
  const holds = await Promise.all(everyKept(me).map(heldRow));
  return [h("h1", {}, "My bookings"), h("ul", { className: "bookings" }, holds), list, more];
}

async function load(list, more, signal, after) {
  const page = await get(`/bookings?limit=10${after ? `&after=${encodeURIComponent(after)}` : ""}`);
  const items = await Promise.all(page.items.map(async (booking) => row(booking, await eventOf(booking.event_id), await placesOf(booking), signal)));
  list.append(...items);
  if (!list.childElementCount) list.append(h("li", { className: "empty" }, "Nothing booked yet. ", h("a", { href: "#/" }, "Find a concert"), "."));
  const again = async () => {
    more.replaceChildren(waiting());
    await load(list, more, signal, page.next).catch((problem) => more.replaceChildren(complaint(problem), h("button", { onclick: again }, "Try again")));
  };
  more.replaceChildren(...(page.next ? [h("button", { className: "quiet", onclick: again }, "Show earlier ones")] : []));
}

const about = (event, places) => [
  h("h2", {}, h("a", { href: `#/events/${event.id}` }, event.title)),
  h("p", {}, [event.artist, event.venue && `${event.venue.name}, ${event.venue.city}`].filter(Boolean).join(" · ")),
  event.starts_at && h("p", {}, h("time", { dateTime: event.starts_at }, when(event.starts_at))),
  h("ul", { className: "places" }, places.map((place) => h("li", {}, place))),
];

async function heldRow(hold) {
  const words = hold.sent ? "payment not known" : `held until ${hour(hold.expires_at)}`;
  return h("li", { className: "card booking" },
    h("div", {}, about(await eventOf(hold.event_id), await placesOf(hold))),
    h("div", { className: "side" }, h("span", { className: "status pending" }, words), h("a", { className: "button", href: `#/events/${hold.event_id}` }, hold.sent ? "Ask again" : "Pay or give back")));
}

function row(booking, event, places, signal) {
  const element = h("li", { className: "card booking" });
  const show = (changed) => {
    booking = changed;
    element.replaceChildren(
      h("div", {},
        about(event, places),
        h("p", {}, h("b", {}, money(booking.total, booking.currency))),
        bookingId(booking),
      ),
      h("div", { className: "side" }, h("span", { className: `status ${booking.status}` }, WORDS[booking.status]), ...actions()),
    );
  };
  const actions = () => [
    h("details", { ontoggle: (toggled) => toggled.target.open && payments(toggled.target.querySelector("div"), booking) }, h("summary", {}, "Payments"), h("div", {})),
    booking.status === "confirmed" && form({}, () => cancel(), h("button", { className: "quiet" }, "Cancel")),
  ].filter(Boolean);
  const cancel = async () => {
    if (!(await sure(`Cancel ${booking.seats.length > 1 ? "these seats" : "this seat"} for ${event.title}? You get ${money(booking.total, booking.currency)} back.`))) return;
    show(await post(`/bookings/${booking.id}/cancellation`).catch(changedAnyway));
    follow();
  };
  // After trouble the booking itself tells whether it is cancelled.
  const changedAnyway = async (problem) => {
    const now = await get(`/bookings/${booking.id}`).catch(() => booking);
    if (now.status === booking.status) throw problem;
    return now;
  };
  const follow = async () => {
    while (["pending", "cancelling"].includes(booking.status) && !signal.aborted) {
      await new Promise((done) => setTimeout(done, 1000));
      const now = await get(`/bookings/${booking.id}`).catch(() => booking);
      if (now.status !== booking.status) show(now);
    }
  };
  show(booking);
  follow();
  return element;
}

async function payments(place, booking) {
  place.replaceChildren(waiting());
  try {
    const { items } = await get(`/payments?booking_id=${booking.id}`);
    place.replaceChildren(items.length
      ? h("ul", { className: "lines" }, items.map((each) => h("li", {}, h("span", {}, `${each.kind}, ${each.status}`), h("span", {}, money(each.kind === "refund" ? -each.amount : each.amount, each.currency)))))
      : h("p", { className: "soft" }, "None."));
  } catch (problem) {
    place.replaceChildren(complaint(problem));
  }
}

function sure(question) {
  return new Promise((done) => {
    const dialog = h("dialog", { onclose: () => { done(dialog.returnValue === "yes"); dialog.remove(); } },
      h("form", { method: "dialog" }, h("p", {}, question), h("div", { className: "choices" }, h("button", { value: "no", className: "quiet" }, "Keep it"), h("button", { value: "yes" }, "Yes, cancel"))));
    document.body.append(dialog);
    dialog.showModal();
  });
}

export async function recommendations({ me }) {
  if (!me) return signInFirst("/for-you");
  const { items } = await get("/recommendations?limit=24");
  const found = await Promise.all(items.map(async ({ event, because }) => {
    const item = card(await eventOf(event.id).then((full) => ({ ...event, ...full })));
    const reasons = await Promise.all(because.slice(0, 2).map(eventOf));
    item.querySelector(".about").append(h("p", { className: "because" }, reasons.length ? `because you booked ${reasons.map((each) => each.title).join(" and ")}` : "others love it"));
    return item;
  }));
  return [h("h1", {}, "For you"), h("ul", { className: "posters" }, found.length ? found : h("li", { className: "empty" }, "Book something, and we will know what you like."))];
}
