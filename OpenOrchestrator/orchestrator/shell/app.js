// What the browser does by itself: tooltips, keys, and telling the server when the tab is hidden or the theme changes.
window.ooToken = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

(() => {
  // Tooltips: one element for all, for the mouse and for the focus. Text only.
  let tip = null, timer = null, owner = null;
  const hide = () => { clearTimeout(timer); tip?.remove(); tip = owner = null; };
  const show = (target) => {
    hide();
    owner = target;
    tip = Object.assign(document.createElement("div"), { className: "oo-tip", textContent: target.dataset.tip });
    tip.setAttribute("role", "tooltip");
    document.body.append(tip);
    const at = target.getBoundingClientRect(), box = tip.getBoundingClientRect();
    const below = at.bottom + 6 + box.height < innerHeight;
    tip.style.top = (below ? at.bottom + 6 : at.top - box.height - 6) + "px";
    tip.style.left = Math.max(6, Math.min(at.left, innerWidth - box.width - 6)) + "px";
  };
  const enter = (event, delay) => {
    const target = event.target.closest?.("[data-tip]");
    if (target === owner) return;
    hide();
    if (target && target.dataset.tip) { owner = target; timer = setTimeout(() => target.isConnected && show(target), delay); }
  };
  document.addEventListener("mouseover", (event) => enter(event, 250));
  document.addEventListener("focusin", (event) => event.target.matches?.(":focus-visible") && enter(event, 0));
  for (const name of ["focusout", "mousedown", "scroll", "wheel"]) document.addEventListener(name, hide, { capture: true, passive: true });

  // Keys
  const press = (name) => { const button = document.querySelector('[data-key="' + name + '"]:not(.hidden, .hidden *)'); button?.click(); return !!button; };
  // What is typed after Ctrl K and before Go to has come up is meant for it: on the way are the server and back.
  let early = null;
  const openGoTo = () => {
    if (!press("goto")) return false;
    const mine = early = { text: "", enter: false }, end = Date.now() + 5000;
    const look = () => {
      const input = document.querySelector(".oo-goto-input input");
      if (early !== mine) return;
      if (!input || input !== document.activeElement) {
        if (Date.now() < end) requestAnimationFrame(look); else early = null;
        return;
      }
      early = null;
      if (mine.text) document.execCommand("insertText", false, mine.text);
      if (mine.enter) input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    };
    look();
    return true;
  };
  document.addEventListener("keydown", (event) => {
    if (!early || ((event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph"))) return;
    if (event.key === "Escape") { early = null; return; }
    if (event.key === "Enter") early.enter = true;
    else if (event.key === "Backspace") early.text = early.text.slice(0, -1);
    else if (event.key.length === 1) early.text += event.key;
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  const typing = (target) => target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable=true]");
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    const open = document.querySelector(".q-dialog");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      if (openGoTo()) event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || open) return;
    if (event.key === "Escape") {
      if (event.target.closest?.(".oo-search")) event.target.blur();
      else press("close-inspector") || press("clear-selection");
      return;
    }
    if (typing(event.target)) return;
    if (event.key === "/") {
      const input = document.querySelector(".oo-search input");
      if (input) { input.focus(); input.select(); event.preventDefault(); }
    } else if (event.key === "?") {
      if (press("help")) event.preventDefault();
    } else if (event.key === "j" || event.key === "k") {
      document.querySelector(".oo-table tbody tr[tabindex='0']")?.focus();
    }
  });

  // A dialog that is taken away gives the focus back to where it was in what lies below, so that keys go on there.
  const focused = new WeakMap();
  const isDialog = (node) => node.id?.startsWith("q-portal--dialog");
  const layer = () => [...document.body.children].filter(isDialog).pop() ?? document.body;
  document.addEventListener("focusin", (event) => focused.set(event.target.closest?.('[id^="q-portal--dialog"]') ?? document.body, event.target));
  new MutationObserver((changes) => {
    if (changes.some((change) => [...change.removedNodes].some(isDialog)) && document.activeElement === document.body) focused.get(layer())?.focus();
  }).observe(document.body, { childList: true });

  // Back leads to where one had scrolled: pages are built some time after the browser would have scrolled by itself.
  const places = (() => { try { return JSON.parse(sessionStorage.getItem("openorchestrator-places")) ?? {}; } catch { return {}; } })();
  const at = () => location.pathname + location.search;
  let returning = null, noting = null;
  history.scrollRestoration = "manual";
  const goBackTo = (address) => {
    const wanted = places[address] ?? 0, end = Date.now() + 5000;
    clearInterval(returning);
    if (!wanted) return;
    returning = setInterval(() => {
      const there = document.documentElement.scrollHeight - innerHeight >= wanted;
      if (there) scrollTo(0, wanted);
      if (there || Date.now() > end || at() !== address) { clearInterval(returning); returning = null; }
    }, 50);
  };
  addEventListener("popstate", () => goBackTo(at()));
  for (const name of ["wheel", "touchmove", "keydown", "mousedown"]) addEventListener(name, () => { clearInterval(returning); returning = null; }, { passive: true });
  addEventListener("scroll", () => {
    if (returning !== null) return;
    clearTimeout(noting);
    const address = at();
    noting = setTimeout(() => {
      if (address !== at()) return;
      delete places[address];
      places[address] = Math.round(scrollY);
      for (const old of Object.keys(places).slice(0, -50)) delete places[old];
      try { sessionStorage.setItem("openorchestrator-places", JSON.stringify(places)); } catch { /* it is for this page only then */ }
    }, 100);
  }, { passive: true });
  if (performance.getEntriesByType("navigation")[0]?.type !== "navigate") goBackTo(at());

  // What was done and what failed stands in a strip below the page: everything else ends above it, whatever its height.
  const room = (strip) => document.documentElement.style.setProperty("--strip-h", strip.offsetHeight + "px");
  window.ooStrip = (id, tries = 50) => {
    const strip = document.getElementById(id);
    if (strip) { room(strip); new ResizeObserver(() => room(strip)).observe(strip); }
    else if (tries) requestAnimationFrame(() => ooStrip(id, tries - 1));
  };

  // The icon of the tab: the one of the site, or with null the app's own.
  window.ooIcon = (address) => {
    const icon = document.querySelector('link[rel~="icon"]');
    if (!icon) return;
    icon.dataset.own ??= icon.href;
    icon.href = address ?? icon.dataset.own;
  };

  // A hidden tab rests.
  const tell = (name, value) => { if (window.socket?.connected && typeof emitEvent === "function") emitEvent(name, value); };
  document.addEventListener("visibilitychange", () => tell("oo_visible", !document.hidden));

  // Charts are drawn anew when light and dark change.
  let dark = null;
  new MutationObserver(() => {
    const now = document.body.classList.contains("body--dark");
    if (dark !== null && now !== dark) tell("oo_theme", now);
    dark = now;
  }).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: ["class"] });
})();
