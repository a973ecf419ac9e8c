// The last bookings: the stages that each has passed, and where it waits now.

import { ask, byId, h, setText } from "./dom.js";
import { duration, milliseconds } from "./figures.js";

const SHOWN = 8;
const SHOWN_ON_A_PHONE = 4;
const PHONE = matchMedia("(max-width: 40rem)");
const CALLS = { "send mail": "mail sent", "ask the payment provider": "provider asked" };

export class Bookings {
  #rows = new Map(); // {id: {element, shown}}
  #isHeld = false;

  constructor(plan, light) {
    this.light = light;
    const hold = byId("hold");
    hold.onclick = () => {
      this.#isHeld = !this.#isHeld;
      hold.ariaPressed = String(this.#isHeld);
      setText(hold, this.#isHeld ? "Let the list go on" : "Hold the list");
    };
    setText(byId("about"), about(plan));
  }

  show({ bookings, processes, at }) {
    const list = byId("list");
    if (!list.children.length && !bookings.length) list.append(h("li", { className: "none soft" }, "No booking yet. Let visitors in, or buy a ticket in the shop."));
    const shown = this.#isHeld ? bookings.filter((booking) => this.#rows.has(booking.id)) : bookings.slice(0, PHONE.matches ? SHOWN_ON_A_PHONE : SHOWN);
    if (!shown.length) return;
    if (!this.#isHeld) {
      const ids = new Set(shown.map((booking) => booking.id));
      for (const [id, row] of this.#rows) if (!ids.has(id) && !row.element.contains(document.activeElement)) this.#remove(id, row);
      list.querySelector(".none")?.remove();
    }
    shown.forEach((booking, number) => {
      const row = this.#rows.get(booking.id) ?? this.#add(booking);
      this.#update(row, booking, processes, at);
      if (!this.#isHeld && list.children[number] !== row.element) list.insertBefore(row.element, list.children[number] ?? null);
    });
  }

  #remove(id, row) {
    row.element.remove();
    this.#rows.delete(id);
  }

  #add(booking) {
    const status = h("span", { className: "status" });
    const told = h("span", { className: "soft" });
    const lines = h("ol", { className: "lines" });
    const open = h("button", { className: "id", type: "button", ariaLabel: `Trace of booking ${booking.id}`, onclick: () => showTrace(booking.id) }, booking.id.slice(0, 8));
    const element = h("li", { className: "booking", data: { id: booking.id } }, h("div", { className: "head" }, open, status, told), lines);
    const light = (on) => () => this.light(on ? processesOf(this.#rows.get(booking.id)?.booking) : []);
    for (const [event, on] of [["mouseenter", true], ["focusin", true], ["mouseleave", false], ["focusout", false]]) element.addEventListener(event, light(on));
    const row = { element, status, told, lines, shown: "" };
    this.#rows.set(booking.id, row);
    byId("list").append(element);
    return row;
  }

  #update(row, booking, processes, at) {
    row.booking = booking;
    row.status.className = `status ${booking.status}`;
    setText(row.status, booking.status);
    setText(row.told, answered(booking));
    const lines = booking.messages.map((message) => stages(message, processes, at));
    const shown = JSON.stringify(lines);
    if (shown === row.shown) return;
    row.shown = shown;
    lines.forEach((line, number) => {
      const element = row.lines.children[number] ?? row.lines.appendChild(h("li", { className: "line" }, h("code", {}, line.type), h("ol", { className: "chips" })));
      setText(element.firstElementChild, line.type); // a message may come before an earlier one
      showChips(element.lastElementChild, line.chips);
    });
  }
}

function showChips(list, chips) {
  chips.forEach(({ kind, what, who, more, when }, number) => {
    const key = [kind, what, who, more].join(" ");
    let chip = list.children[number];
    if (chip?.dataset.key !== key) {
      const made = h("li", { className: `chip ${kind}`, data: { key } }, h("span", {}, what, who && " ", who && h("b", {}, who), more), h("time"));
      if (chip) chip.replaceWith(made);
      else list.append(made);
      chip = made;
    }
    setText(chip.lastElementChild, when);
  });
  while (list.children.length > chips.length) list.lastElementChild.remove();
}

// A message's line: where it was, and where it waits.
function stages({ type, recorded, published, done, waits }, processes, at) {
  return {
    type,
    chips: [
      { kind: "recorded", what: "recorded", who: "", when: milliseconds(recorded) },
      ...(published ? [{ kind: "published", what: "published by", who: published.process, when: milliseconds(published.ms) }] : []),
      ...done.map((each) => ({ kind: each.failed ? "tried" : "done", what: each.failed ? "tried by" : "processed by", who: each.process, more: calls(each), when: `${milliseconds(each.ms)}${each.tries > 1 ? `, ${each.tries} tries` : ""}` })),
      ...waits.map((each) => ({ kind: "waits", what: each.groups.length ? "waits for" : "waits in the outbox for", who: each.process, more: stateOf(each.process, processes), when: duration((at - each.since) / 1000) })),
    ],
  };
}

const calls = ({ calls: names }) => names.map((name) => CALLS[name] && `, ${CALLS[name]}`).filter(Boolean).join("");

function stateOf(process, processes) {
  const state = processes[process]?.state;
  return !state || state === "running" ? "" : ` (${state === "halted" ? "hung" : state})`;
}

function answered({ began, by }) {
  const moment = new Date(began).toLocaleTimeString("en-GB");
  return by ? `${moment}, answered by ${by.process} after ${milliseconds(by.ms)}` : moment;
}

const processesOf = (booking) => (booking ? [booking.by?.process, ...booking.messages.flatMap((message) => [message.published?.process, ...message.done.map((each) => each.process), `topic ${message.topic}`])] : []);

const about = (plan) =>
  plan.topics.length
    ? "A row is a booking, a line is one of its messages. A message is recorded in the outbox together with the change, published by a relay, and processed by each group that reads its topic. The times count from the request. The number of a booking opens its trace."
    : "At this step a booking is done when its request is answered: there are no messages yet. The number of a booking opens what its tables say.";

async function showTrace(id) {
  setText(byId("trace-title"), `Booking ${id.slice(0, 8)}`);
  setText(byId("trace-command"), `./lab trace ${id}`);
  setText(byId("trace-text"), "Reading all topics …");
  byId("trace").showModal();
  const { text } = await ask(`bookings/${id}`).catch((problem) => ({ text: problem.message }));
  setText(byId("trace-text"), text);
}
