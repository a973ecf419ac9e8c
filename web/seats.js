// The plan of a hall, with one button a seat: arrow keys move about, space and enter pick.

import { h, money } from "./dom.js";

const STATES = { free: "free", held: "held by somebody", sold: "sold", picked: "yours" };

export function seatMap(items, currency, picked, toggle) {
  const seats = new Map(items.map((seat) => [seat.id, seat]));
  const buttons = new Map();
  const marked = new Set();
  const sections = [...new Set(items.map((seat) => seat.section))].map((section) => drawSection(section));
  let current = items.find((seat) => seat.status === "free") ?? items[0];
  const element = h("div", { className: "hall" },
    h("div", { className: "stage", ariaHidden: "true" }, "Stage"),
    h("p", { className: "legend" }, ["free", "picked", "held", "sold"].map((state) => h("span", {}, h("i", { className: `seat ${state}`, ariaHidden: "true" }), STATES[state]))),
    h("div", { className: "sections", onkeydown: move, onclick: pick, onfocusin: (event) => event.target.dataset.id && settle(seats.get(event.target.dataset.id)) }, sections),
  );

  function drawSection(name) {
    const own = items.filter((seat) => seat.section === name);
    const rows = Map.groupBy ? Map.groupBy(own, (seat) => seat.row) : groupBy(own);
    return h("section", { className: "block" },
      h("h3", {}, name, h("small", {}, money(own[0].price, currency))),
      h("div", { className: "rows", role: "group", ariaLabel: name }, [...rows].map(([row, line]) => h("div", { className: "row" }, h("span", { className: "name", ariaHidden: "true" }, row), line.map(drawSeat)))),
    );
  }

  function drawSeat(seat) {
    const button = h("button", { type: "button", tabIndex: -1 });
    button.dataset.id = seat.id;
    buttons.set(seat.id, button);
    return button;
  }

  function draw() {
    for (const seat of seats.values()) {
      const state = picked.has(seat.id) ? "picked" : seat.status;
      const button = buttons.get(seat.id);
      const look = `seat ${state}${marked.has(seat.id) ? " taken" : ""}`;
      if (button.className === look) continue;
      button.className = look;
      button.ariaPressed = String(state === "picked");
      button.ariaDisabled = String(state === "held" || state === "sold");
      button.ariaLabel = `${seat.section} row ${seat.row} seat ${seat.number}, ${money(seat.price, currency)}, ${STATES[state]}`;
      button.title = button.ariaLabel;
    }
    if (current) buttons.get(current.id).tabIndex = 0;
  }

  // Take over how things are now; answers the picked seats that somebody else has got.
  function update(now, held) {
    const lost = [];
    for (const seat of now) {
      const known = seats.get(seat.id);
      if (known && known.status !== seat.status) {
        known.status = seat.status;
        if (picked.has(seat.id) && seat.status !== "free" && !held) lost.push(known);
      }
    }
    draw();
    return lost;
  }

  function mark(ids) {
    ids.forEach((id) => { marked.add(id); seats.get(id).status = "held"; });
    draw();
  }

  function settle(seat) {
    buttons.get(current.id).tabIndex = -1;
    current = seat;
    buttons.get(current.id).tabIndex = 0;
  }

  function pick(event) {
    const id = event.target.dataset?.id;
    if (id) toggle(seats.get(id));
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

  return { element, seats, draw, update, mark };
}

function groupBy(seats) {
  const rows = new Map();
  for (const seat of seats) rows.set(seat.row, [...(rows.get(seat.row) ?? []), seat]);
  return rows;
}
