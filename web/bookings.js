// What one has booked, what was paid for it, and what one might like.

import { get, post } from "./api.js";
import { complaint, form, h, money, say, waiting, when } from "./dom.js";
import { card } from "./events.js";

const WORDS = { pending: "waiting for the payment", confirmed: "confirmed", declined: "card refused", cancelling: "being cancelled", cancelled: "cancelled" };
const known = new Map(); // events that were asked for before, by id

async function eventOf(id) {
  if (!known.has(id)) known.set(id, await get(`/events/${id}`).catch(() => ({ id, title: "A concert", artist: "", genre: "" })));
  return known.get(id);
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
  return [h("h1", {}, "My bookings"), list, more];
}

async function load(list, more, signal, after) {
  const page = await get(`/bookings?limit=10${after ? `&after=${encodeURIComponent(after)}` : ""}`);
  const items = await Promise.all(page.items.map(async (booking) => row(booking, await eventOf(booking.event_id), signal)));
  list.append(...items);
  if (!list.childElementCount) list.append(h("li", { className: "empty" }, "Nothing yet. ", h("a", { href: "#/" }, "Find a concert"), "."));
  const again = async () => {
    more.replaceChildren(waiting());
    await load(list, more, signal, page.next).catch((problem) => more.replaceChildren(complaint(problem), h("button", { onclick: again }, "Try again")));
  };
  more.replaceChildren(...(page.next ? [h("button", { className: "quiet", onclick: again }, "Show earlier ones")] : []));
}

function row(booking, event, signal) {
  const element = h("li", { className: "card booking" });
  const show = (changed) => {
    booking = changed;
    element.replaceChildren(
      h("div", {},
        h("h2", {}, h("a", { href: `#/events/${event.id}` }, event.title)),
        h("p", {}, [event.artist, event.venue && `${event.venue.name}, ${event.venue.city}`].filter(Boolean).join(" · ")),
        event.starts_at && h("p", {}, h("time", { dateTime: event.starts_at }, when(event.starts_at))),
        h("p", { className: "soft" }, `${booking.seats.length} ${booking.seats.length > 1 ? "seats" : "seat"} · ${money(booking.total, booking.currency)}`),
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
    show(await post(`/bookings/${booking.id}/cancellation`));
    say("Cancelled. Your money is on its way back.");
    follow();
  };
  const follow = async () => {
    while (["pending", "cancelling"].includes(booking.status) && !signal.aborted) {
      await new Promise((done) => setTimeout(done, 1000));
      show(await get(`/bookings/${booking.id}`).catch(() => booking));
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
