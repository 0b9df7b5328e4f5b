// New data as it comes: one event stream, open only while Live is on, the page allows it and the tab is visible.
watchkeeper.live = (function () {
  "use strict";
  const POLL_MS = 10000, QUIET_MS = 500;
  let allowed = false, source = null, poll = 0, timer = 0;

  const wanted = () => localStorage.getItem("watchkeeper-live") !== "off";

  function changed() {
    // Many changes within a moment are one.
    if (!timer) timer = setTimeout(() => { timer = 0; watchkeeper.reload(); }, QUIET_MS);
  }

  function update() {
    const on = allowed && wanted();
    document.documentElement.classList.toggle("live", on);
    document.querySelectorAll('[data-action="live"]').forEach((b) => b.setAttribute("aria-pressed", String(wanted())));
    clearInterval(poll);
    if (on && !document.hidden) {
      if (!source) {
        source = new EventSource("/_ui/events");
        source.addEventListener("changed", changed);
      }
      // A relative range moves on even when nothing arrives, and a proxy may hold events back.
      poll = setInterval(() => { if (!document.hidden) watchkeeper.reload(); }, POLL_MS);
    } else if (source) {
      source.close();
      source = null;
    }
  }

  document.addEventListener("visibilitychange", update);
  window.addEventListener("pagehide", () => { if (source) source.close(); source = null; });
  return {
    allow(is) {
      allowed = is;
      watchkeeper.afterPaint(update);
    },
    toggle() {
      localStorage.setItem("watchkeeper-live", wanted() ? "off" : "on");
      update();
      if (wanted()) watchkeeper.reload();
    },
  };
})();
