// The plan of a hall, with one button a seat: arrow keys move about, space and enter pick.

import { h, money } from "./dom.js";

const STATES = { free: "free", picked: "picked", own: "held for you", held: "held by somebody", sold: "sold" };
const NOTED = 4000; // milliseconds that words beside the seats stay

export const placeOf = (seat) => `${seat.section}, row ${seat.row}, seat ${seat.number}`;

export function seatMap(items, currency, picked, toggle) {
  const seats = new Map(items.map((seat) => [seat.id, seat]));
  const buttons = new Map();
  const taken = new Set();
  const notes = new Map(); // by section
  const sizes = new ResizeObserver((changed) => changed.forEach(({ target }) => fit(target)));
  let own = []; // the seats that are held for whoever looks
  const sections = [...new Set(items.map((seat) => seat.section))].map((section) => drawSection(section));
  let current = items.find((seat) => seat.status === "free") ?? items[0];
  const element = h("div", { className: "hall" },
    h("div", { className: "stage", ariaHidden: "true" }, "Stage"),
    h("p", { className: "legend" }, Object.keys(STATES).map((state) => h("span", {}, h("i", { className: `seat ${state}`, ariaHidden: "true" }), STATES[state]))),
    h("div", { className: "sections", onkeydown: move, onclick: pick, onfocusin: (event) => event.target.dataset.id && settle(seats.get(event.target.dataset.id)) }, sections),
  );

  function drawSection(name) {
    const all = items.filter((seat) => seat.section === name);
    const rows = Map.groupBy ? Map.groupBy(all, (seat) => seat.row) : groupBy(all);
    const plan = h("div", { className: "rows", role: "group", ariaLabel: name }, [...rows].map(([row, line]) => h("div", { className: "row" }, h("span", { className: "name", ariaHidden: "true" }, row), line.map(drawSeat))));
    sizes.observe(plan);
    notes.set(name, h("p", { className: "note", role: "status" }));
    return h("section", { className: "block" },
      h("h3", {}, name, h("small", {}, money(all[0].price, currency))),
      h("p", { className: "soft hint" }, "Scroll sideways for more seats ", h("span", { ariaHidden: "true" }, "↔")),
      plan,
      notes.get(name),
    );
  }

  // Say so where the rows are wider than the screen, and begin at the seats that are chosen.
  function fit(plan) {
    plan.parentElement.classList.toggle("scrolls", plan.scrollWidth > plan.clientWidth);
    const chosen = plan.querySelector(".own, .picked");
    if (chosen) plan.scrollLeft = chosen.offsetLeft - plan.offsetLeft - plan.clientWidth / 2;
  }

  function drawSeat(seat) {
    const button = h("button", { type: "button", tabIndex: -1 }, h("span", {}, seat.number));
    button.dataset.id = seat.id;
    buttons.set(seat.id, button);
    return button;
  }

  function draw(held = []) {
    own = held;
    for (const seat of seats.values()) {
      const state = own.includes(seat.id) ? "own" : picked.has(seat.id) ? "picked" : seat.status;
      const button = buttons.get(seat.id);
      const look = `seat ${state}${taken.has(seat.id) ? " taken" : ""}`;
      if (button.className === look) continue;
      button.className = look;
      button.ariaPressed = String(state === "picked" || state === "own");
      button.ariaDisabled = String(state === "held" || state === "sold");
      button.ariaLabel = `${placeOf(seat)}, ${money(seat.price, currency)}, ${STATES[state]}`;
      button.title = button.ariaLabel;
    }
    if (current) buttons.get(current.id).tabIndex = 0;
  }

  // Take over how things are now; answers the picked seats that somebody else has got.
  function update(now) {
    const lost = [];
    for (const seat of now) {
      const known = seats.get(seat.id);
      if (known && known.status !== seat.status) {
        known.status = seat.status;
        if (picked.has(seat.id) && seat.status !== "free") lost.push(known);
      }
    }
    draw(own);
    return lost;
  }

  // These seats are held from now on; by somebody else if they are lost.
  function mark(ids, lost = false) {
    ids.forEach((id) => { seats.get(id).status = "held"; if (lost) taken.add(id); });
    draw(own);
  }

  // Words about a seat, below the rows of its section.
  function note({ section }, words) {
    const place = notes.get(section);
    place.textContent = words;
    clearTimeout(note.timer);
    note.timer = setTimeout(() => notes.forEach((each) => (each.textContent = "")), NOTED);
  }

  function settle(seat) {
    buttons.get(current.id).tabIndex = -1;
    current = seat;
    buttons.get(current.id).tabIndex = 0;
  }

  function pick(event) {
    const button = event.target.closest("[data-id]");
    if (button) toggle(seats.get(button.dataset.id));
  }

  function move(event) {
    const button = event.target.closest("[data-id]");
    if (!button) return;
    const row = button.parentElement;
    const rows = [...element.querySelectorAll(".row")];
    const column = [...row.children].indexOf(button);
    const next = {
      ArrowLeft: () => button.previousElementSibling,
      ArrowRight: () => button.nextElementSibling,
      ArrowUp: () => rows[rows.indexOf(row) - 1]?.children,
      ArrowDown: () => rows[rows.indexOf(row) + 1]?.children,
      Home: () => row.children[1],
      End: () => row.lastElementChild,
    }[event.key]?.();
    if (!next) return;
    event.preventDefault();
    const target = next instanceof HTMLCollection ? next[Math.min(column, next.length - 1)] : next;
    if (target.dataset.id) target.focus();
  }

  return { element, seats, draw, update, mark, note };
}

function groupBy(seats) {
  const rows = new Map();
  for (const seat of seats) rows.set(seat.row, [...(rows.get(seat.row) ?? []), seat]);
  return rows;
}
