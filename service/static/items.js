// Lists of items: search results, neighbours, and how neighbours moved.
import { bar, facts, make } from "./elements.js";

export function itemRow(item, best, worst, handlers, before) {
  const span = best - worst || 1;
  const title = make("button", { type: "button", class: "title", onclick: () => handlers.open(item.item_id) }, item.title || item.item_id);
  const side = make("div", { class: "side" }, make("span", {}, item.score.toFixed(3)),
    make("span", { class: `tag ${item.source}` }, item.source));
  if (item.rule) side.append(make("span", { class: "tag rule" }, item.rule === "pin" ? "pinned" : "always shown"));
  if (before) side.append(make("span", { class: "moved" }, moved(before, item.item_id)));
  if (handlers.why) side.append(make("button", { type: "button", class: "quiet", onclick: () => handlers.why(item.item_id),
    "aria-label": `Why ${item.title || item.item_id}` }, "Why"));
  return make("li", { "data-id": item.item_id }, title, side, make("div", { class: "facts-line" }, facts(item)),
    bar(0.08 + 0.92 * ((item.score - worst) / span)));
}

function moved(before, id) {
  const was = before.get(id);
  if (was === undefined) return "new";
  const now = before.now++;
  if (was === now) return "";
  return was > now ? `▲ ${was - now}` : `▼ ${now - was}`;
}

export function showItems(list, items, handlers, before) {
  const scores = items.map((item) => item.score);
  const best = Math.max(...scores);
  const worst = Math.min(...scores);
  const rows = items.map((item, place) => {
    if (before) before.now = place;
    return itemRow(item, best, worst, handlers, before);
  });
  list.replaceChildren(...(rows.length ? rows : [make("li", {}, "Nothing found.")]));
}
