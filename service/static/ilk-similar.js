// <ilk-similar item-id="B0C1" k="6" src="https://ilk.shop.example" api-key="..." link="/p/{id}"></ilk-similar>
// Shows the items like one item. Without answer it stays empty, so that a shop's page never breaks.
const STYLE = `:host { display: block; font: inherit; } ul { display: flex; gap: 1rem; overflow-x: auto; list-style: none; padding: 0; margin: 0; }
li { flex: 0 0 11rem; } a { color: inherit; display: block; } img { width: 100%; height: 8rem; object-fit: contain; } small { opacity: .75; }`;
const HERE = new URL(".", document.currentScript ? document.currentScript.src : location.href).origin;

class IlkSimilar extends HTMLElement {
  static observedAttributes = ["item-id", "k", "objective", "src", "api-key", "user-id"];

  connectedCallback() { this.refresh(); }
  attributeChangedCallback() { if (this.isConnected) this.refresh(); }

  async refresh() {
    const asked = (this.asked = Symbol("newest request wins"));
    const id = this.getAttribute("item-id");
    if (!id) return;
    const base = this.getAttribute("src") || HERE;
    const wanted = { item_id: id, k: this.getAttribute("k") || "6", objective: this.getAttribute("objective") || "related" };
    if (this.hasAttribute("user-id")) wanted.user_id = this.getAttribute("user-id");
    const headers = this.hasAttribute("api-key") ? { "X-API-Key": this.getAttribute("api-key") } : {};
    try {
      const answer = await fetch(`${base}/v1/similar?${new URLSearchParams(wanted)}`, { headers });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const { results, recommendation_id: shown } = await answer.json();
      if (this.asked !== asked) return;
      this.show(results);
      this.dispatchEvent(new CustomEvent("ilk-shown", { bubbles: true, detail: { recommendation_id: shown, results } }));
    } catch (error) {
      if (this.asked === asked) this.dispatchEvent(new CustomEvent("ilk-failed", { bubbles: true, detail: { message: error.message } }));
    }
  }

  show(results) {
    const root = this.shadowRoot || this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const list = document.createElement("ul");
    list.setAttribute("part", "list");
    list.append(...results.map((item) => this.card(item)));
    root.replaceChildren(list);
  }

  card(item) {
    const link = document.createElement("a");
    link.href = (this.getAttribute("link") || "#{id}").replace("{id}", encodeURIComponent(item.item_id));
    link.setAttribute("part", "item");
    if (/^https?:/i.test(item.image_url)) {
      const image = document.createElement("img");
      image.src = item.image_url;
      image.alt = "";
      image.loading = "lazy";
      link.append(image);
    }
    const title = document.createElement("span");
    title.textContent = item.title || item.item_id;
    link.append(title);
    if (item.price !== null) {
      const price = document.createElement("small");
      price.textContent = ` ${item.price} ${item.currency}`;
      link.append(price);
    }
    const entry = document.createElement("li");
    entry.append(link);
    return entry;
  }
}

customElements.define("ilk-similar", IlkSimilar);
