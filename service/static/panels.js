// What serves and what people decided: releases, rules, counts, cleaning.
import { ask, fetched, hasKey } from "./api.js";
import { at, count, make } from "./elements.js";

export async function showReleases() {
  const { releases, waiting } = await ask("/v1/releases");
  at("approval").hidden = !waiting.length;
  at("approval-version").replaceChildren(...waiting.map((version) => make("option", {}, version)));
  const rows = releases.slice(0, 8).map((release) => {
    const gate = (release.metrics || {}).gate || {};
    const state = release.current ? "serves" : release.published ? "served before" : waiting.includes(release.version) ? "waits for approval" : "not let through";
    const report = reportOf(release.version);
    return make("tr", {}, make("th", { scope: "row" }, release.version, make("br"), make("span", { class: `tag ${release.current ? "graph" : "text"}` }, state)),
      make("td", {}, (release.created_at || "").slice(0, 16).replace("T", " ")), make("td", {}, count(release.items)),
      make("td", {}, count(release.events_through)), make("td", { class: "wide" }, release.problem || gate.reason || "–"), make("td", {}, report));
  });
  at("release-rows").replaceChildren(...rows);
  const current = releases.find((release) => release.current);
  if (current) await showCleaning(current.version);
}

// A plain link cannot carry the key: with one, the report is fetched and kept as a file.
function reportOf(version) {
  const path = `/v1/releases/${version}/report`;
  if (!hasKey()) return make("a", { href: path, "aria-label": `Report of ${version}` }, "open");
  const save = async () => {
    const link = make("a", { href: URL.createObjectURL(await fetched(path)), download: `${version}.html` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  return make("button", { type: "button", class: "quiet", onclick: save, "aria-label": `Save the report of ${version}` }, "save");
}

async function showCleaning(version) {
  const report = await ask(`/v1/releases/${version}/report?format=json`);
  const counts = report.cleaning || [];
  const lines = counts.map((one) => make("li", {}, `${count(one.rows)} rows ${one.outcome}: ${one.reason.replaceAll("_", " ")}`));
  at("cleaning").replaceChildren(...(lines.length ? lines : [make("li", {}, "No row was rejected or repaired.")]));
}

export async function showCounts() {
  const status = await ask("/v1/status");
  const shown = { items: status.items, users: status.users, events: status.events, accepted: status.sequence,
    "in the graph": status.applied_sequence, "in answers": status.visible_sequence };
  at("counts").replaceChildren(...Object.entries(shown).map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, count(value)))),
    make("div", {}, make("dt", {}, "graph in"), make("dd", {}, status.store.backend)),
    ...(status.problem ? [make("div", { class: "trouble" }, make("dt", {}, "problem"), make("dd", {}, status.problem))] : []));
  const jobs = Object.entries(status.schedule || {}).map(([name, job]) => make("li", {}, make("strong", {}, name), ` ${standing(job)}`));
  at("schedule").replaceChildren(...(jobs.length ? jobs : [make("li", {}, "Nothing is planned (schedule.refresh, schedule.sync_seconds).")]));
}

function standing(job) {
  const time = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";
  const took = job.last_seconds ? ` after ${Math.round(job.last_seconds)} s` : "";
  // while it runs, last_start is this run's and the outcome that of the one before
  const last = !job.last_start ? "has not run yet" : job.running_since ? (job.last_outcome ? `the one before: ${job.last_outcome}${took}` : "for the first time")
    : `last at ${time(job.last_start)}: ${job.last_outcome || "under way"}${took}`;
  const now = job.running_since ? `runs since ${time(job.running_since)}; ` : job.next_run ? `next at ${time(job.next_run)}; ` : "not planned any more; ";
  return now + last + (job.failures ? `; failed ${job.failures} times in a row: ${job.last_message}` : "");
}

const VERB = { pin: "pinned", ban: "not shown", always_with: "always shown" };

export async function showRules(say) {
  const { rules } = await ask("/v1/rules");
  const lines = rules.map((rule) => {
    const where = rule.scope === "everywhere" ? "everywhere" : rule.scope === "item" ? `with ${rule.target}` : `in ${rule.target}`;
    const until = rule.expires_at ? `, until ${rule.expires_at.slice(0, 16).replace("T", " ")}` : "";
    const end = async () => {
      try {
        const author = at("rule-author").value || rule.author;
        await ask(`/v1/rules/${rule.rule_id}?author=${encodeURIComponent(author)}`, { method: "DELETE" });
        await showRules(say);
      } catch (problem) { say(problem); }
    };
    return make("li", {}, make("strong", {}, rule.item_id), ` ${VERB[rule.kind]} ${where}${until} — ${rule.reason} (${rule.author}) `,
      make("button", { type: "button", class: "quiet", onclick: end, "aria-label": `End the rule of ${rule.item_id}` }, "End"));
  });
  at("rule-list").replaceChildren(...(lines.length ? lines : [make("li", { class: "soft" }, "There are none: scores alone decide.")]));
}
