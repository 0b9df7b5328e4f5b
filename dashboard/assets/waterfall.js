// The spans of a trace as a list of bars. Only rows in sight are elements, so that 30,000 spans scroll like 30.
(function () {
  "use strict";
  const ROW_PX = 28, INDENT_PX = 14, MAX_INDENTS = 16, SPARE_ROWS = 8, OPEN_AFTER_MS = 150;
  const h = watchkeeper.h;

  watchkeeper.widgets.waterfall = function (element, spec, isNew) {
    const view = isNew ? (element.waterfall = build(element)) : element.waterfall;
    const isOther = isNew || (!view.opening && view.active !== spec.selected), isOne = spec.span.length < 2;
    view.spec = spec;
    if (isOther) view.active = spec.selected;
    view.scale.textContent = isOne ? spec.scale : `${spec.scale} · solid = critical path`;
    view.search.hidden = isOne;
    layOut(view);
    if (isOther) reveal(view, isNew);
  };

  function build(element) {
    const view = { folded: new Set(), pool: [], shown: [], active: 0, opening: 0, frame: 0 };
    view.search = h("input", { type: "search", placeholder: "Find a span", "aria-label": "Find a span", autocomplete: "off" });
    view.found = h("span", { class: "found", role: "status" });
    view.scale = h("span", { class: "scale" });
    view.space = h("div", { class: "space", role: "presentation" });
    view.list = h("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": "Spans of this trace" }, view.space);
    view.head = h("div", { class: "row head" }, h("span", { class: "name" }, "Span", view.search, view.found), view.scale,
      h("span", { class: "number" }, "Duration"), h("span", { class: "number" }, "Tokens"), h("span", { class: "number" }, "Cost"));
    element.replaceChildren(view.head, view.list);
    view.list.addEventListener("scroll", () => later(view), { passive: true });
    view.list.addEventListener("click", (event) => clicked(view, event));
    view.list.addEventListener("keydown", (event) => pressed(view, event));
    view.search.addEventListener("input", () => layOut(view));
    view.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && view.shown.length) {
        select(view, view.shown[0]);
        view.list.focus();
      } else if (event.key === "Escape") {
        view.search.value = "";
        layOut(view);
      }
    });
    new ResizeObserver(() => later(view)).observe(view.list);
    return view;
  }

  // Which spans have a row: those that the search finds, or all but the ones below a folded one.
  function layOut(view) {
    const { spec, folded } = view, wanted = view.search.value.trim().toLowerCase();
    view.shown = [];
    for (let i = 0; i < spec.span.length; i++) {
      if (!wanted) {
        view.shown.push(i);
        if (folded.has(i)) i += spec.below[i];
      } else if (`${spec.name[i]} ${spec.note[i]} ${spec.failure[i]}`.toLowerCase().includes(wanted)) {
        view.shown.push(i);
      }
    }
    view.found.textContent = wanted ? `${view.shown.length} of ${spec.span.length}` : "";
    view.space.style.height = `${view.shown.length * ROW_PX}px`;
    view.pool.forEach((row) => { row.place = -1; });
    render(view);
  }

  function later(view) {
    if (!view.frame) view.frame = requestAnimationFrame(() => render(view));
  }

  function render(view) {
    view.frame = 0;
    const first = Math.max(0, Math.floor(view.list.scrollTop / ROW_PX) - SPARE_ROWS);
    const n = Math.min(view.shown.length - first, Math.ceil(view.list.clientHeight / ROW_PX) + 2 * SPARE_ROWS);
    while (view.pool.length < n) view.pool.push(addRow(view));
    const size = view.pool.length, used = new Set();
    for (let place = first; place < first + n; place++) {
      const row = view.pool[place % size];
      used.add(row);
      if (row.place !== place) fill(view, row, place);
    }
    view.pool.forEach((row) => { row.element.hidden = !used.has(row); });
    view.list.setAttribute("aria-activedescendant", `span-${view.spec.span[view.active]}`);
  }

  function addRow(view) {
    const cells = {
      fold: h("span", { class: "fold-mark", "aria-hidden": "true" }), square: h("i", {}), title: h("span", { class: "title" }),
      note: h("small", {}), failure: h("span", { class: "failed" }), bar: h("i", {}),
      duration: h("span", { class: "number" }), tokens: h("span", { class: "number" }), cost: h("span", { class: "number" }),
    };
    const name = h("span", { class: "name" }, cells.fold, cells.square, cells.title, cells.note, cells.failure);
    const element = h("div", { class: "row", role: "option" }, name, h("span", { class: "lane" }, cells.bar),
      cells.duration, cells.tokens, cells.cost);
    view.space.append(element);
    return { element, name, cells, place: -1 };
  }

  function fill(view, row, place) {
    const { spec } = view, i = view.shown[place], { element, name, cells } = row;
    row.place = place;
    element.id = `span-${spec.span[i]}`;
    element.dataset.index = i;
    element.style.transform = `translateY(${place * ROW_PX}px)`;
    element.className = `row kind-${spec.kind[i]}${spec.path[i] ? " on-path" : ""}${spec.failure[i] ? " has-failed" : ""}`;
    element.setAttribute("aria-selected", String(i === view.active));
    element.setAttribute("aria-posinset", place + 1);
    element.setAttribute("aria-setsize", view.shown.length);
    name.style.paddingLeft = `${Math.min(spec.depth[i], MAX_INDENTS) * INDENT_PX}px`;
    name.title = [spec.name[i], spec.note[i], spec.failure[i], spec.reason[i]].filter(Boolean).join("\n");
    cells.fold.textContent = !spec.below[i] ? "" : view.folded.has(i) ? "▸" : "▾";
    cells.title.textContent = spec.name[i];
    cells.note.textContent = view.folded.has(i) ? `${spec.below[i]} below` : spec.note[i];
    cells.failure.textContent = spec.failure[i] ? `✕ ${spec.failure[i]}` : "";
    cells.bar.style.left = `min(${100 * spec.left[i]}%, 100% - 2px)`;
    cells.bar.style.width = `max(${100 * spec.width[i]}%, 2px)`;
    cells.duration.textContent = spec.duration[i];
    cells.tokens.textContent = spec.tokens[i];
    cells.cost.textContent = spec.cost[i];
  }

  function refresh(view) {
    view.pool.forEach((row) => { row.place = -1; });
    render(view);
  }

  // Scroll to the active row, and unfold what hides it.
  function reveal(view, centred) {
    if (!view.shown.includes(view.active)) {
      view.search.value = "";
      for (const i of [...view.folded]) {
        if (i < view.active && view.active <= i + view.spec.below[i]) view.folded.delete(i);
      }
      layOut(view);
    }
    const top = view.shown.indexOf(view.active) * ROW_PX, height = view.list.clientHeight;
    if (top < view.list.scrollTop || top + ROW_PX > view.list.scrollTop + height) {
      const aim = centred ? top - height / 2 : top < view.list.scrollTop ? top : top + ROW_PX - height;
      view.list.scrollTop = aim;
    }
    refresh(view);
  }

  function select(view, i) {
    view.active = i;
    reveal(view, false);
    // The page follows when the selection rests: it is asked for once, not for every row that was passed.
    clearTimeout(view.opening);
    view.opening = setTimeout(() => {
      view.opening = 0;
      if (!view.list.isConnected) return; // somebody went on to another page
      const query = new URLSearchParams(location.search);
      query.set("span", view.spec.span[i]);
      watchkeeper.navigate(`${location.pathname}?${query}`, true);
    }, OPEN_AFTER_MS);
  }

  function fold(view, i, folded) {
    if (!view.spec.below[i] || view.search.value) return;
    if (folded) view.folded.add(i);
    else view.folded.delete(i);
    layOut(view);
  }

  function clicked(view, event) {
    const row = event.target.closest(".row");
    if (!row) return;
    const i = Number(row.dataset.index);
    if (event.target.closest(".fold-mark")) fold(view, i, !view.folded.has(i));
    else select(view, i);
  }

  function parent(view, i) {
    for (let j = i - 1; j >= 0; j--) if (view.spec.depth[j] < view.spec.depth[i]) return j;
    return i;
  }

  function pressed(view, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(view.list.clientHeight / ROW_PX) - 1), end = view.shown.length - 1;
    const at = view.shown.indexOf(view.active);
    const to = {
      ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: end,
    }[event.key];
    if (to !== undefined) {
      if (end >= 0) select(view, view.shown[Math.min(Math.max(to, 0), end)]);
    } else if (event.key === "ArrowLeft") {
      if (view.spec.below[view.active] && !view.folded.has(view.active)) fold(view, view.active, true);
      else select(view, parent(view, view.active));
    } else if (event.key === "ArrowRight") {
      fold(view, view.active, false);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // J and K move through the spans from wherever the focus is, as long as nobody types.
  document.addEventListener("keydown", (event) => {
    const element = document.querySelector('[data-widget="waterfall"]');
    if (!element || !element.waterfall || !/^[jk]$/.test(event.key)) return;
    if (!event.target.closest("input, textarea, select, [contenteditable]")) pressed(element.waterfall, event);
  });
})();
