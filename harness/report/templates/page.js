"use strict";
// Everything is in the page without this; it hides, orders and colours. What it hides is marked
// `away`, which the style sheet hides on the screen only: paper has everything.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const away = (element, yes) => element.classList.toggle("away", yes);

  // The rows of each body are sorted among themselves: tracks are never mixed.
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    return (cell && cell.dataset.value) || "";
  };

  const compare = (column, sign) => (a, b) => {
    const [left, right] = [keyOf(a, column), keyOf(b, column)];
    if (left === "" || right === "") return (left === "") - (right === "");
    if (column === 0) return sign * left.localeCompare(right);
    return sign * (Number(left) - Number(right));
  };

  const sortable = (table) => {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    const bodies = [...table.tBodies].filter((body) => !body.classList.contains("title"));
    const original = new Map(bodies.map((body) => [body, [...body.rows]]));
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...[...head.childNodes].filter((node) => node.nodeName !== "SMALL"));
      head.prepend(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const other = { ascending: "descending", descending: "ascending" };
        const next = other[now] || head.dataset.first;
        for (const each of heads) each.setAttribute("aria-sort", each === head ? next : "none");
        const sign = next === "ascending" ? 1 : -1;
        for (const body of bodies) {
          body.append(...[...original.get(body)].sort(compare(column, sign)));
        }
      });
    });
  };
  all("table.sortable").forEach(sortable);

  // One SLO at a time. Without the script the others lie folded below the benchmark's own.
  const choose = (select) => {
    const choices = all(".choice").filter((each) => each.dataset.choose === select.dataset.choose);
    const status = select.closest(".choose").querySelector("[role=status]");
    const show = () => {
      for (const each of choices) {
        const chosen = each.dataset.number === select.value;
        away(each, !chosen);
        if (chosen) status.textContent = each.querySelector(".answer").textContent;
      }
    };
    for (const each of choices) {
      const folded = each.closest("details.others");
      if (folded) {
        folded.open = true;
        folded.classList.add("unfolded");
      }
    }
    select.addEventListener("change", show);
    select.closest(".choose").hidden = false;
    show();
    status.textContent = "";
  };
  all("select[data-choose]").forEach(choose);

  // The filter: every word must be in what a row is known by.
  const filter = document.getElementById("filter");
  const rows = all("[data-find]");
  const names = JSON.parse(filter.dataset.words);
  const sift = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = (text) => words.every((word) => text.includes(word));
    for (const row of rows) away(row, !hits(names[row.dataset.find]));
    const count = names.filter(hits).length;
    document.getElementById("filtered").textContent = words.length
      ? `${count} of ${names.length} variants`
      : "";
  };
  filter.addEventListener("input", sift);

  const benchmark = document.getElementById("benchmark");
  if (benchmark) {
    benchmark.addEventListener("change", () => {
      for (const each of all("[data-benchmark]")) {
        away(each, benchmark.value !== "" && each.dataset.benchmark !== benchmark.value);
      }
    });
  }

  // Light or dark as the system has it, until the reader says otherwise; nothing is remembered.
  const theme = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : system.matches;
  };
  const forDark = all("style")
    .flatMap((style) => [...style.sheet.cssRules])
    .filter((rule) => rule.media && rule.media.mediaText.includes("prefers-color-scheme: dark"));
  const tell = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.addEventListener("click", () => {
    const dark = !isDark();
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    for (const rule of forDark) rule.media.mediaText = dark ? "screen" : "not all";
    tell();
  });
  system.addEventListener("change", tell);
  tell();
  theme.hidden = false;
  document.getElementById("tools").hidden = false;

  // What a mark says goes away by Escape, until the mark is touched again.
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const each of all(".mark")) each.classList.add("shut");
  });
  for (const each of all(".mark")) {
    for (const kind of ["mouseleave", "focusout", "click"]) {
      each.addEventListener(kind, () => each.classList.remove("shut"));
    }
  }

  // A variant's page is folded; a link to it unfolds it.
  const unfold = () => {
    const id = location.hash.slice(1);
    const goal = id && document.getElementById(id);
    if (!goal) return;
    away(goal.closest("[data-find]") || goal, false);
    for (let at = goal; at; at = at.parentElement) if (at.nodeName === "DETAILS") at.open = true;
    goal.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) unfold(); // it was folded again by hand
  });
  unfold();

  // On paper nothing is folded.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    for (const each of folded) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of folded) each.open = false;
  });
})();
