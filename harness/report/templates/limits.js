"use strict";
// The reader's limits: what lies beyond them is grey and has no rank; ranks, ties and the sentence
// are those of the others. harness/report/page/answer.py makes the same sentence for all of them.
(() => {
  const box = document.getElementById("your-limits");
  if (!box) return;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const field = (name) => box.querySelector(`[name=${name}]`);
  const WORDS = { "+": " more than", "-": " less than", "*": " as much as" }; // as lines.py has it
  const NEVER = "at no tried rate";

  // What a row says: the page has it once, in its cells.
  const textOf = (row, selector) => (row.querySelector(selector) || { textContent: "" }).textContent;
  const read = (row, facts) => {
    const name = textOf(row, "th a");
    const [memory, protocol, maintained, rounds] = facts[name];
    const cost = row.dataset.cost === "" ? null : Number(row.dataset.cost);
    return {
      ...{ row, name, memory, protocol, maintained, rounds, cost },
      text: textOf(row, ".value :first-child"),
      range: textOf(row, ".value small"),
      holds: !("never" in row.dataset),
    };
  };

  // Why a variant is beyond the limits; empty where it is not.
  const beyond = ({ memory, protocol, maintained, cost }) => {
    const found = [];
    const most = (name, value, unit) => {
      const limit = field(name).value.trim();
      if (limit === "" || !(Number(limit) >= 0)) return;
      if (value === null) found.push(`${name} not known`);
      else if (value > Number(limit)) found.push(`${name} ${unit(value)}`);
    };
    most("memory", memory, (value) => `${Math.round(value)} MiB`);
    most("cost", cost, (value) => `$${value.toPrecision(2)}`);
    const wanted = field("protocol").value;
    if (wanted && protocol !== wanted) found.push(protocol);
    if (field("maintained").checked && !maintained) found.push("not maintained");
    return found.join(", ");
  };

  const names = (rows, withText, element = "em") => {
    const parts = rows.map((row) => {
      const name = document.createElement(element);
      name.textContent = row.name;
      return withText ? [name, ` (${row.text})`] : [name];
    });
    return parts.flatMap((part, place) => {
      const before = place === 0 ? "" : place === parts.length - 1 ? " and " : ", ";
      return [before, ...part];
    });
  };

  const following = (leaders, next, words) => {
    const how = words.pair(leaders[0], next);
    if (how === "-") return [leaders.length === 1 ? ", ahead of " : "; next is ", ...names([next], true)];
    if (leaders.length === 1) return [`, ${how} `, ...names([next])];
    return ["; ", ...names([leaders[0]], false, "b"), ` ${words.capacity ? "serves" : "takes"} ${how} `, ...names([next])];
  };

  const leading = (leaders, rows, words) => {
    const [first, last] = [leaders[0], leaders[leaders.length - 1]];
    if (leaders.length === 1) {
      const range = first.range ? ` (${first.range})` : "";
      return [...names([first], false, "b"), ` ${words.capacity ? "serves" : "answers in"} ${first.text}${range}`];
    }
    if (leaders.length <= 4) {
      const said = names(leaders, true, words.once || leaders.length === rows.length ? "em" : "b");
      return words.once ? ["one round cannot separate ", ...said] : [...said, " are tied"];
    }
    const of = (row) => `${row.name} (${row.text})`;
    const ends = `from ${of(first)} to ${of(last)}`;
    if (words.once) return [`one round cannot separate ${leaders.length} variants, ${ends}`];
    const count = leaders.length === rows.length ? `all ${rows.length}` : `${leaders.length} of ${rows.length}`;
    return [`${count} are tied, ${ends}`];
  };

  const sentence = (rows, words) => {
    if (!rows.length) return ["nothing is within your limits"];
    const holding = rows.filter((row) => row.holds);
    if (!holding.length) {
      if (rows.length === 1) return [...names(rows), ` meets it ${NEVER}`];
      return [`none of the ${rows.length} meets it at any tried rate`];
    }
    const leaders = holding.filter((row) => row.now === holding[0].now);
    const said = leading(leaders, rows, words);
    if (holding.length > leaders.length) said.push(...following(leaders, holding[leaders.length], words));
    const rest = rows.slice(holding.length);
    if (rest.length > 4) said.push(`; ${rest.length} others meet it ${NEVER}`);
    else if (rest.length) said.push("; ", ...names(rest), ` ${rest.length === 1 ? "meets" : "meet"} it ${NEVER}`);
    return said;
  };

  // Ranks as harness.analyse.field.comparison.in_ranks gives them: whatever is tied with the first of a
  // rank has that rank.
  const rank = (rows, pair) => {
    let leader = null;
    let now = 0;
    rows.forEach((row, place) => {
      if (leader === null || pair(leader, row) !== "") {
        leader = row;
        now = place + 1;
      }
      row.now = now;
    });
  };

  const show = (each, others, once, why) => {
    const same = others.filter((other) => other.now === each.now).length > 1;
    const untold = once && each.holds;
    // Where nothing is told apart from the first, none is marked.
    const told = others.length === 1 || others.some((other) => other.now !== 1);
    const turn = (name, yes) => each.row.classList.toggle(name, !why && yes);
    each.row.querySelector(".rank").textContent = why ? "–" : untold ? "?" : each.now + (same ? "=" : "");
    turn("tie", same && !untold);
    turn("first", !untold && told && each.now === 1 && each.holds);
    each.row.classList.toggle("beyond", Boolean(why));
    const said = each.row.querySelector(".beyond-why") || document.createElement("small");
    said.className = "beyond-why";
    said.textContent = why;
    each.row.querySelector("th").append(said);
  };

  const apply = () => {
    let [within, count] = [0, 0];
    for (const body of all("tbody.ranked[data-pairs]")) {
      const facts = JSON.parse(body.closest("[data-facts]").dataset.facts);
      const rows = all("tr[data-cost]", body).map((row) => read(row, facts));
      const pairs = body.dataset.pairs.split("\n").map((line) => line.split("|"));
      const index = new Map(rows.map((row, place) => [row, place]));
      const pair = (one, other) => {
        const [kind, how] = pairs[index.get(one)][index.get(other) - index.get(one) - 1].split(" ~");
        return how === undefined ? kind : kind + WORDS[how];
      };
      const why = new Map(rows.map((row) => [row, beyond(row)]));
      const left = rows.filter((row) => !why.get(row));
      rank(left, pair);
      const holding = left.filter((row) => row.holds);
      const untold = holding.length > 1 && holding.every((row) => row.now === 1 && row.rounds === 1);
      for (const row of rows) show(row, left, untold, why.get(row));
      const words = { capacity: body.dataset.kind === "capacity", once: untold, pair };
      const clause = document.getElementById(body.dataset.clause);
      clause.replaceChildren(...sentence(left, words));
      if (!body.closest(".away")) {
        within += left.length;
        count += rows.length;
      }
    }
    const set = ["memory", "cost", "protocol"].some((name) => field(name).value) || field("maintained").checked;
    box.querySelector("[role=status]").textContent = set ? `${within} of ${count} ranked are within your limits` : "";
  };

  for (const each of all("input, select", box)) each.addEventListener("input", apply);
  box.querySelector("button").addEventListener("click", () => {
    for (const each of all("input, select", box)) {
      if (each.type === "checkbox") each.checked = false;
      else each.value = "";
    }
    apply();
  });
  box.hidden = false;
})();
