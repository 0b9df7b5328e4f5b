// Elements that a page leaves to scripts: <div data-widget="table" data-spec="{...}">. React never looks inside.
(function () {
  "use strict";
  const FOLD_LINES = 12;
  let due = false;

  // h("td", {class: "number", title: "..."}, "text", child): texts become text nodes, whatever they hold.
  watchkeeper.h = function (tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === true) element.setAttribute(name, "");
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  };

  function mountAll() {
    due = false;
    document.querySelectorAll("#react-entry-point [data-widget]").forEach((element) => {
      if (element.watchkeeperSpec === element.dataset.spec) return;
      const isNew = element.watchkeeperKind !== element.dataset.widget + element.id;
      element.watchkeeperKind = element.dataset.widget + element.id;
      element.watchkeeperSpec = element.dataset.spec;
      if (isNew) element.replaceChildren();
      watchkeeper.widgets[element.dataset.widget](element, JSON.parse(element.dataset.spec), isNew);
    });
    document.querySelectorAll("#react-entry-point [data-fold]").forEach(fold);
    document.querySelectorAll("[data-into-view]:not([data-viewed])").forEach((element) => {
      element.dataset.viewed = "";
      element.scrollIntoView({ block: "center" });
    });
  }

  function fold(element) {
    const text = element.firstElementChild, lineHeight = parseFloat(getComputedStyle(text).lineHeight);
    if (!text.clientHeight || element.watchkeeperText === text.textContent) return; // hidden for now, or done before
    element.watchkeeperText = text.textContent;
    const old = element.querySelector(":scope > .unfold");
    if (old) old.remove();
    text.style.maxHeight = text.style.overflow = "";
    if (text.scrollHeight <= (FOLD_LINES + 3) * lineHeight) return;
    text.style.maxHeight = `${FOLD_LINES * lineHeight}px`;
    text.style.overflow = "hidden";
    const button = watchkeeper.h("button", { class: "unfold", "aria-expanded": "false" }, "Show all");
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") === "false";
      button.setAttribute("aria-expanded", String(open));
      button.textContent = open ? "Show less" : "Show all";
      text.style.maxHeight = open ? "none" : `${FOLD_LINES * lineHeight}px`;
    });
    element.append(button);
  }

  function schedule() {
    if (!due) requestAnimationFrame(mountAll);
    due = true;
  }

  const settings = { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["data-spec"] };
  new MutationObserver(schedule).observe(document.getElementById("react-entry-point"), settings);
})();
