# SPDX-License-Identifier: MIT
"""The pages of the portal in headless Chromium: what they show is what the API says, at a desk's and a phone's width, light and
dark; keys are changed, an image is checked. Pictures go to a folder. Usage: portal_pages.py BIN FOLDER
Exit status 77: there is no browser."""
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import browser as chromium
from portal_rig import LIMIT_S, Rig, must

BIN, FOLDER = sys.argv[1], sys.argv[2]
PAGES = {"status": "/", "network": "/network.html", "firmware": "/firmware.html"}
SIZES = [("desk", 1100, 800), ("phone", 390, 844)]


def wait(browser, expression, what):
    until = time.monotonic() + LIMIT_S
    while not browser.ask(expression):
        assert time.monotonic() < until, f"not in time: {what}; {browser.ask('document.body.innerText')}"
        time.sleep(0.05)


def text(browser):
    return browser.ask("document.body.innerText")


READY = {"status": "document.querySelectorAll('.card').length >= 3 && document.body.innerText.includes('Memory')",
         "network": "document.querySelectorAll('#config input').length > 20 && document.querySelectorAll('#net dd').length > 3",
         "firmware": "document.querySelectorAll('#info dd').length > 3"}
# Relative luminance of text on its card, as WCAG 2 has it; 4.5 is what readable text needs.
CONTRAST = """(() => {
    const light = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map((c) => c / 255)
        .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (e) => { for (; e; e = e.parentElement) {
        const colour = getComputedStyle(e).backgroundColor;
        if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    } return 'rgb(255, 255, 255)'; };
    let least = 99;
    for (const e of document.querySelectorAll('h1, h2, dt, dd, a, p, label span, button, .state, td, th')) {
        if (!e.textContent || !e.getClientRects().length) continue;
        const a = light(getComputedStyle(e).color), b = light(ground(e));
        least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
    return least;
})()"""


def check_looks(rig, browser):
    for page, url in PAGES.items():
        for name, width, height in SIZES:
            for dark in (False, True):
                browser.size(width, height, dark)
                browser.open(f"http://127.0.0.1:{rig.port}{url}")
                wait(browser, READY[page], f"{page} to be filled")
                browser.picture(os.path.join(FOLDER, f"{page}-{name}-{'dark' if dark else 'light'}.png"))
                overhang = browser.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                contrast = browser.ask(CONTRAST)
                assert overhang <= 0, f"{page} at {width} px: {overhang} px wider than the window"
                assert contrast >= 4.5, f"{page}, {'dark' if dark else 'light'}: a contrast of {contrast:.1f}"
                assert browser.ask("getComputedStyle(document.body).backgroundColor") == ("rgb(18, 24, 31)" if dark else "rgb(246, 248, 250)")
        must(True, f"{page}: desk and phone, light and dark")


def check_status(rig, browser):
    browser.open(f"http://127.0.0.1:{rig.port}/")
    wait(browser, READY["status"], "the status page")
    status, shown = rig.status(), text(browser)
    must("Connector 1" in shown and "Charging" in shown and f"transaction\n{status['connectors'][0]['transaction_id']}" in shown, "a session is shown")
    must(status["csms"] in shown and "registration accepted" in shown.lower(), "and the central system")
    wait(browser, "document.querySelector('nav a[aria-current]').textContent === 'Status'", "the page under way is marked")


def check_network(rig, browser):
    browser.open(f"http://127.0.0.1:{rig.port}/network.html")
    wait(browser, READY["network"], "the keys")
    config = rig.get("/api/config").json()
    shown = browser.ask("Object.fromEntries([...document.querySelectorAll('#config input')].map((e) => [e.name, e.value]))")
    must(shown == {**config["config"], **config["readonly"]}, "every key is shown with its value")
    must(browser.ask("[...document.querySelectorAll('#config input:disabled')].map((e) => e.name)") == list(config["readonly"]), "who is read only")
    browser.ask("{const f = document.forms.config; f.BlinkRepeat.value = '7'; f.LightIntensity.value = '9999'; f.requestSubmit(); 0}")
    wait(browser, "document.querySelector('#config p').textContent !== ''", "the answer")
    verdict = "document.forms.config.{}.nextSibling.textContent"
    must(browser.ask(verdict.format("BlinkRepeat")) == "Accepted" and browser.ask(verdict.format("LightIntensity")) == "Rejected", "keys are changed, or not")
    must(rig.get("/api/config").json()["config"]["BlinkRepeat"] == "7", "and are in force")


def check_firmware(rig, browser):
    browser.open(f"http://127.0.0.1:{rig.port}/firmware.html")
    wait(browser, READY["firmware"], "the version")
    give = """{const t = new DataTransfer(), f = document.forms.upload; t.items.add(new File([new Uint8Array(300000)], 'image'));
              f.file.files = t.files; f.digest.value = %r; document.getElementById('result').textContent = ''; f.requestSubmit(); 0}"""
    result = "document.getElementById('result').textContent"
    browser.ask(give % "")
    wait(browser, result, "the answer")
    must(browser.ask(result) == "300000 bytes, verified; nothing was installed", "an image is checked with the browser's digest")
    browser.ask(give % ("0" * 64))
    wait(browser, result, "the answer")
    must("the digest is another" in browser.ask(result), "and a wrong one is told")


def main():
    if chromium.program() is None:
        print("NOT LOOKED AT: the pages in a browser (there is no Chromium here)")
        sys.exit(77)
    os.makedirs(FOLDER, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, Rig(BIN) as rig:
        with chromium.Browser(directory) as browser:
            rig.charge()
            check_looks(rig, browser)
            check_status(rig, browser)
            check_network(rig, browser)
            check_firmware(rig, browser)
    print("pages: all good; pictures in", FOLDER)


if __name__ == "__main__":
    main()
