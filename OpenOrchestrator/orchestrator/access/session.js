// The key of this browser's session: kept for this origin only, and shown to the server wherever there is data. Runs
// before everything else on a page, because the websocket cannot be opened without it.
(() => {
  const base = document.currentScript.dataset.base, name = "openorchestrator-key" + base;
  const key = () => { try { return localStorage.getItem(name); } catch { return null; } };
  const here = () => location.pathname.slice(base.length) + location.search;
  const leave = () => location.replace(base + "/login?next=" + encodeURIComponent(here()));
  const headers = () => ({ "X-OpenOrchestrator-Key": key() ?? "" });

  // POST says that somebody looks at this tab; GET only asks whether the session still lives.
  const ask = async (method) => {
    let answer;
    try { answer = await fetch(base + "/session", { method, headers: headers(), cache: "no-store" }); } catch { return; }
    if (answer.status === 401) leave();
    else if (answer.status === 403 || answer.status === 421) document.body.textContent = await answer.text();
  };
  const look = () => { if (!document.hidden) ask("POST"); };
  if (key() === null) return leave();
  document.addEventListener("DOMContentLoaded", look);
  document.addEventListener("visibilitychange", look);
  setInterval(look, 300000);

  // Another tab signed out.
  addEventListener("storage", (event) => { if (event.key === name || event.key === null) ask("GET"); });

  // NiceGUI opens the websocket with the library that the page loads after this; the library has no place for our key
  // in NiceGUI's options, so it goes in here, as one of the names a browser may give a websocket.
  const protocols = () => ["openorchestrator", "key." + key()];
  let library;
  Object.defineProperty(window, "io", {
    configurable: true,
    get: () => library,
    set: (made) => {
      library = (address, options) => {
        const socket = made(address, { ...options, protocols: protocols() });
        socket.io.on("reconnect_attempt", () => { socket.io.opts.protocols = protocols(); });
        socket.on("connect_error", () => ask("GET"));
        socket.on("disconnect", () => ask("GET"));
        return socket;
      };
    },
  });

  window.ooSignOut = async (everywhere) => {
    const path = base + "/logout" + (everywhere ? "?everywhere" : "");
    try { await fetch(path, { method: "POST", headers: headers() }); } catch { return; } // the app is away: nothing ended
    localStorage.removeItem(name);
    location.replace(base + "/login");
  };
})();
