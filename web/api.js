// The shop's only way to the server: /api, with problems turned into words.

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? `status ${status}`);
    this.status = status;
    this.type = body.type;
    this.errors = body.errors;
    this.seats = body.seats;
    this.unknown = status === 0 || status === 502 || status === 504; // it may have been done
    this.words = status === 503 ? `${this.message} (Try again in about ${body.retry ?? 5} seconds.)` : this.message;
  }
}

export async function api(method, path, body, headers = {}) {
  let answer;
  try {
    const sent = body === undefined ? headers : { ...headers, "Content-Type": "application/json" };
    answer = await fetch(`/api${path}`, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, { type: "offline", detail: "The shop cannot be reached. Are you online? Please try again." });
  }
  if (answer.status === 204) return null;
  const content = await answer.json().catch(() => null);
  if (answer.status === 401) forgetMe();
  if (!content) throw new Problem(answer.ok ? 0 : answer.status, { detail: "The shop gave an answer that makes no sense. Please try again." });
  if (!answer.ok) throw new Problem(answer.status, { ...content, retry: answer.headers.get("Retry-After") });
  return content;
}

export const get = (path) => api("GET", path);
export const post = (path, body, headers) => api("POST", path, body, headers);
export const remove = (path) => api("DELETE", path);

// Who is signed in; null if nobody is.
let me;

export async function whoAmI() {
  if (me === undefined) {
    try {
      me = await get("/accounts/me");
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      me = null;
    }
  }
  return me;
}

export const forgetMe = () => (me = undefined);
