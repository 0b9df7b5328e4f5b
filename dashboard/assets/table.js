// Tables: sorted in the browser by the value of a column; a row opens by click, by Enter and by its true link.
(function () {
  "use strict";
  const h = watchkeeper.h;

  function content(cell) {
    const parts = [];
    if (cell.key) parts.push(h("i", { class: `swatch c-${cell.key}`, "aria-hidden": "true" }));
    if (cell.command) {
      const [name, values] = cell.command;
      const order = JSON.stringify(Object.assign({ name: name }, values));
      parts.push(h("button", { class: "button small", "data-command": order }, cell.text));
    } else if (cell.ago) {
      parts.push(h("time", { "data-ago": cell.ago, datetime: new Date(cell.ago).toISOString() }, watchkeeper.ago(cell.ago)));
    } else {
      parts.push(cell.text);
    }
    if (cell.spark) parts.unshift(spark(cell.spark));
    if (cell.note) parts.push(" ", h("small", {}, cell.note));
    return parts;
  }

  // Evidence on its way to the threshold, which is at 1.
  function spark(values) {
    const svg = (tag, attributes) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    };
    const top = Math.max(1.1, ...values), line = values.length > 1 ? values : [0, ...values];
    const y = (value) => (20 - (18 * value) / top).toFixed(1), x = (i) => ((100 * i) / (line.length - 1)).toFixed(1);
    const image = svg("svg", { class: "evidence-spark", viewBox: "0 0 100 22", preserveAspectRatio: "none", "aria-hidden": "true" });
    image.append(svg("path", { d: `M0 ${y(1)}H100`, class: "threshold" }));
    image.append(svg("path", { d: "M" + line.map((v, i) => `${x(i)} ${y(v)}`).join("L") }));
    return image;
  }

  function row(columns, spec) {
    let linked = false;
    const tr = h("tr", { "data-href": spec.href, class: spec.selected ? "selected" : null });
    spec.cells.forEach((given, i) => {
      const cell = typeof given === "string" ? { text: given } : given;
      const classes = [columns[i].numeric ? "number" : "", cell.tone ? `tone-${cell.tone}` : ""].join(" ").trim();
      const href = cell.href || (spec.href && !linked && cell.text && !cell.command ? spec.href : null);
      linked = linked || Boolean(href);
      const parts = content(cell);
      tr.append(h("td", { class: classes || null, title: cell.hint || (cell.note ? null : cell.text) || null },
        ...(href ? [h("a", { href: href }, ...parts)] : parts)));
    });
    return tr;
  }

  const value = (spec, i) => {
    const cell = spec.cells[i];
    return typeof cell === "string" ? cell : cell.sort === undefined ? cell.ago || cell.text : cell.sort;
  };

  function sorted(spec, order) {
    if (!order) return spec.rows;
    const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
    return [...spec.rows].sort((a, b) => order.sign * compare(value(a, order.column), value(b, order.column)));
  }

  watchkeeper.widgets.table = function draw(element, spec, isNew) {
    if (isNew) element.watchkeeperOrder = null;
    const order = element.watchkeeperOrder;
    const heads = spec.columns.map((column, i) => {
      const state = order && order.column === i ? (order.sign > 0 ? "ascending" : "descending") : null;
      const attributes = { scope: "col", class: column.numeric ? "number" : null, "aria-sort": state, title: column.hint };
      if (!column.sortable) return h("th", attributes, column.title);
      const button = h("button", {}, column.title);
      button.addEventListener("click", () => {
        const first = column.numeric ? -1 : 1;
        element.watchkeeperOrder = { column: i, sign: order && order.column === i ? -order.sign : first };
        draw(element, spec, false);
        element.querySelectorAll("th")[i].firstChild.focus();
      });
      return h("th", attributes, button);
    });
    const body = h("tbody", {}, ...sorted(spec, order).map((one) => row(spec.columns, one)));
    body.addEventListener("click", (event) => {
      const tr = event.target.closest("tr[data-href]");
      if (!tr || event.target.closest("a, button") || String(getSelection())) return;
      if (event.ctrlKey || event.metaKey) window.open(tr.dataset.href);
      else watchkeeper.navigate(tr.dataset.href);
    });
    const widths = spec.columns.map((column) => h("col", { style: column.width ? `width:${column.width}` : null }));
    const table = h("table", {}, h("caption", {}, spec.label), h("colgroup", {}, ...widths),
      h("thead", {}, h("tr", {}, ...heads)), body);
    element.replaceChildren(table);
  };
})();
