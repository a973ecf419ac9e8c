// Small pieces to build pages from. Text always goes in as text, never as markup.

export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && !["list", "form"].includes(key)) element[key] = value;
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

export const money = (amount, currency) => new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount / 100);

// Times are written as in the mail: in UTC and with its name, wherever the reader is.
const inUtc = (moment, options) => new Date(moment).toLocaleString("en-GB", { ...options, timeZone: "UTC" });

export const hour = (moment) => `${inUtc(moment, { hour: "2-digit", minute: "2-digit" })} UTC`;

export const when = (moment) => `${inUtc(moment, { weekday: "short" })} ${inUtc(moment, { day: "2-digit", month: "long", year: "numeric" })}, ${hour(moment)}`;

// A poster is drawn from the event's own words: the same event always looks the same.
export function poster(event, className = "poster") {
  let seed = 7;
  for (const character of event.artist + event.title) seed = (seed * 31 + character.codePointAt(0)) % 9973;
  const genres = { indie: 265, jazz: 215, electronic: 185, classical: 40, metal: 350, folk: 110, soul: 20 };
  const hue = genres[event.genre] ?? seed % 360;
  const element = h("div", { className, ariaHidden: "true" }, h("i"), h("i"), h("i"), h("b", {}, event.artist));
  element.style.setProperty("--hue", hue + (seed % 30) - 15);
  element.style.setProperty("--x", `${20 + (seed % 60)}%`);
  element.style.setProperty("--y", `${15 + (seed % 45)}%`);
  element.style.setProperty("--turn", `${(seed % 90) - 45}deg`);
  return element;
}

export const waiting = (words = "Loading") => h("p", { className: "waiting", role: "status" }, h("span", { className: "spinner", ariaHidden: "true" }), `${words} …`);

// Words above the page, which make room for themselves and cover nothing; for five seconds.
export function say(words) {
  const place = document.getElementById("said");
  place.textContent = words;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (place.textContent = ""), 5000);
}

export const told = (words) => h("p", { role: "status" }, words);

export function complaint(problem) {
  const signIn = problem.type === "not-signed-in" && h("a", { href: `#/sign-in?next=${encodeURIComponent(location.hash.slice(1))}` }, "Sign in");
  return h("p", { className: "complaint", role: "alert" }, problem.words ?? String(problem), signIn && [" ", signIn]);
}

export const bookingId = ({ id }) => h("p", { className: "soft" }, "Booking ", h("code", {}, id));

// A labelled field whose complaint stands beside it.
export function field(label, attributes, hint) {
  const id = `field-${attributes.name}`;
  const input = attributes.options
    ? h("select", { id, name: attributes.name }, attributes.options.map(([value, text]) => h("option", { value }, text)))
    : h("input", { id, ...attributes });
  return h("div", { className: "field" }, h("label", { htmlFor: id }, label), input, hint && h("small", {}, hint), h("small", { className: "wrong", id: `${id}-wrong` }));
}

// A form that shows waiting, and what the server says beside the fields it names.
export function form(attributes, submit, ...children) {
  const message = h("div");
  const element = h("form", { ...attributes, noValidate: true }, children, message);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const buttons = element.querySelectorAll("button");
    clear(element, message);
    element.ariaBusy = "true";
    buttons.forEach((button) => (button.disabled = true));
    try {
      await submit(Object.fromEntries(new FormData(element)), event.submitter);
    } catch (problem) {
      complain(element, message, problem);
    } finally {
      element.ariaBusy = "false";
      buttons.forEach((button) => (button.disabled = false));
    }
  });
  return element;
}

function clear(element, message) {
  message.replaceChildren();
  element.querySelectorAll(".wrong").forEach((wrong) => (wrong.textContent = ""));
  element.querySelectorAll("[aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
}

function complain(element, message, problem) {
  if (!problem.words) throw problem;
  const left = (problem.errors ?? []).filter(({ field: name, detail }) => {
    const input = element.querySelector(`[name="${CSS.escape(name)}"]`);
    if (!input) return true;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", `${input.id}-wrong`);
    element.querySelector(`#${CSS.escape(input.id)}-wrong`).textContent = `This ${detail}.`;
    return false;
  });
  if (!problem.errors?.length || left.length) message.replaceChildren(complaint(left.length ? { words: left.map((each) => `${each.field} ${each.detail}.`).join(" ") } : problem));
  element.querySelector("[aria-invalid]")?.focus();
}
