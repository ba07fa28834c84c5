// Small makers of elements. Text is always set as text, never as markup: titles are other people's words.
const SVG = "http://www.w3.org/2000/svg";

export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export const at = (id) => document.getElementById(id);
export const count = (value) => (value === null || value === undefined ? "–" : Number(value).toLocaleString("en"));
export const short = (text, length) => ([...text].length > length ? `${[...text].slice(0, length - 1).join("")}…` : text);

export function facts(item) {
  const price = item.price === null ? "" : `${item.price.toLocaleString("en")} ${item.currency}`.trim();
  return [item.brand, item.categories[0], price].filter(Boolean).join(" · ");
}

export function bar(share) {
  const width = Math.max(0, Math.min(1, share)) * 100;
  const svg = draw("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { width, height: 4, class: "c0" }));
  return make("div", { class: "bar" }, svg);
}
