// The lab in a browser: what runs, what flows, and what becomes of each booking.

import { Bookings } from "./bookings.js";
import { Boxes } from "./boxes.js";
import { byId, h, setText } from "./dom.js";
import { Rates } from "./figures.js";
import { links } from "./links.js";
import { Panel } from "./panel.js";
import { visitorsBox } from "./visitors.js";
import { Wires } from "./wires.js";

let page = null;
let known = ""; // the plan that the page was made from
let stream = null;

function begin(plan) {
  setText(byId("step"), `step ${plan.step}`);
  document.title = `${plan.step} · the lab`;
  const elsewhere = [["The shop", plan.shop], ["The mail", plan.mail], ["The API", `${plan.shop}/api/openapi.json`]];
  byId("elsewhere").replaceChildren(...elsewhere.filter(([, url]) => url).map(([name, url]) => h("a", { href: url, target: "_blank", rel: "noreferrer" }, name)));
  const panel = new Panel(plan);
  const visitors = visitorsBox();
  const boxes = new Boxes(plan, visitors, panel.open);
  const light = (names) => boxes.all.forEach((box, name) => box.classList.toggle("lit", names.includes(name)));
  byId("list").replaceChildren();
  return { plan, panel, visitors, boxes, bookings: new Bookings(plan, light), wires: new Wires(), rates: new Rates() };
}

function show(snapshot) {
  const { plan, panel, visitors, boxes, bookings, wires, rates } = page;
  boxes.know(snapshot);
  const found = links(plan, snapshot, boxes.instancesOf);
  const asked = Object.entries(snapshot.requests).map(([name, { count }]) => [`asked ${name}`, count]);
  const sent = found.filter((link) => link.count != null).map((link) => [link.name, link.count]);
  rates.take(Object.fromEntries([...asked, ...sent]), snapshot.at);
  visitors.show(snapshot.visitors);
  boxes.show(snapshot, rates);
  wires.show(found, boxes.all, rates);
  panel.show(snapshot);
  bookings.show(snapshot);
  tell(snapshot.silent.includes("lab") ? "the lab does not answer" : "live");
}

function tell(words) {
  const link = byId("link");
  setText(link, words);
  link.dataset.state = words;
}

function take(plan) {
  if (plan !== known) page = begin(JSON.parse(plan));
  known = plan;
}

function watch() {
  stream = new EventSource("stream");
  stream.addEventListener("plan", ({ data }) => take(data));
  stream.addEventListener("snapshot", ({ data }) => show(JSON.parse(data)));
  stream.onerror = () => tell("not connected: has the lab ended?");
}

// The lab looks at the system only while somebody sees this page.
document.addEventListener("visibilitychange", () => {
  stream.close();
  if (!document.hidden) watch();
});
watch();
