"use strict";
// Sorts the rows of each body of a table among themselves: tracks are never mixed.
for (const table of document.querySelectorAll("table.numbers:not(.plain)")) {
  const heads = [...table.tHead.rows[1].cells];
  const bodies = [...table.tBodies].filter((body) => !body.classList.contains("title"));
  const original = new Map(bodies.map((body) => [body, [...body.rows]]));

  const key = (row, column) => {
    const cell = row.cells[column];
    const value = cell && !cell.classList.contains("why") ? cell.dataset.value : "";
    return column === 0 || value === "" ? value : Number(value);
  };

  const compare = (column, sign) => (a, b) => {
    const [left, right] = [key(a, column), key(b, column)];
    if (left === "" || right === "") return (left === "") - (right === "");
    if (column === 0) return sign * left.localeCompare(right);
    return sign * (left - right);
  };

  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const other = { ascending: "descending", descending: "ascending" };
      const next = other[now] || button.dataset.first;
      heads.forEach((each) => each.setAttribute("aria-sort", each === head ? next : "none"));
      const sign = next === "ascending" ? 1 : -1;
      for (const body of bodies) {
        body.append(...[...original.get(body)].sort(compare(column, sign)));
      }
    });
  });
}
