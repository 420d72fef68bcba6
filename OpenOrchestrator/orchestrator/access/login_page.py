"""The pages for whoever has no session yet: plain HTML, because nothing of the app is theirs.

Only the last of them, which hands over the key of a new session, has a script.
"""

from __future__ import annotations

import json
from html import escape

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>OpenOrchestrator</title><style>
:root {{ color-scheme: light dark; --bg: #F6F7F8; --surface: #fff; --border: #CFD5DA; --text: #17212B; --quiet: #46535F;
  --accent: #0E5A6C; --wrong: #B3261E; }}
@media (prefers-color-scheme: dark) {{ :root {{ --bg: #0D1115; --surface: #13181D; --border: #38434D; --text: #E6EBF0;
  --quiet: #B0BBC5; --accent: #1C7083; --wrong: #FF8F87; }} }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--bg); color: var(--text);
  font: 400 14px/20px Inter, "Segoe UI Variable", "Segoe UI", system-ui, sans-serif; }}
main {{ width: 380px; max-width: 90vw; background: var(--surface); border: 1px solid var(--border); border-radius: 10px;
  padding: 24px; box-sizing: border-box; }}
h1 {{ font-size: 18px; line-height: 24px; margin: 0 0 8px; }} p {{ color: var(--quiet); margin: 0 0 12px; }}
code {{ font: 12px/18px "JetBrains Mono", "Cascadia Mono", Consolas, ui-monospace, monospace; }}
label {{ display: block; font-size: 12px; font-weight: 500; margin-bottom: 4px; color: var(--quiet); }}
input {{ width: 100%; box-sizing: border-box; height: 36px; padding: 0 10px; border: 1px solid var(--border);
  border-radius: 7px; background: var(--surface); color: inherit; font: inherit; }}
button {{ margin-top: 14px; height: 36px; padding: 0 16px; border: 0; border-radius: 7px; background: var(--accent);
  color: #fff; font: inherit; font-weight: 500; cursor: pointer; }}
input:focus-visible, button:focus-visible, a:focus-visible {{ outline: 2px solid #2C8BA1; outline-offset: 2px; }}
.wrong {{ color: var(--wrong); font-weight: 500; }} a {{ color: inherit; }}
</style></head><body><main>{content}</main></body></html>
"""


def form(target: str, *, base: str, message: str = "") -> str:
    """Return the login form.

    Args:
        target: Where to go afterwards; a path within the app.
        base: Path under which a reverse proxy serves the app.
        message: Why the last try failed.
    """
    wrong = f'<p class="wrong" role="alert">{escape(message)}</p>' if message else ""
    return _PAGE.format(
        content="<h1>OpenOrchestrator</h1><p>Sign in with the password this app was started with.</p>"
        f'{wrong}<form method="post" action="{escape(base)}/login">'
        f'<input type="hidden" name="next" value="{escape(target)}">'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" autofocus required>'
        "<button>Sign in</button></form>"
    )


def how_to_open(target: str, *, base: str) -> str:
    """Return the page for somebody on this machine who has not the one-time link.

    Args:
        target: Where to go afterwards; a path within the app.
        base: Path under which a reverse proxy serves the app.
    """
    return _PAGE.format(
        content="<h1>This app belongs to whoever started it</h1>"
        "<p>It was started in a terminal on this machine. That terminal shows a link which works once, for ten "
        "minutes: open it in this browser. Load this page again to have a new one shown there.</p>"
        f'<p>A tab that was open before is no longer signed in. <a href="{escape(base + target)}">Go back to where you '
        "were</a> once you have opened the link.</p>"
        "<p>To let others in, start it with a password: set <code>OpenOrchestratorPassword</code> and run "
        "<code>python -m OpenOrchestrator orchestrator</code>.</p>"
    )


def link_used(*, password: bool, base: str) -> str:
    """Return the page for a one-time link that does not work (any more)."""
    other = (
        f'<p><a href="{escape(base)}/login">Sign in with the password</a>.</p>'
        if password
        else "<p>The terminal in which the app was started shows a new one now: open that.</p>"
    )
    return _PAGE.format(
        content="<h1>This link does not work any more</h1><p>A link works once, and for ten minutes.</p>" + other
    )


def entered(key: str, target: str, *, base: str, nonce: str) -> str:
    """Return the page that keeps the key of a new session in this browser, and goes on to the app.

    Args:
        key: Of the session.
        target: Where to go; a path within the app.
        base: Path under which a reverse proxy serves the app.
        nonce: Lets the one script of this page run.
    """
    name, value, address = (json.dumps(each).replace("<", "\\u003c") for each in (key_name(base), key, base + target))
    return _PAGE.format(
        content="<h1>OpenOrchestrator</h1>"
        '<p id="problem">This app needs scripts, and a browser that lets this site keep data.</p>'
        f'<script nonce="{nonce}">try {{ localStorage.setItem({name}, {value}); location.replace({address}); }} '
        'catch (error) { document.getElementById("problem").textContent += " " + error; }</script>'
    )


def key_name(base: str) -> str:
    """Return the name under which a browser keeps the key; ``session.js`` reads it.

    Args:
        base: Path under which a reverse proxy serves the app: other apps may have the same origin.
    """
    return f"openorchestrator-key{base}"
