// Half-filled forms. What is entered stays in this tab's storage until it is saved or discarded, also when the app is
// stopped meanwhile; leaving the page asks first. Secrets are never kept. Runs before NiceGUI looks at the history.
(() => {
  const forms = new Map();
  const alive = () => [...forms.values()].filter((form) => document.getElementById(form.id));
  const stored = (name) => { try { return JSON.parse(sessionStorage.getItem(name)) ?? {}; } catch { return {}; } };
  const keep = (form) => { try { sessionStorage.setItem(form.name, JSON.stringify(form.values)); } catch { /* no storage: nothing is kept */ } };
  const tell = (form, name, detail) => document.getElementById(form.id)?.dispatchEvent(new CustomEvent(name, { detail }));
  const whenThere = (id, work, tries = 100) => {
    if (document.getElementById(id)) work();
    else if (tries) requestAnimationFrame(() => whenThere(id, work, tries - 1));
  };

  window.ooForm = {
    open(id, key) {
      whenThere(id, () => {
        const name = "openorchestrator-form " + location.pathname + " " + key;
        const form = { id, name, values: stored(name), dirty: false };
        forms.set(id, form);
        if (Object.keys(form.values).length) tell(form, "restore", form.values);
      });
    },
    // A value that is no line of text.
    put(id, label, value) {
      const form = forms.get(id);
      if (form) { form.values[label] = value; keep(form); }
    },
    dirty(id, dirty) { whenThere(id, () => { const form = forms.get(id); if (form) form.dirty = dirty; }); },
    forget(id) {
      const form = forms.get(id);
      if (!form) return;
      form.values = {};
      form.dirty = false;
      sessionStorage.removeItem(form.name);
    },
  };

  // Text is kept as it is typed, without the server.
  const isText = (field) => field.matches?.("input[aria-label]:not([type=password], [type=checkbox], [type=file], [role=combobox]), textarea[aria-label]");
  const note = ({ target }) => {
    if (!isText(target) || target.closest("[data-secret]")) return;
    const form = forms.get(target.closest(".oo-drawer")?.id);
    if (form) { form.values[target.getAttribute("aria-label")] = target.value; keep(form); }
  };
  for (const name of ["input", "change"]) document.addEventListener(name, note, true);

  // Leaving. When the connection is gone the page is loaded anew by itself, and the form comes back.
  // Before the first connection nothing was lost: somebody who reloads a page just opened is asked like anybody else.
  let lostAt = 0, met = false;
  const offline = () => !window.socket?.connected || Date.now() - lostAt < 5000;
  setInterval(() => { if (window.socket?.connected) met = true; else if (met) lostAt = Date.now(); }, 500);
  const unsaved = () => alive().find((form) => form.dirty);
  addEventListener("beforeunload", (event) => { if (unsaved() && !offline()) event.preventDefault(); });

  // Back and Forward within the app: stay, and ask.
  let here = location.href;
  for (const name of ["pushState", "replaceState"]) {
    const plain = history[name];
    history[name] = function (...given) { plain.apply(this, given); here = location.href; };
  }
  addEventListener("popstate", (event) => {
    const form = unsaved();
    if (!form) { here = location.href; return; }
    event.stopImmediatePropagation();
    const url = new URL(here);
    history.pushState({ page: url.pathname.slice((window.path_prefix ?? "").length) + url.search }, "", here);
    tell(form, "leave");
  });
})();
