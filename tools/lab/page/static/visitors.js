// Lets visitors in, at a rate.

import { attempt, h, setText } from "./dom.js";
import { count } from "./figures.js";

const AT_FIRST = 4; // a second

export function visitorsBox() {
  const number = h("output", { htmlFor: "rate" });
  const rate = h("input", { id: "rate", type: "range", min: 0, max: 60, step: 1, value: AT_FIRST, ariaLabel: "Requests a second" });
  const come = h("button", { type: "button" }, "Let in");
  const told = h("small", {});
  const box = h("div", { className: "box visitors", role: "group", ariaLabel: "Visitors" }, h("b", {}, "visitors"), h("div", { className: "rate" }, rate, number), come, told);
  let wanted = 0;
  const write = () => setText(number, `${rate.value}/s`);
  const send = (value) => attempt("visitors", { rate: value });
  rate.oninput = write;
  rate.onchange = () => wanted && send(Number(rate.value));
  come.onclick = () => send(wanted ? 0 : Number(rate.value));
  write();
  box.show = (visitors) => {
    if (visitors.wanted && visitors.wanted !== wanted) rate.value = visitors.wanted; // perhaps in another window
    wanted = visitors.wanted;
    write();
    setText(come, wanted ? "Stop" : "Let in");
    setText(told, inWords(visitors));
    box.dataset.state = visitors.rate ? "running" : "none";
  };
  return box;
}

const inWords = ({ rate, wanted, problem }) => problem || (rate === wanted ? (rate ? `${count(rate, "request")} a second` : "nobody comes") : wanted ? "they are on their way" : "the last ones leave");
