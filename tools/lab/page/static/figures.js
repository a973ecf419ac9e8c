// Numbers that are shown, and rates from counts that only grow.

const WINDOW = 10_000; // milliseconds

export class Rates {
  #seen = new Map(); // {name: [[moment, count], ...]}

  take(counts, moment) {
    for (const [name, count] of Object.entries(counts)) {
      const seen = this.#seen.get(name) ?? [];
      if (seen.length && seen.at(-1)[1] > count) seen.length = 0; // it counts from the beginning again
      seen.push([moment, count]);
      while (seen.length > 2 && seen[1][0] < moment - WINDOW) seen.shift();
      this.#seen.set(name, seen);
    }
  }

  // how many a second
  of(name, window = WINDOW) {
    const all = this.#seen.get(name) ?? [];
    const seen = all.filter(([moment]) => moment >= all.at(-1)[0] - window);
    const took = seen.length > 1 ? seen.at(-1)[0] - seen[0][0] : 0;
    return took ? ((seen.at(-1)[1] - seen[0][1]) * 1000) / took : 0;
  }

  // how many since the last time
  since(name) {
    const seen = this.#seen.get(name) ?? [];
    return seen.length > 1 ? seen.at(-1)[1] - seen.at(-2)[1] : 0;
  }
}

export const perSecond = (rate) => `${rate >= 9.95 ? Math.round(rate) : rate.toFixed(1)}/s`;

export const milliseconds = (ms) => (ms < 10_000 ? `${Math.round(ms).toLocaleString("en")} ms` : duration(ms / 1000));

export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min`;
  return `${Math.floor(whole / 3600)} h`;
}

export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

export const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
