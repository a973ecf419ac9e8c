// The holds of an account that this browser has made. The API lists none, so each is kept here until
// it is used, given back or over; every window of this browser sees it.

const PREFIX = "hold ";
const nameOf = (account, event) => `${PREFIX}${account} ${event}`;
const names = (prefix) => Object.keys(localStorage).filter((name) => name.startsWith(prefix));

export const keep = (me, hold) => localStorage.setItem(nameOf(me.id, hold.event_id), JSON.stringify(hold));

export const forget = (me, hold) => localStorage.removeItem(nameOf(me.id, hold.event_id));

export const forgetAll = () => names(PREFIX).forEach((name) => localStorage.removeItem(name));

// This account's hold of seats of this event, or null. One that a payment was sent with stays beyond
// its end, until the answer is known.
export function kept(me, event) {
  const hold = JSON.parse(localStorage.getItem(nameOf(me.id, event)));
  if (!hold || hold.sent || new Date(hold.expires_at) > Date.now()) return hold;
  forget(me, hold);
  return null;
}

export function everyKept(me) {
  const prefix = nameOf(me.id, "");
  return names(prefix).map((name) => kept(me, name.slice(prefix.length))).filter(Boolean);
}

// Call react when another window of this browser has kept or forgotten a hold.
export function watch(react, signal) {
  addEventListener("storage", ({ key }) => (key === null || key.startsWith(PREFIX)) && react(), { signal });
}
