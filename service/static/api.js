// Asking the server: JSON in, JSON out, errors as problem documents.
const KEY = "ilk-key";

export function setKey(key) { sessionStorage.setItem(KEY, key); }
export function hasKey() { return Boolean(sessionStorage.getItem(KEY)); }

export class Problem extends Error {
  constructor(document, status) {
    super(document.detail || `the server answered ${status}`);
    this.status = status;
    this.kind = document.type || "";
  }
}

export async function ask(path, options = {}) {
  const headers = { ...(options.body ? { "Content-Type": "application/json" } : {}) };
  const key = sessionStorage.getItem(KEY);
  if (key) headers["X-API-Key"] = key;
  const body = options.body && JSON.stringify(options.body);
  const answer = await fetch(path, { method: options.method || "GET", headers, body });
  if (answer.status === 204) return null;
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(document, answer.status);
  return document;
}

export async function fetched(path) {
  const answer = await fetch(path, { headers: { "X-API-Key": sessionStorage.getItem(KEY) || "" } });
  if (!answer.ok) throw new Problem(await answer.json().catch(() => ({})), answer.status);
  return answer.blob();
}

export function query(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined);
  return `${path}?${new URLSearchParams(given)}`;
}
