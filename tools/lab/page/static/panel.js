// What is known of one process, and what can be done with it.

import { ask, attempt, byId, h, setText } from "./dom.js";
import { duration, megabytes, milliseconds } from "./figures.js";

const LOGS_EVERY = 2000; // milliseconds
const KNOBS = { "": "Answers", hang: "Hangs", refuse: "Refuses" };

export class Panel {
  #name = "";
  #timer = 0;

  constructor(plan) {
    this.plan = plan;
    this.element = byId("panel");
    this.element.addEventListener("toggle", (event) => event.newState === "closed" && this.#closed());
  }

  open = (name, box) => {
    this.#closed();
    this.#name = name;
    this.box = box;
    this.title = h("h2", { id: "panel-name" }, name);
    this.state = h("p", { className: "state" });
    this.facts = h("dl", {});
    this.first = h("button", { type: "button", onclick: () => this.#do(this.first.dataset.verb) });
    this.kill = h("button", { type: "button", onclick: () => this.#do("kill") }, "Kill");
    this.halt = h("button", { type: "button", onclick: () => this.#do(this.halt.dataset.verb) });
    this.knobs = h("div", { className: "knobs", role: "group", ariaLabel: "Faults on purpose" });
    this.lines = h("pre", { tabIndex: 0, ariaLabel: "Its newest lines" });
    const close = h("button", { type: "button", className: "quiet close", ariaLabel: "Close", onclick: () => this.element.hidePopover() }, "×");
    this.element.replaceChildren(
      h("div", { className: "heading" }, this.title, close),
      this.state,
      h("div", { className: "buttons" }, this.first, this.kill, this.halt),
      this.knobs,
      this.facts,
      this.lines,
    );
    this.show(this.snapshot);
    this.element.showPopover();
    box.setAttribute("aria-expanded", "true");
    this.#place(box);
    this.first.focus();
    this.#log();
    this.#timer = setInterval(() => this.#log(), LOGS_EVERY);
  };

  show(snapshot) {
    this.snapshot = snapshot;
    const process = snapshot.processes[this.#name];
    if (!this.#name || !process) return;
    this.element.dataset.state = process.state;
    setText(this.state, describe(process));
    const isDown = process.state === "stopped" || process.state === "failed";
    verb(this.first, isDown ? "start" : "stop", isDown ? "Start" : "Stop", process.state === "stopping");
    verb(this.halt, process.state === "halted" ? "resume" : "halt", process.state === "halted" ? "Resume" : "Hang", !process.pid);
    this.kill.disabled = !process.pid;
    this.#showKnobs(snapshot.knobs[this.#name]);
    this.#showFacts(process, snapshot);
  }

  #showKnobs(knobs) {
    if (!knobs || !("hang" in knobs)) return;
    if (!this.knobs.children.length)
      this.knobs.append(...Object.entries(KNOBS).map(([knob, label]) => h("button", { type: "button", className: "knob", data: { knob }, onclick: () => attempt("do", { verb: "turn", name: this.#name, knob }) }, label)));
    const on = knobs.hang ? "hang" : knobs.refuse ? "refuse" : "";
    for (const button of this.knobs.children) button.ariaPressed = String(button.dataset.knob === on);
  }

  #showFacts(process, snapshot) {
    const facts = [
      ["Process", process.pid ? `${process.pid}, up for ${duration(process.up)}` : "none"],
      ["Memory", megabytes(process.memory)],
      ["Starts", String(process.starts)],
      ...this.#work(this.#name.split(".")[0], snapshot),
    ];
    const text = JSON.stringify(facts);
    if (this.facts.dataset.shown === text) return;
    this.facts.dataset.shown = text;
    this.facts.replaceChildren(...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }

  // What a process has to do with requests and messages.
  #work(name, snapshot) {
    const { p50, p95, failed } = snapshot.requests[this.#name] ?? {};
    const routes = this.plan.routes.filter((route) => route.process === name).map((route) => route.name);
    const topics = this.plan.topics.filter((topic) => topic.relay === name).map((topic) => topic.name);
    const groups = Object.entries(snapshot.groups).filter(([, group]) => group.process === name);
    return [
      p50 != null && ["Last 10 s", `p50 ${milliseconds(p50)}, p95 ${milliseconds(p95)}, ${failed} failed`],
      routes.length && ["Answers", routes.join(", ")],
      topics.length && ["Publishes", topics.join(", ")],
      ...groups.map(([group, { topics }]) => [`Group ${group}`, Object.entries(topics).map(([topic, { lag }]) => `${topic} lag ${lag}`).join(", ")]),
    ].filter(Boolean);
  }

  #do(verb) {
    attempt("do", { verb, name: this.#name });
  }

  async #log() {
    const name = this.#name;
    const { lines } = await ask(`logs/${encodeURIComponent(name)}`).catch(() => ({ lines: [] }));
    if (name === this.#name && lines.length) setText(this.lines, lines.join("\n"));
  }

  // Beside its box, and all of it on the screen.
  #place(box) {
    const [at, room] = [box.getBoundingClientRect(), 8];
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const isRight = at.right + room + width < innerWidth;
    this.element.style.left = `${Math.max(room, isRight ? at.right + room : at.left - room - width)}px`;
    this.element.style.top = `${Math.max(room, Math.min(at.top, innerHeight - height - room))}px`;
  }

  #closed() {
    clearInterval(this.#timer);
    this.#name = "";
    this.box?.removeAttribute("aria-expanded");
  }
}

function verb(button, word, label, disabled) {
  button.dataset.verb = word;
  button.disabled = disabled;
  setText(button, label);
}

const describe = ({ state }) =>
  ({
    running: "It runs.",
    halted: "It hangs: it was sent SIGSTOP, and does nothing until it is resumed.",
    restarting: "It died, and is started again in a moment.",
    stopping: "It finishes what it has begun, then it stops.",
    stopped: "It is stopped, until it is started.",
    failed: "It died five times within a minute, or cannot start as it is configured.",
  })[state] ?? state;
