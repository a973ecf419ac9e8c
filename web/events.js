// What is on: search, posters, further pages.

import { get } from "./api.js";
import { complaint, field, form, h, money, poster, waiting, when } from "./dom.js";

export async function events({ query }) {
  const list = h("ul", { className: "posters" });
  const more = h("div", { className: "more" });
  const asked = Object.fromEntries([...query].filter(([name, value]) => ["q", "city", "from", "to"].includes(name) && value));
  const search = (given) => {
    const wanted = new URLSearchParams(Object.entries(given).filter(([, value]) => value));
    const to = `#/${wanted.size ? `?${wanted}` : ""}`;
    if (location.hash !== to) location.hash = to;
  };
  const bar = form({ className: "search", role: "search" }, async (given) => search(given),
    field("Title or artist", { name: "q", type: "search", value: asked.q ?? "", placeholder: "Who do you want to hear?", maxLength: 200 }),
    field("City", { name: "city", value: asked.city ?? "", maxLength: 200 }),
    field("From", { name: "from", type: "date", value: asked.from ?? "" }),
    field("To", { name: "to", type: "date", value: asked.to ?? "" }),
    h("button", {}, "Search"),
  );
  await load(list, more, asked, null);
  return [h("div", { className: "hero" }, h("h1", {}, "One more song."), h("p", {}, "Find a concert, pick your seats, be there.")), bar, list, more];
}

async function load(list, more, asked, after) {
  const query = new URLSearchParams({ limit: 12 });
  if (asked.q) query.set("q", asked.q);
  if (asked.city) query.set("city", asked.city);
  if (asked.from) query.set("from", `${asked.from}T00:00:00Z`);
  if (asked.to) query.set("to", `${asked.to}T23:59:59Z`);
  if (after) query.set("after", after);
  const page = await get(`/events?${query}`);
  const first = list.childElementCount;
  list.append(...page.items.map(card));
  if (after) list.children[first]?.querySelector("a").focus();
  if (!list.childElementCount) list.append(h("li", { className: "empty" }, "Nothing found. Try fewer words, or another city."));
  more.replaceChildren(...(page.next ? [h("button", { className: "quiet", onclick: () => further(list, more, asked, page.next) }, "Show more concerts")] : []));
}

async function further(list, more, asked, after) {
  more.replaceChildren(waiting());
  try {
    await load(list, more, asked, after);
  } catch (problem) {
    more.replaceChildren(complaint(problem), h("button", { onclick: () => further(list, more, asked, after) }, "Try again"));
  }
}

export function card(event) {
  return h("li", {},
    h("a", { className: "ticket", href: `#/events/${event.id}` },
      poster(event),
      h("div", { className: "about" },
        h("h2", {}, event.title),
        h("p", {}, `${event.artist} · ${event.genre}`),
        event.venue && h("p", { className: "where" }, `${event.venue.name}, ${event.venue.city}`),
        h("p", { className: "foot" }, h("time", { dateTime: event.starts_at }, when(event.starts_at)), event.price_from !== undefined && h("b", {}, `from ${money(event.price_from, event.currency)}`)),
        event.seats_left !== undefined && event.seats_left < 20 && h("p", { className: "few" }, event.seats_left ? `only ${event.seats_left} left` : "sold out"),
      ),
    ),
  );
}
