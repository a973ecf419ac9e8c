// The arrows between the boxes, their numbers, and a dot for what goes along them.

import { byId, calm, setText, svg } from "./dom.js";
import { perSecond } from "./figures.js";

const MOST_DOTS = 12; // on an arrow, for a snapshot
const FEWEST_DOTS = 3; // on a short one
const LASTS = 900; // milliseconds
const FEW = 20; // messages that may be on their way to a group
const STUCK = 3000; // milliseconds in which a group takes none of the messages that there are
const NEAR = 4; // pixels between an arrow and a box that it passes
const WIDE = matchMedia("(min-width: 74rem)");

export class Wires {
  #drawn = new Map(); // {name of a link: {path, label, d}}
  #shape = "";

  // Draws these links between boxes, {name: element}, and lets dots go along them.
  show(links, boxes, rates) {
    if (!WIDE.matches) return;
    const known = links.filter((link) => boxes.get(link.from) && boxes.get(link.to));
    const places = new Map();
    for (const name of new Set(known.flatMap((link) => [link.from, link.to]))) places.set(name, placeOf(boxes.get(name)));
    const shape = JSON.stringify([known.map((link) => link.name), [...places.values()]]);
    if (shape !== this.#shape) this.#draw(known, places);
    this.#shape = shape;
    for (const link of known) this.#update(link, rates);
  }

  #draw(links, places) {
    const wires = byId("wires");
    wires.replaceChildren();
    this.#drawn.clear();
    const ends = spread(links, places);
    for (const link of links) {
      const { d, label } = route(link, places, ends.get(link));
      const path = svg("path", { d, class: `wire ${link.kind}` });
      const text = svg("text", { class: "on-wire", ...label });
      wires.append(path, text);
      this.#drawn.set(link.name, { path, text, d });
    }
  }

  #update(link, rates) {
    const { path, text, d } = this.#drawn.get(link.name);
    const rate = rates.of(link.name);
    const isLate = link.lag > FEW || (link.lag > 0 && !rates.of(link.name, STUCK));
    path.classList.toggle("flows", rate > 0);
    for (const element of [path, text]) element.classList.toggle("late", isLate);
    setText(text, isLate ? `lag ${link.lag}` : rate > 0.04 ? perSecond(rate) : "");
    if (!calm.matches) dots(d, link.kind, Math.min(link.isDown ? FEWEST_DOTS : MOST_DOTS, rates.since(link.name)));
  }
}

function placeOf(box) {
  return { left: box.offsetLeft, top: box.offsetTop, width: box.offsetWidth, height: box.offsetHeight };
}

// Where on the height of a box each link begins and ends: apart from each other, and so that few cross.
function spread(links, places) {
  const ends = new Map(links.map((link) => [link, {}]));
  const middle = (name) => places.get(name).top + places.get(name).height / 2;
  for (const [side, other] of [["from", "to"], ["to", "from"]]) {
    for (const [name, mine] of Object.entries(Object.groupBy(links.filter((link) => !link.isDown), (link) => link[side]))) {
      const { top, height } = places.get(name);
      const room = Math.min(18, (height - 8) / mine.length);
      mine
        .sort((a, b) => middle(a[other]) - middle(b[other]))
        .forEach((link, number) => (ends.get(link)[side] = top + height / 2 + (number - (mine.length - 1) / 2) * room));
    }
  }
  return ends;
}

function route(link, places, ends) {
  const [from, to] = [places.get(link.from), places.get(link.to)];
  if (link.isDown) {
    const x = from.left + from.width / 2;
    const [y1, y2] = [from.top + from.height, to.top];
    return { d: `M ${x} ${y1} L ${x} ${y2}`, label: { x: x + 8, y: (y1 + y2) / 2 + 4 } };
  }
  const [x1, y1, x2, y2] = [from.left + from.width, ends.from, to.left, ends.to];
  const label = link.kind === "message" && link.from.startsWith("topic ") ? { x: x2 - 6, y: y2 - 4, "text-anchor": "end" } : { x: x1 + 6, y: y1 - 4 };
  if (link.kind === "request") Object.assign(label, { x: x2 - 6, y: y2 - 4, "text-anchor": "end" });
  const bend = Math.min(60, (x2 - x1) / 2);
  const turn = x1 + 2 * bend;
  const y = link.kind === "call" ? freeHeight(y2, x1, x2, places) : y2;
  const detour = y === y2 ? "" : ` L ${x2 - 2 * bend} ${y} C ${x2 - bend} ${y}, ${x2 - bend} ${y2}, ${x2} ${y2}`;
  return { d: `M ${x1} ${y1} C ${x1 + bend} ${y1}, ${turn - bend} ${y}, ${turn} ${y}${detour} L ${x2} ${y2}`, label };
}

// The height, as near to y as possible, at which no box lies between x1 and x2.
function freeHeight(y, x1, x2, places) {
  const between = [...places.values()].filter((box) => box.left > x1 && box.left + box.width < x2);
  const isFree = (height) => between.every((box) => height < box.top - NEAR || height > box.top + box.height + NEAR);
  const beside = between.flatMap((box) => [box.top - 2 * NEAR, box.top + box.height + 2 * NEAR]);
  return [y, ...beside].filter(isFree).sort((a, b) => Math.abs(a - y) - Math.abs(b - y))[0] ?? y;
}

function dots(d, kind, number) {
  for (let each = 0; each < number; each++) {
    const dot = document.createElement("i");
    dot.className = `dot ${kind}`;
    dot.style.offsetPath = `path("${d}")`;
    byId("dots").append(dot);
    const delay = (each / number) * 500;
    const moves = dot.animate([{ offsetDistance: "0%", opacity: 1 }, { offsetDistance: "100%", opacity: 1 }], { duration: LASTS, delay, easing: "ease-in-out" });
    moves.onfinish = moves.oncancel = () => dot.remove();
  }
}
