// What the page does beyond HTML: theme, filter, copy buttons, links that open the mode tables. All of it optional.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  const remembered = () => { try { return localStorage.getItem("gradlaws-theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("gradlaws-theme", theme); } catch { /* private page */ } };
  const asked = /[?#&]theme=(auto|light|dark)\b/.exec(location.search + location.hash);
  const setTheme = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    for (const button of all("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
      button.onclick = () => { remember(button.dataset.themeChoice); setTheme(button.dataset.themeChoice); };
    }
  };
  const choice = asked ? asked[1] : remembered();
  setTheme(["light", "dark"].includes(choice) ? choice : "auto");
  for (const element of all(".themes, .filter")) element.hidden = false;

  const field = document.getElementById("filter");
  const groups = all("details.modes").map((details) => ({
    details,
    matrix: document.querySelector(`tr[data-identity="${CSS.escape(details.dataset.identity)}"]`),
    rows: all("tbody tr", details).map((row) => ({
      row,
      text: [...all("summary b, summary .claim", details), ...row.cells].map((e) => e.textContent).join(" ").toLowerCase(),
    })),
  }));
  const cells = groups.reduce((sum, group) => sum + group.rows.length, 0);
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { details, matrix, rows } of groups) {
      let here = 0;
      for (const { row, text } of rows) {
        row.hidden = !words.every((word) => text.includes(word));
        here += !row.hidden;
      }
      details.hidden = here === 0;
      if (matrix) matrix.hidden = here === 0;
      details.open = words.length > 0 && here > 0;
      shown += here;
    }
    document.getElementById("filter-count").textContent = words.length ? `${shown} of ${cells} cells` : "";
  };
  field.addEventListener("input", filter);

  for (const pre of all("pre[data-copy]")) {
    const box = document.createElement("div");
    const button = document.createElement("button");
    box.className = "copyable";
    button.type = "button";
    button.textContent = "copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(pre.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(pre);
        button.textContent = "selected";
      }
      setTimeout(() => { button.textContent = "copy"; }, 2000);
    });
    pre.replaceWith(box);
    box.append(pre, button);
  }

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.closest("details");
    if (details) { details.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
