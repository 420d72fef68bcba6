"""Take screenshots of pages on the sample database: ``python -m tests.browser.look FOLDER /triggers /jobs``.

Makes light and dark at 1440, 1280 and on a phone. With ``--do "JavaScript"`` something is done before each picture.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.server import CHROMIUM_ARGUMENTS, chromium, start
from tests.ui.sample import main as make_sample

SIZES = {"1440": (1440, 900), "1280": (1280, 800), "phone": (390, 844)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--do", default="")
    parser.add_argument("--sizes", default="1440,1280,phone")
    parser.add_argument("--themes", default="light,dark")
    parser.add_argument("--database", default="")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        url = arguments.database
        if not url:
            make_sample(str(folder / "sample.db"))
            url = f"sqlite+pysqlite:///{folder / 'sample.db'}"
        app = start(url, folder, "--port", "34700")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
                for theme in arguments.themes.split(","):
                    for size in arguments.sizes.split(","):
                        width, height = SIZES[size]
                        context = browser.new_context(
                            viewport={"width": width, "height": height},
                            color_scheme="dark" if theme == "dark" else "light",
                            has_touch=size == "phone",
                        )
                        page = context.new_page()
                        page.on("console", lambda message: print("CONSOLE", message.type, message.text[:300]))
                        page.on("pageerror", lambda error: print("ERROR", str(error)[:300]))
                        page.goto(app.link)
                        page.wait_for_selector("header.oo-head, .oo-empty")
                        for path in arguments.paths:
                            page.goto(app.address + path)
                            page.wait_for_selector("header.oo-head, .oo-empty", timeout=10_000)
                            page.wait_for_timeout(700)
                            if arguments.do:
                                page.evaluate(arguments.do)
                                page.wait_for_timeout(900)
                            name = path.strip("/").replace("/", "-").split("?")[0] or "start"
                            page.screenshot(path=arguments.folder / f"{name}-{size}-{theme}.png")
                        context.close()
                browser.close()
        finally:
            app.stop()
            print(app.output[-3000:])


if __name__ == "__main__":
    main()
