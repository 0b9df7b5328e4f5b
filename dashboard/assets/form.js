// Fields that change the address (a search text, a range), a cookie, or belong to a command.
(function () {
  "use strict";
  const h = watchkeeper.h;
  const utc = (ms) => new Date(ms).toISOString().slice(0, 16);

  function field(spec) {
    const attributes = { name: spec.name, type: spec.type === "datetime" ? "datetime-local" : "text", autocomplete: "off" };
    if (spec.argument) attributes["data-argument"] = true;
    if (spec.placeholder) attributes.placeholder = spec.placeholder;
    if (spec.key) attributes["data-key"] = spec.key;
    const input = h(spec.long ? "textarea" : "input", attributes);
    input.value = spec.type === "datetime" ? utc(spec.value) : spec.value || "";
    if (spec.hideLabel) input.setAttribute("aria-label", spec.label);
    return spec.hideLabel ? input : h("label", {}, h("span", {}, spec.label), input);
  }

  function submit(spec, form) {
    if (spec.cookie) {
      const value = encodeURIComponent(form.elements[0].value.trim());
      document.cookie = `${spec.cookie}=${value}; path=/; max-age=31536000; samesite=strict`;
      watchkeeper.say("Saved.");
      return watchkeeper.reload();
    }
    const query = new URLSearchParams(location.search);
    query.delete("cursor");
    for (const { name, type } of spec.fields) {
      const value = form.elements[name].value.trim();
      if (type === "datetime") query.delete("range");
      if (value) query.set(name, type === "datetime" ? `${value}:00Z` : value);
      else query.delete(name);
    }
    const menu = form.closest("details");
    if (menu) menu.open = false;
    const text = query.toString();
    watchkeeper.navigate(location.pathname + (text ? `?${text}` : ""));
  }

  watchkeeper.widgets.form = function (element, spec) {
    if (element.contains(document.activeElement)) return; // somebody types
    const form = h("form", {}, ...spec.fields.map(field));
    if (spec.submit) form.append(h("button", { class: "button", type: "submit" }, spec.submit));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(spec, form);
    });
    element.replaceChildren(form);
  };
})();
