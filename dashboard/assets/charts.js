// Draws charts from columns: one template for all, one plot per frame, each when it comes near the viewport.
(function () {
  "use strict";
  const h = watchkeeper.h;
  const PLOTLY = document.currentScript.src.replace(/[^/]*$/, "plotly-basic-4.1.1.min.js");
  const MARGIN = { l: 52, r: 16, t: 12, b: 28 };
  const queue = new Set(), drawn = new Set();
  let plotly = null, busy = false;

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const faded = (colour, alpha) => colour + Math.round(alpha * 255).toString(16).padStart(2, "0");

  function load() {
    plotly = plotly || new Promise((resolve, reject) => {
      const script = h("script", { src: PLOTLY });
      script.onload = resolve;
      script.onerror = () => { plotly = null; reject(new Error("the chart library could not be loaded")); };
      document.head.append(script);
    });
    return plotly;
  }

  // Numbers as in dashboard/words.py: three significant digits and a unit.
  function digits(value) {
    if (!value) return "0";
    const size = Number(Math.abs(value).toPrecision(3));
    const decimals = Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(size))));
    const text = value.toFixed(decimals);
    return (decimals > 2 ? text.replace(/\.?0+$/, "") : text).replace("-", "−");
  }

  function count(value) {
    const found = [[1e9, " G"], [1e6, " M"], [1e3, " k"]].find(([scale]) => Math.abs(value) >= 0.9995 * scale);
    return found ? digits(value / found[0]) + found[1] : Number.isInteger(value) ? String(value) : digits(value);
  }

  function words(value, unit) {
    if (value === null || value === undefined) return "–";
    if (unit === "percent") return `${digits(100 * value)} %`;
    if (unit === "s") return value < 0.9995 ? `${digits(1000 * value)} ms` : `${digits(value)} s`;
    if (unit === "usd") return `$${count(value)}`;
    return unit === "per_s" ? `${count(value)} per s` : count(value);
  }

  // Stretches without a gap, as [first, last].
  function runs(values) {
    const found = [];
    values.forEach((value, i) => {
      if (value === null) return;
      if (found.length && found[found.length - 1][1] === i - 1) found[found.length - 1][1] = i;
      else found.push([i, i]);
    });
    return found;
  }

  function band(series, x, colour) {
    const outline = { x: [], y: [] };
    for (const [first, last] of runs(series.low)) {
      if (first === last) continue;
      const there = x.slice(first, last + 1), back = [...there].reverse();
      outline.x.push(...there, ...back, null);
      outline.y.push(...series.high.slice(first, last + 1), ...series.low.slice(first, last + 1).reverse(), null);
    }
    return { ...outline, type: "scatter", mode: "lines", fill: "toself", fillcolor: faded(colour, 0.16),
      line: { width: 0 }, hoverinfo: "skip", connectgaps: false };
  }

  function note(spec, series, i) {
    if (series.notes) return series.notes[i];
    const interval = series.low && series.low[i] !== null
      ? ` (${words(series.low[i], spec.unit)} to ${words(series.high[i], spec.unit)})` : "";
    return words(series.y[i], spec.unit) + interval + (series.n && series.n[i] ? `, n = ${count(series.n[i])}` : "");
  }

  function traces(spec) {
    const stacked = spec.kind === "stacked";
    const shared = spec.x.map((t) => (stacked ? t : Math.min(t + spec.step / 2, spec.range[1])));
    const bands = [], lines = [];
    spec.series.forEach((series) => {
      const colour = css(series.colour), x = series.x || shared, own = Boolean(series.x);
      const strong = series.colour === "p50" || (own && series.colour === "s1");
      if (series.low) bands.push(band(series, x, colour));
      const trace = { type: "scatter", name: series.name, hovertemplate: `%{customdata}<extra>${escape(series.name)}</extra>`,
        customdata: series.y.map((_, i) => note(spec, series, i)), connectgaps: false };
      if (stacked) {
        // The last step is drawn to its end.
        const y = series.y.map((value) => value || 0);
        Object.assign(trace, { x: [...x, x[x.length - 1] + spec.step], y: [...y, y[y.length - 1]], stackgroup: "all",
          mode: "lines", line: { width: 0, shape: "hv" }, fillcolor: colour,
          customdata: [...trace.customdata, trace.customdata[trace.customdata.length - 1]] });
      } else {
        // A value between two gaps has no line: it is a dot.
        const alone = new Set(runs(series.y).filter(([first, last]) => first === last).map(([first]) => first));
        Object.assign(trace, { x: x, y: series.y, mode: "lines+markers", line: { color: colour, width: strong ? 2 : 1.5 },
          marker: { color: series.alarms ? series.alarms.map((is) => (is ? css("crit") : colour)) : colour, opacity: 1,
            size: series.y.map((_, i) => (series.alarms && series.alarms[i] ? 10 : own ? (series.colour === "s6" ? 0 : 5) : alone.has(i) ? 5 : 0)),
            line: { width: 0 } } });
        if (spec.kind === "area") Object.assign(trace, { fill: "tozeroy", fillcolor: faded(colour, 0.13) });
      }
      lines.push(trace);
    });
    return [...bands, ...lines];
  }

  // Plotly reads a little HTML in names; those of services and models are not ours.
  const escape = (text) => text.replace(/[<>&%{}]/g, " ").slice(0, 40);

  function layout(spec, isLog, width) {
    const ink2 = css("ink2"), grid = css("grid");
    const axis = { gridcolor: grid, zeroline: false, tickfont: { color: ink2, size: 12 }, showline: false, fixedrange: true };
    const y = { ...axis, nticks: 5, automargin: false, type: isLog ? "log" : "linear" };
    if (spec.unit === "percent") y.tickformat = ".0%";
    if (spec.unit === "count" && Math.max(...totals(spec)) < 5) y.dtick = 1;
    if (spec.unit === "s") y.ticksuffix = " s";
    if (spec.unit === "usd") y.tickformat = `$,.${Math.max(0, 1 - Math.floor(Math.log10(Math.max(...totals(spec)) / 4 || 1)))}f`;
    if (isLog) Object.assign(y, { dtick: 1, exponentformat: "none" });
    if (spec.unit === "evidence") Object.assign(y, { tickformat: "~s",
      range: [-0.08, Math.log10(Math.max(spec.threshold[0], ...everyY(spec))) * 1.12 + 0.1] });
    else if (spec.fromZero) y.rangemode = "tozero";
    if (spec.unit === "percent" && !isLog) y.range = percentRange(spec);
    const shapes = [], annotations = [];
    if (spec.tint !== null) shapes.push({ type: "rect", xref: "x", yref: "paper", x0: Math.max(spec.tint, spec.range[0]),
      x1: spec.range[1], y0: 0, y1: 1, line: { width: 0 }, fillcolor: css("critbg"), layer: "below" });
    for (const [at, text] of spec.marks) {
      if (at < spec.range[0] || at > spec.range[1]) continue;
      shapes.push({ type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1,
        line: { color: css("ink3"), width: 1, dash: "dot" } });
      annotations.push({ xref: "x", yref: "paper", x: at, y: 0, text: escape(text), showarrow: false, xanchor: "left",
        yanchor: "bottom", font: { color: ink2, size: 12 }, xshift: 4 });
    }
    if (spec.threshold) {
      const [value, text] = spec.threshold;
      shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value,
        line: { color: css("crit"), width: 1.5, dash: "dash" } });
      annotations.push({ xref: "paper", x: 0, y: isLog ? Math.log10(value) : value, text: text, showarrow: false,
        xanchor: "left", yanchor: "bottom", font: { color: ink2, size: 12 }, xshift: 4 });
    }
    return { margin: MARGIN, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink2 }, hovermode: spec.series.some((s) => s.x) ? "closest" : "x unified",
      hoverlabel: { bgcolor: css("card"), bordercolor: css("line"), font: { color: css("ink"), size: 12 } },
      dragmode: "zoom", shapes, annotations, yaxis: y,
      xaxis: { ...axis, type: "date", range: spec.range, fixedrange: false, showgrid: false, ...ticks(spec, width),
        hoverformat: "%-d %b %H:%M:%S", tickangle: 0, showspikes: true, spikemode: "across",
        spikethickness: 1, spikedash: "solid", spikecolor: css("ink3"), spikesnap: "hovered data" } };
  }

  // Round moments, at most one per 90 px; a day begins with its date.
  function ticks(spec, width) {
    const span = spec.range[1] - spec.range[0], most = Math.max(2, (width - MARGIN.l - MARGIN.r) / 90);
    const step = 1000 * (TICKS_S.find((s) => span / (s * 1000) <= most) || Math.ceil(span / most / 86400000) * 86400);
    const values = [], texts = [];
    for (let t = Math.ceil(spec.range[0] / step) * step; t <= spec.range[1]; t += step) {
      const iso = new Date(t).toISOString(), midnight = iso.slice(11, 19) === "00:00:00";
      values.push(t);
      texts.push(midnight ? `${Number(iso.slice(8, 10))} ${MONTHS[Number(iso.slice(5, 7)) - 1]}` : iso.slice(11, step < 60000 ? 19 : 16));
    }
    return { tickvals: values, ticktext: texts };
  }

  const TICKS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  const totals = (spec) => spec.x.map((_, i) => spec.series.reduce((sum, one) => sum + (one.y[i] || 0), 0));
  const everyY = (spec) => spec.series.flatMap((s) => [...s.y, ...(s.low || []), ...(s.high || [])]).filter((v) => v !== null);

  // Shares do not start at zero, for then nobody sees them fall; but a percent is never blown up to fill the card.
  function percentRange(spec) {
    const values = everyY(spec);
    if (spec.fromZero) return [0, Math.max(0.02, 1.15 * Math.max(...values))];
    const high = Math.max(...values), low = Math.min(...values), width = Math.max(high - low, 0.1);
    const pad = 0.03 * width; // a dot at 0 or 100 % is a whole dot
    return [Math.max(-pad, high - 1.25 * width), Math.min(1 + pad, high + 0.1 * width)];
  }

  function draw(element) {
    const spec = element.watchkeeperChart;
    if (!element.isConnected || !spec) return;
    let plot = element.querySelector(".drawing");
    const isNew = !plot;
    if (isNew) {
      plot = h("div", { class: "drawing" });
      element.prepend(plot);
    }
    const isLog = spec.log !== Boolean(element.watchkeeperFlip);
    Plotly.react(plot, traces(spec), layout(spec, isLog, element.clientWidth), { displayModeBar: false, doubleClick: false, responsive: false });
    drawn.add(element);
    element.classList.add("stands");
    if (isNew) listen(element, plot);
  }

  function listen(element, plot) {
    plot.on("plotly_relayout", (change) => {
      const from = change["xaxis.range[0]"], to = change["xaxis.range[1]"];
      if (from !== undefined && to !== undefined) zoom(utcMs(from), utcMs(to));
    });
    plot.on("plotly_click", (event) => open(element.watchkeeperChart, event.points[event.points.length - 1]));
    plot.on("plotly_hover", (event) => cross(element, utcMs(event.points[0].x)));
    plot.on("plotly_unhover", () => cross(element, null));
    new ResizeObserver(() => { if (plot.offsetWidth) Plotly.Plots.resize(plot); }).observe(element);
  }

  const utcMs = (x) => (typeof x === "number" ? x : Date.parse(String(x).replace(" ", "T") + (String(x).includes(":") ? "Z" : "")));
  const rfc3339 = (ms) => new Date(ms).toISOString().replace(/\.000Z$/, "Z");

  // The same range for all charts, and for whoever gets the link.
  function zoom(from, to) {
    const query = new URLSearchParams(location.search);
    query.delete("range");
    query.delete("cursor");
    query.set("since", rfc3339(Math.floor(from / 1000) * 1000));
    query.set("until", rfc3339(Math.ceil(Math.max(to, from + 2000) / 1000) * 1000));
    watchkeeper.navigate(`${location.pathname}?${query}`);
  }

  function open(spec, point) {
    const series = spec.series.find((one) => one.name === point.data.name);
    if (series && series.links) return watchkeeper.navigate(series.links[point.pointIndex]);
    if (!spec.calls) return;
    const [path, search] = spec.calls.split("?"), query = new URLSearchParams(search || "");
    const since = spec.x[Math.min(point.pointIndex, spec.x.length - 1)];
    query.delete("range");
    query.set("since", rfc3339(Math.max(since, spec.range[0])));
    query.set("until", rfc3339(Math.min(since + spec.step, spec.range[1])));
    for (const [name, value] of Object.entries((series && series.only) || {})) query.set(name, value);
    watchkeeper.navigate(`${path}?${query}`);
  }

  // The moment under the pointer, on the other charts of the page.
  function cross(source, ms) {
    for (const element of drawn) {
      if (!element.isConnected) { drawn.delete(element); continue; }
      let line = element.querySelector(".cross");
      if (!line) element.append(line = h("i", { class: "cross" }));
      const [from, to] = element.watchkeeperChart.range, share = (ms - from) / (to - from);
      const shown = ms !== null && element !== source && share >= 0 && share <= 1;
      line.style.display = shown ? "block" : "none";
      if (shown) line.style.left = `${MARGIN.l + share * (element.clientWidth - MARGIN.l - MARGIN.r)}px`;
    }
  }

  async function work() {
    if (busy) return;
    busy = true;
    try {
      await load();
      while (queue.size) {
        const element = queue.values().next().value;
        queue.delete(element);
        draw(element);
        await new Promise(requestAnimationFrame);
      }
    } catch (error) {
      queue.forEach((element) => { element.textContent = "This chart could not be drawn; reload the page to try again."; });
      queue.clear();
      console.error(error);
    }
    busy = false;
  }

  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => queue.add(entry.target));
    if (queue.size) work();
  }, { rootMargin: "150px" });

  function asTable(element) {
    const spec = element.watchkeeperChart, shown = element.querySelector(".as-table");
    if (shown) return shown.remove();
    const time = (ms) => new Date(ms).toISOString().replace("T", " ").slice(0, 19);
    const box = h("div", { class: "as-table table", tabindex: "0" });
    const content = spec.series.some((s) => s.x) ? {
      columns: [{ title: "Time, UTC" }, { title: "Series" }, { title: "Value", numeric: true }],
      rows: spec.series.flatMap((s) => s.x.map((ms, i) => ({ cells: [time(ms), s.name, note(spec, s, i)] }))),
    } : {
      columns: [{ title: "Time, UTC" }, ...spec.series.map((s) => ({ title: s.name, numeric: true }))],
      rows: spec.x.map((ms, i) => ({ cells: [time(ms), ...spec.series.map((s) => note(spec, s, i))] })),
    };
    watchkeeper.widgets.table(box, { label: spec.label, ...content }, true);
    element.append(box);
  }

  watchkeeper.widgets.chart = function (element, spec, isNew) {
    element.watchkeeperChart = spec;
    if (isNew) element.watchkeeperFlip = false;
    const open = element.querySelector(".as-table");
    if (open) { open.remove(); asTable(element); }
    near.unobserve(element);
    near.observe(element);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tool]");
    const element = button && button.closest(".card").querySelector('[data-widget="chart"]');
    if (!element || !element.watchkeeperChart) return;
    if (button.dataset.tool === "table") asTable(element);
    else element.watchkeeperFlip = !element.watchkeeperFlip;
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    if (window.Plotly) draw(element);
  });

  // Colours come from the style sheet: a new theme is a redraw and no request.
  new MutationObserver(() => {
    drawn.forEach((element) => (element.isConnected ? queue.add(element) : drawn.delete(element)));
    if (queue.size) work();
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });
})();
