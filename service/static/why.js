// Why two items are alike: what both share as paths, and the parts that add up to the score.
import { at, draw, make, short } from "./elements.js";

const PARTS = { text: "texts", shared_shoppers: "shared shoppers", category: "same category", brand: "same brand",
  trend: "trend", embedding: "trained embedding" };
const DID = { VIEWED: "viewed both", ADDED_TO_CART: "had both in the cart", WISHLISTED: "wished for both",
  PURCHASED: "bought both", REVIEWED: "reviewed both" };
const NARROW = 480; // pixels

function evidenceRows(found) {
  const seen = found.evidence;
  const rows = Object.entries(seen.by_relation).map(([relation, users]) =>
    ({ kind: "shoppers", label: `${users} shoppers ${DID[relation] || relation}`, strength: users }));
  if (seen.users !== null && !rows.length) rows.push({ kind: "shoppers", label: `${seen.users} shoppers turned to both`, strength: seen.users });
  if (seen.users === null) rows.push({ kind: "shoppers", label: `fewer than ${seen.fewer_than} shared shoppers`, strength: 0 });
  for (const path of seen.categories) rows.push({ kind: "category", label: path, strength: 1 });
  if (seen.brand) rows.push({ kind: "brand-node", label: `brand ${seen.brand}`, strength: 1 });
  for (const item of seen.intermediates) {
    rows.push({ kind: "between", label: item.title || item.item_id, strength: Math.min(item.users_with_item, item.users_with_other),
      ends: [item.users_with_item, item.users_with_other] });
  }
  return rows;
}

// Wide: item, evidence, item from left to right; on a phone: from top to bottom, with the letters as large.
function places(narrow, rows) {
  const last = 40 + (rows - 1) * 50;
  if (!narrow) {
    const middle = Math.max(75, 20 + last / 2);
    return { width: 640, height: Math.max(150, last + 40), pill: [200, 440], first: 40,
      ends: [[50, middle], [590, middle]], starts: [[97, middle], [543, middle]], label: 32 };
  }
  return { width: 340, height: last + 230, pill: [45, 295], first: 140,
    ends: [[170, 52], [170, last + 176]], starts: [[124, 52], [216, last + 176]], label: 32 };
}

function curve([x, y], [end, height], narrow) {
  const bend = narrow ? `C ${end - (end > 170 ? -40 : 40)} ${y}, ${end - (end > 170 ? -40 : 40)} ${height}` : `C ${(x + end) / 2} ${y}, ${(x + end) / 2} ${height}`;
  return `M ${x} ${y} ${bend}, ${end} ${height}`;
}

function picture(found, narrow) {
  const rows = evidenceRows(found);
  const place = places(narrow, rows.length);
  const top = Math.max(1, ...rows.map((row) => row.strength));
  const told = rows.map((row) => row.label).join("; ") || "nothing";
  const svg = draw("svg", { viewBox: `0 0 ${place.width} ${place.height}`, role: "img", "aria-labelledby": "why-picture-title" },
    draw("title", { id: "why-picture-title" }, `What both share: ${told}`));
  rows.forEach((row, number) => {
    const y = place.first + number * 50;
    const weight = row.strength ? 1 + 4 * Math.sqrt(row.strength / top) : 1;
    place.pill.forEach((x, end) => {
      svg.append(draw("path", { d: curve(place.starts[end], [x, y], narrow), class: `link ${row.kind}`, "stroke-width": weight,
        "stroke-dasharray": row.strength ? undefined : "4 4" }));
    });
    const [left, right] = place.pill;
    svg.append(draw("rect", { x: left, y: y - 17, width: right - left, height: 34, rx: 17, class: `node ${row.kind}` }));
    const shoppers = row.ends ? ` · ${row.ends.join(" and ")}` : "";
    const label = short(row.label, place.label - shoppers.length) + shoppers;
    svg.append(draw("text", { x: (left + right) / 2, y: y + 4, "text-anchor": "middle" }, label));
  });
  const titles = [found.title || found.item_id, found.other_title || found.other];
  titles.forEach((title, end) => {
    const [x, y] = place.ends[end];
    svg.append(draw("circle", { cx: x, cy: y, r: 47, class: "node" }));
    lines(title).forEach((line, number, all) => svg.append(
      draw("text", { x, y: y + 5 + (number - (all.length - 1) / 2) * 16, "text-anchor": "middle" }, line)));
  });
  return svg;
}

function lines(title) {
  const words = title.split(/\s+/);
  const made = [""];
  for (const word of words) {
    const last = made[made.length - 1];
    if (last && (last + word).length > 11) made.push(word);
    else made[made.length - 1] = `${last} ${word}`.trim();
  }
  return made.slice(0, 4).map((line) => short(line, 12));
}

function parts(found) {
  if (found.score === null) return make("p", { class: "soft" }, "The served release does not know both items yet: no score, only what the shop has.");
  const shown = Object.entries(found.parts).filter(([, value]) => Math.abs(value) > 0.0005)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const longest = Math.max(...shown.map(([, value]) => Math.abs(value)), 1e-9);
  const body = shown.map(([name, value]) => {
    const width = (Math.abs(value) / longest) * 100;
    const svg = draw("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", width: "100%", height: 12, "aria-hidden": "true" },
      draw("rect", { width, height: 10, class: value < 0 ? "c4" : `c${Math.max(0, Object.keys(PARTS).indexOf(name))}` }));
    return make("tr", {}, make("th", { scope: "row" }, PARTS[name] || name), make("td", {}, value.toFixed(3)), make("td", { class: "share" }, svg));
  });
  body.push(make("tr", {}, make("th", { scope: "row" }, "score"), make("td", { id: "why-score" }, found.score.toFixed(3)), make("td", {}, "")));
  return make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "part"), make("th", { scope: "col" }, "adds"), make("th", { scope: "col" }, "share"))),
    make("tbody", {}, ...body));
}

export function showWhy(found) {
  at("why-title").textContent = `Why “${short(found.other_title || found.other, 60)}”`;
  at("why").hidden = false;
  at("why-picture").replaceChildren(picture(found, at("why-picture").clientWidth < NARROW));
  at("why-parts").replaceChildren(parts(found));
  at("cypher").value = `${found.cypher.params}\n\n${found.cypher.picture}`;
}
