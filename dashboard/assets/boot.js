// Runs before the first paint: sets the theme, and asks for the answer while the bundles load.
(function () {
  var root = document.documentElement, chosen = null;
  try { chosen = localStorage.getItem("mantine-color-scheme-value"); } catch (error) { /* storage is off */ }
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
  try { if (localStorage.getItem("watchkeeper-nav") === "folded") root.classList.add("folded"); } catch (error) { /* as above */ }
  var url = "/_ui/answer" + location.pathname + location.search;
  window.watchkeeperEarly = { url: url, response: fetch(url) };
  window.watchkeeperEarly.response.catch(function () { /* app.js asks again and says so */ });
})();
