// A part of a page that takes long: it is asked for when the page stands, and put into the element `spec.into`.
(function () {
  "use strict";
  let newest = 0;

  async function fetchPart(url) {
    try {
      return (await (await fetch(url)).json()).page;
    } catch (error) {
      return [{ type: "P", namespace: "dash_html_components",
        props: { children: "Watchkeeper does not answer; reload the page to try again.", className: "card padded" } }];
    }
  }

  watchkeeper.widgets.part = async function (element, spec) {
    const turn = ++newest, waiting = element.watchkeeperWaiting;
    element.watchkeeperWaiting = true;
    if (waiting) document.getElementById(spec.into).classList.add("waiting");
    const children = await fetchPart(spec.url);
    const place = document.getElementById(spec.into);
    if (turn !== newest || !place || !element.isConnected) return; // something else was asked for meanwhile
    place.classList.remove("waiting");
    dash_clientside.set_props(spec.into, { children: children });
  };
})();
