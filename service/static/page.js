// The page: search, an item with its neighbours, why, live events, rules, releases.
import { ask, query, setKey } from "./api.js";
import { at, facts, make } from "./elements.js";
import { showItems } from "./items.js";
import { showCounts, showReleases, showRules } from "./panels.js";
import { showWhy } from "./why.js";

const K = 10;
let current = null; // id of the shown item
let places = new Map(); // neighbour's id -> place, as shown
let searches = 0; // so many began: an answer that comes late does not replace a newer one

function say(problem) {
  at("message").textContent = problem ? problem.message : "";
  if (problem && problem.status === 401) at("keyform").hidden = false;
}

function guarded(work) {
  return async (event) => {
    if (event && event.preventDefault) event.preventDefault();
    say(null);
    try { await work(event); } catch (problem) { say(problem); }
  };
}

const similar = (more = {}) => ask(query("/v1/similar", { item_id: current, k: K, objective: at("objective").value, ...more }));

function showNeighbours(answer, before) {
  showItems(at("neighbours"), answer.results, { open, why }, before);
  places = new Map(answer.results.map((item, place) => [item.item_id, place]));
  at("companions").replaceChildren(...answer.results.map((item) => make("option", { value: item.item_id }, item.title)));
  const fallback = answer.fallback ? ` · ${answer.fallback.replaceAll("_", " ")}` : "";
  at("freshness").textContent = `Release ${answer.model_version}, index ${answer.index_version}, events through ${answer.events_through.toLocaleString("en")}${fallback}`;
}

async function open(id) {
  await guarded(async () => {
    const item = await ask(query("/v1/items", { item_id: id }));
    current = id;
    showNeighbours(await similar(), null);
    at("item-title").textContent = item.title || id;
    at("item-facts").textContent = [id, facts(item)].filter(Boolean).join(" · ");
    at("item").hidden = at("live").hidden = false;
    at("why").hidden = true;
    at("live-times").textContent = "";
    history.replaceState(null, "", `#${encodeURIComponent(id)}`);
    at("item-title").focus();
  })();
}

async function why(other) {
  await guarded(async () => {
    showWhy(await ask(query("/v1/explain", { item_id: current, other, objective: at("objective").value })));
    at("why").scrollIntoView({ block: "nearest" });
    at("why-title").focus({ preventScroll: true });
  })();
}

async function search() {
  const mine = ++searches;
  const words = at("q").value.trim();
  const found = await ask(query("/v1/search", { q: words, k: K })).catch((problem) => problem);
  if (mine !== searches) return;
  if (!(found instanceof Error)) {
    at("found-title").textContent = `Found for “${words}”`;
    showItems(at("results"), found.results, { open });
  }
  // a batch answers 200 also where there is no such item
  const { answers } = await ask("/v1/similar:batch", { method: "POST", body: { item_ids: [words], k: 1 } });
  if (mine !== searches) return;
  if (answers[0].results) await open(words);
  else if (found instanceof Error) throw found;
}

function events() {
  const common = { user_id: at("visitor").value, event_type: at("kind").value };
  return [current, at("companion").value].map((item_id) => ({ ...common, item_id }));
}

async function send() {
  const before = places;
  const started = performance.now();
  const accepted = await ask("/v1/events", { method: "POST", body: { events: events() } });
  const durable = performance.now() - started;
  const answer = await similar({ min_sequence: accepted.sequence, timeout_ms: 20000 });
  const visible = performance.now() - started;
  showNeighbours(answer, before);
  at("live-times").textContent = `Durable after ${durable.toFixed(0)} ms, in the answers after ${visible.toFixed(0)} ms (event ${accepted.sequence}).`;
  await showCounts();
}

async function whatIf() {
  const before = places;
  const started = performance.now();
  const body = { item_id: current, k: K, objective: at("objective").value, events: events() };
  const answer = await ask("/v1/what-if", { method: "POST", body });
  const shown = places;
  showNeighbours({ ...answer, results: answer.after }, before);
  places = shown;
  at("live-times").textContent = `If that happened (${(performance.now() - started).toFixed(0)} ms); nothing was kept.`;
}

async function addRule() {
  const until = at("rule-until").value;
  const scope = at("rule-scope").value;
  await ask("/v1/rules", { method: "POST", body: {
    kind: at("rule-kind").value, item_id: at("rule-item").value, scope,
    target: scope === "everywhere" ? "" : at("rule-target").value || current || "",
    author: at("rule-author").value, reason: at("rule-reason").value,
    expires_at: until ? new Date(until).toISOString() : null } });
  await showRules(say);
  if (current) showNeighbours(await similar(), places);
}

async function rollback() {
  const body = { author: at("rollback-author").value, reason: at("rollback-reason").value };
  await ask("/v1/releases:rollback", { method: "POST", body });
  await showReleases();
}

async function approve() {
  const body = { version: at("approval-version").value, author: at("approval-author").value, reason: at("approval-reason").value };
  await ask("/v1/releases:approve", { method: "POST", body });
  await showReleases();
}

async function start() {
  const schema = await ask("/openapi.json");
  at("whatif").hidden = !schema.paths["/v1/what-if"];
  await Promise.all([showReleases(), showCounts(), showRules(say)]);
  const rising = await ask(query("/v1/trending", { k: K }));
  if (searches) return; // somebody was quicker
  showItems(at("results"), rising.results, { open });
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted) await open(wanted);
}

at("search").addEventListener("submit", guarded(search));
at("event").addEventListener("submit", guarded(send));
at("whatif").addEventListener("click", guarded(whatIf));
at("rule").addEventListener("submit", guarded(addRule));
at("rollback").addEventListener("submit", guarded(rollback));
at("approval").addEventListener("submit", guarded(approve));
at("objective").addEventListener("change", guarded(async () => { at("why").hidden = true; showNeighbours(await similar(), null); }));
at("keyform").addEventListener("submit", guarded(async () => { setKey(at("key").value); at("keyform").hidden = true; await start(); }));
guarded(start)();
