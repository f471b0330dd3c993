"use strict";
// Charts whose values can be pointed at, and whose variants can be chosen. Without this script each
// shows what its section chose, and its table has all numbers.
{
  const NS = "http://www.w3.org/2000/svg";
  const make = (tag, given = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), given);
    made.append(...inside);
    return made;
  };
  const numbers = (text) => text.split(" ").map(Number);

  // The same as scales.apart: names have room between them, within the picture.
  const apart = (places, room, low, high) => {
    const order = places.map((_, index) => index).sort((a, b) => places[a] - places[b]);
    const space = Math.min(room, (high - low) / Math.max(places.length - 1, 1));
    const found = [...places];
    order.reduce((least, index) => (found[index] = Math.max(found[index], least)) + space, low);
    order.reduceRight((most, index) => (found[index] = Math.min(found[index], most)) - space, high);
    return found;
  };

  const placeNames = (svg) => {
    const [top, bottom, room, x] = numbers(svg.dataset.ends);
    const ends = [...svg.querySelectorAll(".curve:not(.off) > .end")].reverse();
    const spots = ends.map((end) => numbers(end.dataset.at));
    // Lines from farther left come in from below, as in line_chart.py.
    const wanted = spots.map(([left, y]) => y + 0.04 * (x - 6 - left));
    const heights = apart(wanted, room, top, bottom);
    ends.forEach((end, index) => {
      const y = Math.round(10 * heights[index]) / 10;
      const lead = `M${spots[index].join(" ")}L${x - 6} ${y}L${x} ${y}`;
      end.querySelector("path").setAttribute("d", lead);
      end.querySelector("text").setAttribute("y", y + 4);
    });
  };

  // The mark and colour of a curve or a panel, to stand before its name.
  const swatch = (node) => {
    const source = node.querySelector(".swatch") || node;
    const colour = [...source.classList].find((name) => /^(f\d+|ref)$/.test(name));
    const svg = document.createElementNS(NS, "svg");
    const path = document.createElementNS(NS, "path");
    svg.setAttribute("class", `swatch ${colour}`);
    svg.setAttribute("viewBox", "-6 -6 12 12");
    svg.setAttribute("aria-hidden", "true");
    const mark = source.querySelector(".mark") || source.querySelector(":scope > path");
    const drawn = mark.getAttribute("d");
    path.setAttribute("d", "M0 0" + drawn.slice(drawn.indexOf("m"), drawn.indexOf("z") + 1));
    svg.append(path);
    return svg;
  };

  const readCurve = (node) => ({
    node,
    name: node.dataset.name,
    points: node.dataset.p.split(";").map((text) => {
      const [, x, y, where, said] = text.match(/^(\S+) (\S+) (.*)\|(.*)$/);
      return { x: Number(x), y: Number(y), where, said };
    }),
  });

  const MOST = 12; // values in a tip

  const pointable = (plot, title) => {
    const svg = plot.querySelector("svg");
    const curves = [...svg.querySelectorAll(".curve")].map(readCurve).reverse();
    const seen = () => curves.filter(({ node }) => !node.classList.contains("off"));
    const tip = make("div", { className: "tip", hidden: true });
    tip.setAttribute("aria-hidden", "true");
    const spoken = make("p", { className: "unseen" });
    spoken.setAttribute("role", "status");
    const ring = document.createElementNS(NS, "circle");
    ring.setAttribute("class", "here");
    ring.setAttribute("r", "7");
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", `${title}: arrow keys go from value to value`);
    plot.append(tip, spoken);
    let now = null;

    const hide = () => {
      now = null;
      tip.hidden = true;
      ring.remove();
      svg.classList.remove("dim");
      curves.forEach(({ node }) => node.classList.remove("lit"));
    };

    const fill = (curve, point) => {
      const same = seen().flatMap((each) => {
        const found = each.points.find((p) => Math.abs(p.x - point.x) < 0.3);
        return found ? [{ curve: each, point: found }] : [];
      });
      same.sort((a, b) => a.point.y - b.point.y);
      const place = same.findIndex((each) => each.curve === curve);
      const first = Math.max(0, Math.min(place - MOST / 2, same.length - MOST));
      const lines = same.slice(first, first + MOST).map((each) => {
        const text = ` ${each.curve.name}: ${each.point.said}`;
        const className = each.curve === curve ? "now" : "";
        return make("li", { className }, swatch(each.curve.node), text);
      });
      const more = same.length - lines.length;
      const head = make("p", { textContent: point.where + (more > 0 ? `, and ${more} more` : "") });
      tip.replaceChildren(head, make("ul", {}, ...lines));
    };

    const show = (curve, point) => {
      now = { curve, point };
      fill(curve, point);
      tip.hidden = false;
      svg.classList.add("dim");
      for (const each of curves) each.node.classList.toggle("lit", each === curve);
      ring.setAttribute("cx", point.x);
      ring.setAttribute("cy", point.y);
      svg.append(ring);
      const [outer, inner] = [plot.getBoundingClientRect(), svg.getBoundingClientRect()];
      const scale = inner.width / svg.viewBox.baseVal.width;
      const [x, y] = [inner.left - outer.left + scale * point.x, scale * point.y];
      const left = x > outer.width / 2 ? x - tip.offsetWidth - 12 : x + 12;
      tip.style.left = `${Math.max(0, Math.min(left, outer.width - tip.offsetWidth))}px`;
      tip.style.top = `${Math.max(0, Math.min(y - 12, outer.height - tip.offsetHeight))}px`;
    };

    const nearest = (spots, x, y) => {
      const far = ({ point }) => (point.x - x) ** 2 + (point.y - y) ** 2;
      return spots.reduce((best, each) => (best && far(best) <= far(each) ? best : each), null);
    };
    const all = () => seen().flatMap((curve) => curve.points.map((point) => ({ curve, point })));

    const point = (event) => {
      const inner = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / inner.width;
      const [x, y] = [scale * (event.clientX - inner.left), scale * (event.clientY - inner.top)];
      const found = nearest(all(), x, y);
      if (found) show(found.curve, found.point);
    };
    plot.addEventListener("pointermove", point);
    plot.addEventListener("pointerdown", point);
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);

    // Left and right along a curve, up and down to the next one at that place.
    const step = (key) => {
      const { curve, point } = now;
      if (key === "ArrowLeft" || key === "ArrowRight") {
        const next = curve.points[curve.points.indexOf(point) + (key === "ArrowLeft" ? -1 : 1)];
        return next ? { curve, point: next } : null;
      }
      const sign = key === "ArrowUp" ? -1 : 1;
      const others = seen().filter((each) => each !== curve).map((each) => {
        const spots = each.points.map((p) => ({ curve: each, point: p }));
        return nearest(spots, point.x, point.y);
      });
      const beyond = others.filter((each) => sign * (each.point.y - point.y) > 0);
      return nearest(beyond, point.x, point.y);
    };
    plot.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return hide();
      if (!event.key.startsWith("Arrow")) return undefined;
      event.preventDefault();
      const found = now && seen().includes(now.curve) ? step(event.key) : all()[0];
      if (!found) return undefined;
      show(found.curve, found.point);
      spoken.textContent = `${found.curve.name}, ${found.point.where}: ${found.point.said}`;
      return undefined;
    });
    return hide;
  };

  const choosable = (charts, changed) => {
    const members = new Map();
    for (const node of charts.querySelectorAll("[data-name]:not(.fixed)")) {
      members.set(node.dataset.name, [...(members.get(node.dataset.name) || []), node]);
    }
    if (members.size < 2) return;
    const first = ([, nodes]) => Number(nodes[0].dataset.key);
    const ordered = [...members].sort((a, b) => first(a) - first(b));
    const summary = make("summary");
    const search = make("input", { type: "search", placeholder: "Filter by name" });
    search.setAttribute("aria-label", "Filter the variants by name");
    const groups = new Map();
    const boxes = ordered.map(([name, nodes]) => {
      const { group, key } = nodes[0].dataset;
      const checked = !nodes[0].classList.contains("off");
      const box = make("input", { type: "checkbox", checked, value: name });
      const keyText = make("span", { className: "key", textContent: key });
      const label = make("label", {}, box, keyText, swatch(nodes[0]), make("span", { textContent: name }));
      if (!groups.has(group)) {
        groups.set(group, make("fieldset", {}, make("legend", { textContent: group })));
      }
      groups.get(group).append(label);
      const light = (on) => nodes.forEach((node) => {
        const svg = node.ownerSVGElement;
        if (!svg) return;
        svg.classList.toggle("dim", on && box.checked);
        node.classList.toggle("lit", on);
      });
      label.addEventListener("pointerenter", () => light(true));
      label.addEventListener("pointerleave", () => light(false));
      box.addEventListener("change", () => apply());
      return { box, label, nodes, name, checked };
    });

    const apply = () => {
      for (const { box, nodes } of boxes) {
        nodes.forEach((node) => node.classList.toggle("off", !box.checked));
      }
      charts.querySelectorAll("svg[data-ends]").forEach(placeNames);
      const count = boxes.filter(({ box }) => box.checked).length;
      summary.textContent = `${charts.dataset.chooser}: ${count} of ${boxes.length}. Choose others`;
      changed();
    };
    const button = (text, wanted) => {
      const made = make("button", { type: "button", textContent: text });
      made.addEventListener("click", () => {
        for (const each of boxes) if (!each.label.hidden) each.box.checked = wanted(each);
        apply();
      });
      return made;
    };
    search.addEventListener("input", () => {
      const wanted = search.value.toLowerCase();
      for (const { label, name } of boxes) label.hidden = !name.toLowerCase().includes(wanted);
      for (const set of groups.values()) set.hidden = !set.querySelector("label:not([hidden])");
    });
    const picks = make(
      "div", { className: "picks" }, search, button("All listed", () => true),
      button("None", () => false), button("As at first", ({ checked }) => checked),
    );
    charts.prepend(make("details", { className: "chooser" }, summary, picks, ...groups.values()));
    charts.classList.add("chosen");
    apply();
  };

  for (const charts of document.querySelectorAll(".charts[data-chooser]")) {
    const hides = [...charts.querySelectorAll(".plot")].map((plot) => {
      const figure = plot.closest("figure");
      return pointable(plot, figure.querySelector("figcaption b").textContent);
    });
    choosable(charts, () => hides.forEach((hide) => hide()));
  }
}
