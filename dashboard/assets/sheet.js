// The form of a monitor: its fields are one draft, which the address holds for a replay and a command saves.
(function () {
  "use strict";
  const h = watchkeeper.h;

  function input(spec) {
    const named = { name: spec.name, id: `field-${spec.name}`, disabled: Boolean(spec.fixed), "aria-invalid": spec.error ? "true" : null,
      "aria-describedby": spec.error || spec.hint ? `about-${spec.name}` : null };
    if (spec.type === "select") {
      const options = spec.options.map(([value, text]) => h("option", { value: value, selected: value === spec.value }, text));
      return h("select", named, ...options);
    }
    if (spec.type === "checks") {
      return h("div", { class: "checks", role: "group", "aria-label": spec.label }, ...spec.options.map(([value, text, about]) =>
        h("label", { class: "check" }, h("input", { type: "checkbox", name: spec.name, value: value, checked: spec.value.includes(value) }),
          h("span", {}, h("b", {}, text), ` ${about}`))));
    }
    const type = { datetime: "datetime-local", hidden: "hidden" }[spec.type] || "text";
    const element = h("input", { ...named, type: type, placeholder: spec.placeholder, autocomplete: "off", spellcheck: "false" });
    element.value = spec.value;
    return element;
  }

  function field(spec) {
    if (spec.type === "hidden") return input(spec);
    const about = spec.error || spec.hint
      ? h("small", { id: `about-${spec.name}`, class: spec.error ? "error" : null }, spec.error ? `▲ ${spec.error}` : spec.hint) : null;
    const label = spec.type === "checks" ? null : h("label", { for: `field-${spec.name}` }, spec.label);
    const when = spec.when ? Object.entries(spec.when)[0].join("=") : null;
    return h("div", { class: spec.wide ? "field wide" : "field", "data-when": when }, label, input(spec), about);
  }

  function gather(form) {
    const draft = {};
    for (const element of form.querySelectorAll("[name]")) {
      if (element.name === "since" || element.name === "until" || element.name === "draft") continue;
      if (element.type === "checkbox") {
        draft[element.name] = draft[element.name] || [];
        if (element.checked) draft[element.name].push(element.value);
      } else draft[element.name] = element.value.trim();
    }
    return draft;
  }

  // What does not apply is not shown; it keeps what was typed.
  function showWhatApplies(form) {
    form.querySelectorAll("[data-when]").forEach((element) => {
      const [name, value] = element.dataset.when.split("=");
      element.hidden = form.elements[name].value !== value;
    });
  }

  function replay(form) {
    const query = new URLSearchParams({ draft: JSON.stringify(gather(form)) });
    for (const name of ["since", "until"]) {
      if (form.elements[name].value) query.set(name, `${form.elements[name].value}:00Z`);
    }
    watchkeeper.navigate(`${location.pathname}?${query}`);
  }

  watchkeeper.widgets.sheet = function (element, spec) {
    const focused = element.contains(document.activeElement) ? document.activeElement.name || document.activeElement.className : null;
    const sections = spec.sections.map((section) => h("fieldset", {}, h("legend", {}, section.title),
      section.note ? h("p", {}, section.note) : null, h("div", { class: "fields" }, ...section.fields.map(field))));
    const moment = (name, label, value) => {
      const one = h("input", { type: "datetime-local", name: name, id: `field-${name}` });
      one.value = value;
      return h("div", { class: "field" }, h("label", { for: `field-${name}` }, label), one);
    };
    const draft = h("input", { type: "hidden", name: "draft", "data-argument": true });
    const isReplayFirst = !spec.replayed;
    const save = spec.save && h("button", { class: isReplayFirst ? "button save" : "button primary save", type: "button",
      "data-command": JSON.stringify(spec.save) }, spec.saveText);
    const buttons = h("div", { class: "buttons" },
      h("button", { class: isReplayFirst ? "button primary replay" : "button replay", type: "submit" }, "Replay on history"), save,
      h("a", { class: "button", href: spec.cancel }, "Cancel"));
    const last = h("div", { class: "sheet-end" }, moment("since", "Replay from, UTC", spec.range.since),
      moment("until", "to, UTC", spec.range.until), buttons);
    const error = spec.error ? h("p", { class: "error", role: "alert" }, `▲ ${spec.error}`) : null;
    const form = h("form", { novalidate: true }, error, ...sections, last, draft);
    const renew = () => { showWhatApplies(form); draft.value = JSON.stringify(gather(form)); };
    form.addEventListener("input", renew);
    form.addEventListener("submit", (event) => { event.preventDefault(); replay(form); });
    element.replaceChildren(form);
    renew();
    const wrong = form.querySelector("[aria-invalid]");
    if (wrong) wrong.focus();
    else if (focused) (form.elements[focused] || form.getElementsByClassName(focused)[0] || document.body).focus();
  };
})();
