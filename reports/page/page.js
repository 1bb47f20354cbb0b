// What the page does beyond HTML: unpacking of sections, theme, search, filters, sorting, copy buttons, keys, deep links.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const stored = (name) => { try { return localStorage.getItem(`gradlaws-${name}`); } catch { return null; } };
  const store = (name, value) => { try { localStorage.setItem(`gradlaws-${name}`, value); } catch { /* private page */ } };
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // Sections are folded up as gzip in base64: unpacked when they are looked at, each once.
  const seals = new Map(all("script[data-seal]").map((script) => [script.dataset.seal, script]));
  const unpack = async (name) => {
    const bytes = Uint8Array.from(atob(seals.get(name).textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const opening = new Map();
  const unseal = (holder) => {
    const name = holder.dataset.sealed;
    if (!opening.has(name)) {
      opening.set(name, (async () => {
        // Parsed apart from the page, where no script of it could run; the policy of the page forbids them too.
        const parsed = new DOMParser().parseFromString(await unpack(name), "text/html");
        holder.replaceChildren(...parsed.body.childNodes);
        holder.classList.remove("sealed");
        dress(holder);
      })());
    }
    return opening.get(name);
  };
  const unsealWithin = (element) => Promise.all(all("[data-sealed]", element).map(unseal));

  const dress = (from) => {
    all("pre[data-copy]", from).forEach(copyable);
    all("table.sortable", from).forEach(sortable);
    all("input[data-filter]", from).forEach(filtering);
    for (const button of all("button[data-open]", from)) button.onclick = () => {
      const found = all(button.dataset.open);
      const open = !found.every((one) => one.open);
      for (const one of found) one.open = open;
      button.textContent = open ? "close all" : "open all";
    };
  };

  const copyable = (pre) => {
    const button = make("button", { type: "button", textContent: "copy" });
    button.onclick = async () => {
      try {
        await navigator.clipboard.writeText(pre.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(pre);
        button.textContent = "selected";
      }
      setTimeout(() => { button.textContent = "copy"; }, 2000);
    };
    const box = make("div", { className: "copyable" });
    pre.tabIndex = 0;
    pre.replaceWith(box);
    box.append(pre, button);
  };

  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return cell ? (cell.dataset.value ?? cell.textContent.trim()) : "";
  };
  const asNumber = (text) => {
    const plain = text.replace(/[,\s]|×.*|< ?/g, "").replace("∞", "Infinity");
    return plain === "" || plain === "–" ? NaN : Number(plain);
  };
  const sortable = (table) => {
    all("thead th", table).forEach((head, column) => {
      if ("unsorted" in head.dataset) return;
      const button = make("button", { type: "button", className: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.onclick = () => {
        const up = head.getAttribute("aria-sort") === "descending";
        for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const keyed = [...body.rows].map((row) => [valueOf(row, column), row]);
        const numbers = keyed.filter(([text]) => !Number.isNaN(asNumber(text))).length > keyed.length / 2;
        keyed.sort(([a], [b]) => {
          if (!numbers) return a.localeCompare(b, "en", { numeric: true }) * (up ? 1 : -1);
          const [x, y] = [asNumber(a), asNumber(b)];
          if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
          return x === y ? 0 : (x < y ? -1 : 1) * (up ? 1 : -1);
        });
        body.append(...keyed.map(([, row]) => row));
      };
    });
  };

  const filtering = (field) => {
    const output = field.closest(".filter").querySelector("output");
    let known = null;
    field.oninput = () => {
      known ??= all(field.dataset.filter).map((item) => [item, item.textContent.toLowerCase()]);
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const [item, text] of known) {
        item.hidden = !words.every((word) => text.includes(word));
        shown += !item.hidden;
      }
      output.textContent = words.length ? `${shown} of ${known.length}` : "";
    };
  };

  // Theme.
  const asked = /[?#&]theme=(auto|light|dark)\b/.exec(location.search + location.hash);
  const themes = ["auto", "light", "dark"];
  let theme = "auto";
  const setTheme = (name) => {
    theme = themes.includes(name) ? name : "auto";
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    for (const button of all("[data-theme-choice]")) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
  };
  for (const button of all("[data-theme-choice]")) button.onclick = () => { store("theme", button.dataset.themeChoice); setTheme(button.dataset.themeChoice); };
  setTheme(asked ? asked[1] : stored("theme"));
  for (const element of all(".search, .tools, .js")) element.hidden = false;

  // Deep links: what stands before the first slash of an id names the element that holds the rest.
  const reveal = async (focus = true) => {
    let id;
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    if (!id) return;
    const holder = byId(id.split("/")[0]);
    for (let box = holder && holder.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    if (holder) await unsealWithin(holder);
    const target = byId(id);
    if (!target) return;
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    // What stands above it unfolds first, or it would push the target on later.
    const above = all("main > section > [data-sealed]").filter((one) => one.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING);
    await Promise.all(above.map(unseal));
    target.scrollIntoView();
    if (focus) {
      if (!target.hasAttribute("tabindex") && !target.matches("a, button, summary, input")) target.tabIndex = -1;
      target.focus({ preventScroll: true });
    }
    root.dataset.at = id;
  };
  addEventListener("hashchange", () => reveal());
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) reveal();
  });

  document.addEventListener("toggle", (event) => {
    if (event.target.open) unsealWithin(event.target);
  }, true);
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); unseal(entry.target); }
  }, { rootMargin: "300px" });
  for (const holder of all("main > section > [data-sealed]")) near.observe(holder);

  const openAll = async () => {
    await unsealWithin(document);
    for (const details of all("main details")) details.open = true;
    root.dataset.opened = "all";
  };
  byId("open-all").onclick = openAll;
  byId("print-all").onclick = async () => { await openAll(); print(); };
  byId("save").onclick = async () => {
    const url = URL.createObjectURL(new Blob([await unpack("report.json")], { type: "application/json" }));
    make("a", { href: url, download: "report.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };

  // Search: every word must be somewhere in a row of the index.
  const field = byId("search"), list = byId("found");
  let index = null, active = -1;
  const close = () => { list.hidden = true; active = -1; field.setAttribute("aria-expanded", "false"); field.removeAttribute("aria-activedescendant"); };
  const choose = (at) => {
    const options = all("li[role=option]", list);
    if (!options.length) return;
    active = (at + options.length) % options.length;
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === active)));
    options[active].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", options[active].id);
  };
  const go = (id) => {
    close();
    const hash = `#${id}`;
    if (location.hash === hash) reveal(); else location.hash = hash;
  };
  const look = async () => {
    index ??= JSON.parse(await unpack("index")).map((row) => [row, row.slice(0, 3).join(" ").toLowerCase()]);
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) { close(); return; }
    const rank = ([row]) => (row[1].toLowerCase() === words.join(" ") ? 0 : words.every((word) => row[1].toLowerCase().includes(word)) ? 1 : 2);
    const found = index.filter(([, text]) => words.every((word) => text.includes(word)))
      .map((entry, place) => [rank(entry), place, entry[0]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    list.replaceChildren(...found.slice(0, 30).map(([, , [kind, name, text, id]], place) => {
      const option = make("li", { id: `found-${place}`, onmousedown: (event) => { event.preventDefault(); go(id); } },
        make("b", { textContent: name }), make("small", { textContent: ` ${kind}${text ? ` · ${text}` : ""}` }));
      option.setAttribute("role", "option");
      return option;
    }));
    if (!found.length) {
      const nothing = make("li", { textContent: "nothing found", className: "nothing" });
      nothing.setAttribute("role", "option");
      nothing.setAttribute("aria-disabled", "true");
      list.append(nothing);
    }
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    if (found.length) choose(0);
  };
  field.oninput = look;
  field.onfocus = () => { if (field.value) look(); };
  field.onblur = close;
  field.onkeydown = (event) => {
    if (event.key === "ArrowDown") choose(active + 1);
    else if (event.key === "ArrowUp") choose(active - 1);
    else if (event.key === "Escape") { field.value = ""; close(); return; }
    else if (event.key === "Enter") all("li[role=option]", list)[active]?.onmousedown?.(event);
    else return;
    event.preventDefault();
  };

  // Keys.
  const help = byId("help"), keysOn = byId("keys-on");
  byId("help-button").onclick = () => help.showModal();
  keysOn.checked = stored("keys") !== "off";
  keysOn.onchange = () => store("keys", keysOn.checked ? "on" : "off");
  const step = (selector, by) => {
    const items = all(selector).filter((item) => item.offsetParent !== null);
    const here = items.map((item) => item.getBoundingClientRect().top - 80);
    const next = by > 0 ? items.find((_, at) => here[at] > 4) : items.findLast((_, at) => here[at] < -4);
    if (!next) return;
    next.scrollIntoView();
    const target = next.querySelector("a, h2, h3") ?? next;
    if (!target.matches("a")) target.tabIndex = -1;
    target.focus({ preventScroll: true });
  };
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const cell = event.target.closest?.(".matrix td");
    if (cell && moves[event.key]) {
      const [down, across] = moves[event.key];
      let row = cell.parentElement, column = cell.cellIndex;
      do {
        if (down) row = down > 0 ? row.nextElementSibling : row.previousElementSibling;
        column += across;
        const link = row?.cells[column]?.querySelector("a");
        if (link && !row.hidden) { link.focus(); break; }
      } while (row && row.cells[column] && column > 0);
      event.preventDefault();
      return;
    }
    if (!keysOn.checked || help.open || event.target.matches?.("input, textarea, select")) return;
    if (event.key === "/") { field.focus(); event.preventDefault(); }
    else if (event.key === "?") help.showModal();
    else if (event.key === "t") { const next = themes[(themes.indexOf(theme) + 1) % 3]; store("theme", next); setTheme(next); }
    else if (event.key === "j") step("main > section", 1);
    else if (event.key === "k") step("main > section", -1);
    else if (event.key === "n") step("article.failure, .matrix td.bad, .matrix td.doubt", 1);
    else if (event.key === "p") step("article.failure, .matrix td.bad, .matrix td.doubt", -1);
  });

  // The contents tell where the reader is.
  const links = new Map(all(".contents a").map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) {
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-15% 0px -75%" });
  for (const section of all("main > section")) seen.observe(section);

  dress(document);
  reveal().then(() => { root.dataset.ready = "yes"; });
})();
