// Who sends something to whom: the arrows, from the plan and a snapshot.
// A link has a name, two boxes, a kind, and perhaps a count of what went along it, and a lag.

export const RELAYS_HERE = "relay in "; // begins the name of a box for a relay inside a worker

const ASKS = { "send mail": "mail", "ask the payment provider": "payments-sandbox" };

export function links(plan, snapshot, instancesOf) {
  return [
    ...fromVisitors(plan, snapshot, instancesOf),
    ...plan.lanes.flatMap((lane) => ofLane(lane, plan, snapshot, instancesOf)),
    ...toWorkers(snapshot, instancesOf),
    ...toOutside(plan, snapshot, instancesOf),
  ];
}

const link = (from, to, kind, more = {}) => ({ name: `${from} > ${to}`, from, to, kind, ...more });

function fromVisitors(plan, snapshot, instancesOf) {
  const asked = (name) => snapshot.requests[name]?.count ?? 0;
  const served = plan.lanes.flatMap((lane) => lane.web.flatMap(instancesOf));
  if (!plan.facade) return served.map((name) => link("visitors", name, "request", { count: asked(name) }));
  const routed = new Set(plan.routes.map((route) => route.process));
  return [
    link("visitors", "facade", "request", { count: asked("facade"), isDown: true }),
    ...served
      .filter((name) => routed.has(name.split(".")[0]))
      .map((name) => link("facade", name, "request", { count: snapshot.served[name] ?? 0 })),
  ];
}

function ofLane(lane, plan, snapshot, instancesOf) {
  const topics = plan.topics.filter((topic) => topic.owner === lane.owner);
  const published = topics.reduce((sum, topic) => sum + snapshot.topics[topic.name], 0) || null; // not known yet
  const relays = topics.length ? relaysOf(lane, instancesOf) : [];
  return [
    ...(lane.database ? lane.web.flatMap(instancesOf).map((web) => link(web, lane.database, "plain")) : []),
    ...relays.map((relay) => link(lane.database, relay, "message", { count: published })),
    ...relays.slice(0, 1).flatMap((relay) => topics.map((topic) => link(relay, `topic ${topic.name}`, "message", { count: snapshot.topics[topic.name] }))),
  ];
}

// The boxes that send what is in the outbox of a lane.
export function relaysOf(lane, instancesOf) {
  const own = lane.relay.flatMap(instancesOf);
  return own.length ? own : lane.worker.slice(0, 1).map((worker) => RELAYS_HERE + worker);
}

function toWorkers(snapshot, instancesOf) {
  const found = new Map();
  for (const { process, topics } of Object.values(snapshot.groups))
    for (const [topic, { done, lag }] of Object.entries(topics))
      for (const worker of process ? instancesOf(process) : []) {
        const before = found.get(`${topic} ${worker}`) ?? { count: 0, lag: 0 };
        const more = { count: Math.max(before.count, done), lag: Math.max(before.lag, lag) };
        found.set(`${topic} ${worker}`, link(`topic ${topic}`, worker, "message", more));
      }
  return [...found.values()];
}

function toOutside(plan, snapshot, instancesOf) {
  const counts = new Map();
  for (const { process, name, count } of snapshot.calls)
    if (ASKS[name]) counts.set(`${process} > ${ASKS[name]}`, { from: process, to: ASKS[name], count });
  for (const lane of plan.lanes)
    for (const outside of lane.outside)
      for (const from of (lane.worker.length ? lane.worker : lane.web).slice(0, 1).flatMap(instancesOf))
        if (!counts.has(`${from} > ${outside}`)) counts.set(`${from} > ${outside}`, { from, to: outside, count: 0 });
  return [...counts.values()].map(({ from, to, count }) => link(from, to, "call", { count }));
}
