// The boxes of the plan: where they stand, and what they say.

import { byId, h, say, setText } from "./dom.js";
import { count, milliseconds, perSecond } from "./figures.js";
import { RELAYS_HERE, relaysOf } from "./links.js";

const WORDS = { running: "running again", halted: "hung", restarting: "coming back", stopping: "stopping", stopped: "stopped", failed: "failed" };
const BACK = 4000; // milliseconds in which a process that was started again says so
const KINDS = { web: "web", database: "database", relay: "relay", topics: "topics", worker: "worker", outside: "outside" };

export class Boxes {
  all = new Map(); // {name: element}
  #names = "";

  constructor(plan, visitors, open) {
    this.plan = plan;
    this.visitors = visitors;
    this.open = open;
  }

  // The running instances of a process: itself, or process.1, process.2.
  instancesOf = (process) => {
    const found = this.instances.filter((name) => name.split(".")[0] === process);
    return found.length ? found : [process];
  };

  know({ processes }) {
    this.instances = Object.keys(processes);
  }

  show(snapshot, rates) {
    const names = this.instances.join();
    if (names !== this.#names && names) this.#build();
    this.#names = names;
    for (const [name, box] of this.all) if (box.dataset.name) this.#update(name, box, snapshot, rates);
  }

  #build() {
    const { plan } = this;
    this.all.clear();
    const has = (kind) => plan.lanes.some((lane) => this.#cell(lane, kind).length);
    const columns = ["entry", ...Object.keys(KINDS).filter((kind) => (kind === "topics" ? plan.topics.length : has(kind)))];
    const at = (kind) => columns.indexOf(kind) + 1;
    const rows = plan.lanes.length;
    const entry = place(h("div", { className: "cell entry" }, this.visitors, plan.facade && this.#box("facade", "facade")), 1, 1, rows);
    this.all.set("visitors", this.visitors);
    const lanes = plan.lanes.map((lane, number) => this.#lane(lane, number + 1, columns, at));
    const spine = plan.topics.length && place(this.#spine(), at("topics"), 1, rows);
    const flow = byId("flow");
    flow.dataset.columns = columns.length;
    flow.style.gridTemplateColumns = columns.map((kind) => `minmax(0, var(--${kind}))`).join(" ");
    flow.replaceChildren(byId("wires"), byId("dots"), entry, ...lanes, ...(spine ? [spine] : []));
  }

  // What stands in a column of a lane: [name of the box, its kind].
  #cell(lane, kind) {
    const all = (names) => names.flatMap(this.instancesOf);
    if (kind === "database") return lane.database ? [lane.database] : [];
    if (kind === "relay") return this.plan.topics.some((topic) => topic.owner === lane.owner) ? relaysOf(lane, this.instancesOf) : all(lane.relay);
    return all(lane[kind] ?? []);
  }

  #lane(lane, row, columns, at) {
    const last = columns.at(-1) === "outside" ? columns.length : columns.length + 1;
    const band = h("div", { className: "band" }, h("span", {}, lane.owner));
    band.style.gridArea = `${row} / 2 / ${row + 1} / ${last}`;
    const cells = columns
      .filter((kind) => kind in KINDS && kind !== "topics")
      .map((kind) => [kind, this.#cell(lane, kind)])
      .filter(([, names]) => names.length)
      .map(([kind, names]) => place(h("div", { className: `cell ${kind}` }, names.map((name) => this.#box(name, kind))), at(kind), row));
    return h("div", { className: "lane", role: "group", ariaLabel: lane.owner }, band, cells);
  }

  #spine() {
    const topics = this.plan.topics.map(({ name }) => {
      const box = h("div", { className: "box topic", data: { name: `topic ${name}`, kind: "topic" } }, h("b", {}, name), h("small"));
      this.all.set(`topic ${name}`, box);
      return box;
    });
    return h("div", { className: "cell topics spine", role: "group", ariaLabel: "Kafka" }, this.#box("kafka", "broker"), topics);
  }

  #box(name, kind) {
    const process = name.startsWith(RELAYS_HERE) ? name.slice(RELAYS_HERE.length) : name;
    const label = process === name ? name : `in ${process}`;
    const className = process === name ? "box" : "box ghost";
    const box = h("button", { className, type: "button", data: { name, process, kind }, "aria-haspopup": "dialog", onclick: () => this.open(process, box) }, h("b", {}, label), h("small"));
    this.all.set(name, box);
    return box;
  }

  #update(name, box, snapshot, rates) {
    const process = snapshot.processes[box.dataset.process];
    const isSilent = snapshot.silent.includes(name) && process?.state === "running";
    const state = box.dataset.kind === "topic" ? (snapshot.silent.includes("kafka") ? "stale" : "running") : process ? (isSilent ? "silent" : process.state) : "elsewhere";
    this.#tell(name, box, state, process, snapshot.at);
    const isBack = snapshot.at < Number(box.dataset.back);
    box.classList.toggle("back", isBack && state === "running");
    const figures = state !== "running" ? stateInWords(state) : isBack ? `back, start ${process.starts}` : this.#figures(name, box.dataset.kind, snapshot, rates);
    setText(box.lastElementChild, figures);
    box.classList.toggle("late", box.dataset.kind === "database" && state === "running" && this.#waiting(name, snapshot) > 0);
  }

  // Says what has become of a process, also of one that has come back between two looks.
  #tell(name, box, state, process, at) {
    const { state: before, starts } = box.dataset;
    box.dataset.state = state;
    box.dataset.starts = process?.starts ?? "";
    const isBack = starts && process?.starts > Number(starts);
    if (isBack) box.dataset.back = at + BACK;
    if (before in WORDS && (isBack || before !== state) && state in WORDS && box.dataset.process === name) say(`${name}: ${WORDS[state]}`);
  }

  #waiting(database, snapshot) {
    return snapshot.outboxes[this.plan.lanes.find((lane) => lane.database === database)?.owner];
  }

  #figures(name, kind, snapshot, rates) {
    if (kind === "topic") return count(snapshot.topics[name.slice("topic ".length)] ?? 0, "message");
    if (kind === "database") {
      const waiting = this.#waiting(name, snapshot);
      return waiting == null ? "database" : waiting ? `outbox: ${waiting} waiting` : "outbox: empty";
    }
    if (kind === "web" || kind === "facade") return ofRequests(snapshot.requests[name], rates.of(`asked ${name}`));
    if (kind === "worker") return `lag ${lagOf(name.split(".")[0], snapshot)}`;
    if (kind === "outside") return ofKnobs(snapshot.knobs[name]) || (name === "mail" ? "mail catcher" : "payment provider");
    if (kind === "relay") return ofRelay(rates.of(`${this.plan.lanes.find((lane) => relaysOf(lane, this.instancesOf).includes(name))?.database} > ${name}`));
    return "broker";
  }
}

const place = (element, column, row, rows = 1) => {
  element.style.gridArea = `${row} / ${column} / ${row + rows} / ${column + 1}`;
  return element;
};

const stateInWords = (state) => ({ silent: "does not answer", elsewhere: "elsewhere", stale: "not known now" })[state] ?? WORDS[state] ?? state;

const ofRequests = (requests, rate) => (requests?.p50 == null ? "no requests" : `${perSecond(rate)}, p95 ${milliseconds(requests.p95)}`);

const ofRelay = (rate) => (rate > 0.04 ? `${perSecond(rate)} published` : "idle");

export const lagOf = (process, snapshot) =>
  Object.values(snapshot.groups)
    .filter((group) => group.process === process)
    .flatMap((group) => Object.values(group.topics))
    .reduce((sum, { lag }) => sum + lag, 0);

export const ofKnobs = (knobs) => (knobs?.hang ? "lets requests hang" : knobs?.refuse ? "refuses" : "");
