// Making an account and signing in; afterwards one is back where one came from.

import { forgetMe, post } from "./api.js";
import { field, form, h, say } from "./dom.js";

const EMAIL = () => field("E-mail", { name: "email", type: "email", autocomplete: "email", required: true });

export async function signIn({ query }) {
  const next = query.get("next") ?? "/";
  return h("section", { className: "narrow" },
    h("h1", {}, "Welcome back"),
    form({ className: "card" }, (given) => enter(given, next), EMAIL(), field("Password", { name: "password", type: "password", autocomplete: "current-password", required: true }), h("button", {}, "Sign in")),
    h("p", {}, "New here? ", h("a", { href: `#/sign-up?next=${encodeURIComponent(next)}` }, "Make an account"), "."),
  );
}

export async function signUp({ query }) {
  const next = query.get("next") ?? "/";
  const join = async (given) => {
    await post("/accounts", given);
    await enter({ email: given.email, password: given.password }, next);
  };
  return h("section", { className: "narrow" },
    h("h1", {}, "Join Encore"),
    form({ className: "card" }, join, field("Name", { name: "name", autocomplete: "name", required: true }), EMAIL(), field("Password", { name: "password", type: "password", autocomplete: "new-password", required: true }, "8 to 128 characters"), h("button", {}, "Make my account")),
    h("p", {}, "Been here before? ", h("a", { href: `#/sign-in?next=${encodeURIComponent(next)}` }, "Sign in"), "."),
  );
}

async function enter(credentials, next) {
  const { name } = await post("/sessions", credentials);
  forgetMe();
  say(`Good to see you, ${name}.`);
  location.hash = `#${next}`;
}
