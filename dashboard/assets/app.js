// Fills the places of the layout with the answer of the page, follows links, sends commands.
window.watchkeeper = (function () {
  "use strict";
  const RETRY_MS = 5000;
  let newest = 0, shownPath = null, shownAt = 0, retry = 0;

  function navigate(href, replace) {
    history[replace ? "replaceState" : "pushState"]({}, "", href);
    window.dispatchEvent(new PopStateEvent("popstate"));
  }

  function reload() {
    dash_clientside.set_props("tick", { data: performance.now() });
  }

  function say(text, failed) {
    const toast = document.getElementById("toast");
    toast.textContent = text;
    toast.className = failed ? "shown failed" : "shown";
    clearTimeout(say.timer);
    say.timer = setTimeout(() => { toast.className = ""; }, failed ? 12000 : 5000);
  }

  async function ask(url) {
    const early = window.watchkeeperEarly;
    window.watchkeeperEarly = null;
    const response = await (early && early.url === url ? early.response : fetch(url));
    if (response.status === 401) {
      // The key was revoked, or the session has ended: to the login and back here, and nothing else meanwhile.
      location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
      await new Promise(() => {});
    }
    return { answer: await response.json(), status: response.status };
  }

  // Clientside callback: the one request behind a page and its filters.
  async function load(pathname, search) {
    const none = dash_clientside.no_update, turn = ++newest;
    const url = "/_ui/answer" + pathname + (search || "");
    clearTimeout(retry);
    if (shownPath !== null && shownPath !== pathname) document.body.classList.add("leaving");
    let got;
    try {
      got = await ask(url);
    } catch (error) {
      if (turn !== newest) return [none, none, none];
      retry = setTimeout(reload, RETRY_MS);
      if (shownPath === pathname) {
        say("Watchkeeper does not answer. What is on the page is from before; it is asked again.", true);
        return [none, none, none];
      }
      got = { answer: { title: "Watchkeeper", nav: none, bar: none, page: [gone()] }, status: 0 };
    }
    if (turn !== newest) return [none, none, none];
    if (got.status === 503) retry = setTimeout(reload, RETRY_MS);
    document.title = got.answer.title;
    watchkeeper.live.allow(Boolean(got.answer.live));
    if (shownPath !== pathname) window.scrollTo(0, 0);
    shownPath = pathname;
    afterPaint(() => {
      document.body.classList.remove("leaving");
      document.body.classList.add("ready");
      const skeleton = document.getElementById("skeleton");
      if (skeleton) skeleton.remove();
      document.documentElement.dataset.shown = url;
      shownAt = performance.now();
    });
    const place = (id, kind) => (got.answer[id] === none ? none : watchkeeper.patched(id, got.answer[id], kind));
    return [place("nav", ""), place("bar", pathname), place("page", pathname)];
  }

  function gone() {
    const part = (type, props) => ({ type: type, namespace: "dash_html_components", props: props });
    return part("Section", { className: "card padded", children: [
      part("H1", { children: "Watchkeeper does not answer" }),
      part("P", { children: "The process behind this page cannot be reached. Check that it runs; the page asks again by itself." }),
    ] });
  }

  function afterPaint(then) {
    requestAnimationFrame(() => requestAnimationFrame(then));
  }

  // Clientside callback: says what a command did, and asks for the page anew.
  function finish(outcome) {
    document.querySelectorAll("[data-command][disabled]").forEach((button) => { button.disabled = false; });
    say(outcome.text, outcome.failed);
    if (outcome.href) {
      navigate(outcome.href, true);
    }
    return outcome.id;
  }

  function command(button) {
    const order = JSON.parse(button.dataset.command);
    document.querySelectorAll("[data-argument]").forEach((field) => { order[field.name] = field.value; });
    order.seconds = (performance.now() - shownAt) / 1000;
    order.id = performance.timeOrigin + performance.now();
    button.disabled = true;
    dash_clientside.set_props("command", { data: order });
  }

  const actions = {
    reload: reload,
    theme() {
      const root = document.documentElement;
      const theme = root.getAttribute("data-mantine-color-scheme") === "dark" ? "light" : "dark";
      root.setAttribute("data-mantine-color-scheme", theme);
      localStorage.setItem("mantine-color-scheme-value", theme);
    },
    collapse() {
      const folded = document.documentElement.classList.toggle("folded");
      localStorage.setItem("watchkeeper-nav", folded ? "folded" : "open");
      window.dispatchEvent(new Event("resize"));
    },
    live() { watchkeeper.live.toggle(); },
  };

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch (error) {
      say("The browser did not allow to copy.", true);
    }
  }

  document.addEventListener("click", (event) => {
    const inside = event.target.closest("details.menu");
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (menu !== inside || event.target.closest("a")) menu.open = false;
    });
    const button = event.target.closest("[data-action], [data-command], [data-copy]");
    if (button && button.dataset.action) return actions[button.dataset.action]();
    if (button && button.dataset.command) return command(button);
    if (button && button.dataset.copy !== undefined) return copy(button.dataset.copy);
    const link = event.target.closest("a[href]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const href = link.getAttribute("href");
    if (link.target || link.hasAttribute("download") || !/^\/(?!\/|_|api\/)/.test(href)) return;
    event.preventDefault();
    navigate(href, link.hasAttribute("data-replace"));
  });

  const own = { navigate, reload, say, afterPaint, widgets: {} };
  window.dash_clientside = Object.assign({}, window.dash_clientside, { watchkeeper: { load, finish } });
  return own;
})();
