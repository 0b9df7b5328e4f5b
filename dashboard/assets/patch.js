// Changes on the page what differs between two answers, and leaves the rest as it stands: focus, scroll positions, open
// menus and drawn charts survive an update. Given whole children, Dash would make every element anew.
(function () {
  "use strict";
  const isComponent = (node) => Boolean(node) && typeof node === "object" && "namespace" in node;
  const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

  function fits(a, b) {
    if (!isComponent(a) || !isComponent(b)) return same(a, b);
    return a.type === b.type && a.namespace === b.namespace && same(a.props.id, b.props.id);
  }

  function patchChildren(path, a, b, changed) {
    if (same(a, b)) return;
    if (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((child, i) => fits(child, b[i]))) {
      a.forEach((child, i) => { if (isComponent(child)) patchNode([...path, "props", "children", i], child, b[i]); });
    } else if (isComponent(a) && fits(a, b)) {
      patchNode([...path, "props", "children"], a, b);
    } else {
      changed.children = b;
    }
  }

  function patchNode(path, a, b) {
    const changed = {};
    for (const name of new Set([...Object.keys(a.props), ...Object.keys(b.props)])) {
      if (name !== "children" && !same(a.props[name], b.props[name])) changed[name] = b.props[name];
    }
    patchChildren(path, a.props.children, b.props.children, changed);
    if (Object.keys(changed).length) dash_clientside.set_props(path, changed);
  }

  const shown = {};

  // The new children of the element `id`, for a callback to return: none where all was changed in place.
  watchkeeper.patched = function (id, children, kind) {
    const before = shown[id], path = window.store && window.store.getState().paths.strs[id];
    shown[id] = { children: children, kind: kind };
    if (!before || !path || before.kind !== kind) return children;
    const changed = {};
    patchChildren(path, before.children, children, changed);
    return "children" in changed ? changed.children : dash_clientside.no_update;
  };
})();
