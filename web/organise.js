// For organisers: a new concert.

import { get, post } from "./api.js";
import { field, form, h, say, waiting } from "./dom.js";

const GENRES = ["indie", "jazz", "electronic", "classical", "metal", "folk", "soul"];
const CURRENCIES = ["EUR", "USD", "GBP", "CHF", "SEK"];
const PRICE = "price of ";

export async function organise({ me }) {
  if (me?.role !== "organiser") {
    location.hash = "#/sign-in?next=/organise";
    return waiting();
  }
  const venues = await everyVenue();
  const prices = h("fieldset");
  const showPrices = (id) => {
    const { sections } = venues.find((venue) => venue.id === id);
    prices.replaceChildren(h("legend", {}, "Prices; leave empty what is not sold"), ...sections.map((section) => field(`${section.name} (${section.rows * section.seats_per_row} seats)`, { name: PRICE + section.name, type: "number", min: 0, step: "0.01" })));
  };
  showPrices(venues[0].id);
  const add = async (given) => {
    const named = Object.entries(given).filter(([name, value]) => name.startsWith(PRICE) && value);
    const event = await post("/events", {
      title: given.title,
      artist: given.artist,
      genre: given.genre,
      venue_id: given.venue_id,
      starts_at: given.starts_at && new Date(`${given.starts_at}Z`).toISOString(),
      prices: Object.fromEntries(named.map(([name, value]) => [name.slice(PRICE.length), Math.round(value * 100)])),
      currency: given.currency,
    });
    say("Added.");
    location.hash = `#/events/${event.id}`;
  };
  const options = (values) => values.map((value) => [value, value]);
  const venue = field("Venue", { name: "venue_id", options: venues.map((each) => [each.id, `${each.name}, ${each.city}`]) });
  venue.querySelector("select").addEventListener("change", (event) => showPrices(event.target.value));
  return h("section", { className: "narrow" },
    h("h1", {}, "Add a concert"),
    form({ className: "card" }, add,
      field("Title", { name: "title", maxLength: 200 }),
      field("Artist", { name: "artist", maxLength: 200 }),
      field("Genre", { name: "genre", options: options(GENRES) }),
      venue,
      field("Starts at (UTC)", { name: "starts_at", type: "datetime-local" }),
      field("Currency", { name: "currency", options: options(CURRENCIES) }),
      prices,
      h("button", {}, "Add it")));
}

async function everyVenue() {
  const venues = [];
  for (let after = ""; after !== null;) {
    const page = await get(`/venues?limit=100${after && `&after=${encodeURIComponent(after)}`}`);
    venues.push(...page.items);
    after = page.next;
  }
  return venues;
}
