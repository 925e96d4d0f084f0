# SPDX-License-Identifier: Apache-2.0
"""The page of `fusion-report --html`: complete in itself, and in Chromium without anything over the edge, on screen and paper."""
import html.parser
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest
from command import done

VOID = {"meta", "link", "br", "img", "hr", "input"}
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars"]


@pytest.fixture(scope="module")
def page(tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    done("fusion-report", tiny, "--shape", "2,12", "--seconds", "0.01", "--html", path)
    return path


class Balance(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.addresses = [], set(), set(), []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in attrs:
            assert attrs["id"] not in self.ids
            self.ids.add(attrs["id"])
        for key in ("href", "src", "xlink:href"):
            if key in attrs:
                self.addresses.append(attrs[key])

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def test_page_is_whole_and_alone(page):
    text = page.read_text()
    parser = Balance()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert all(address.startswith("#") and address[1:] in parser.ids for address in parser.addresses)
    assert "<script" not in text and "url(" not in text and "@import" not in text
    assert re.findall(r"https?://[^\s\"<]+", text) and set(re.findall(r"https?://[^\s\"<]+", text)) == {"http://www.w3.org/2000/svg"}


def test_drawings_are_xml(page):
    svgs = re.findall(r"<svg.*?</svg>", page.read_text(), re.S)
    assert len(svgs) == 8  # two charts, a layer and the whole graph and the memory, each before and after
    for svg in svgs:
        assert ET.fromstring(svg).get("viewBox")


def test_page_says_what_the_report_says(page):
    text = page.read_text()
    for part in ("what each fusion gains", "Waterfall", "attention", "linear", "GFLOP/s", "half the interquartile range"):
        assert part in text
    assert "nan" not in re.sub(r"[a-z]nan|nan[a-z]", "", text.lower().split("</style>", 1)[1])


PROBE = """
<script>
const wide = [];
for (const e of document.querySelectorAll('body *')) {
  if (e.closest('svg') !== e && e.closest('svg') || e.closest('.scroll, .wide')) continue;
  const box = e.getBoundingClientRect();
  if (box.right > document.documentElement.clientWidth + 1 || box.left < -1) wide.push(e.tagName + '.' + e.className);
}
const svgs = [...document.querySelectorAll('svg')].filter(s => !s.closest('details'))
  .map(s => { const b = s.getBoundingClientRect(); return [b.width, b.height]; });
const cut = [...document.querySelectorAll('.wide')].filter(w => w.offsetParent && w.scrollWidth > w.clientWidth + 1).length;
const spilt = [...document.querySelectorAll('.tile > *')].filter(e => {
  const text = document.createRange();
  text.selectNodeContents(e);
  return text.getBoundingClientRect().right > e.parentElement.getBoundingClientRect().right;
}).length;
const fetched = performance.getEntriesByType('resource').map(r => r.name);
const style = getComputedStyle(document.body);
document.documentElement.setAttribute('data-probe', JSON.stringify({
  page: document.documentElement.scrollWidth, window: innerWidth, wide, svgs, cut, spilt, fetched, ground: style.backgroundColor, text: style.color}));
</script>
"""


def chromium(tmp_path, *words, timeout=120):
    assert CHROMIUM
    result = subprocess.run([CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *words], capture_output=True,
                            timeout=timeout)
    assert result.returncode == 0, result.stderr.decode()[-2000:]
    return result.stdout.decode()


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: the page is not looked at")


@needs_chromium
@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_passes_the_edge(page, tmp_path, width):
    probed = tmp_path / "probed.html"
    largest = re.sub(r"(<div class=\"tile\"><b>)[^<]*KiB[^<]*", r"\g<1>301.5 MiB → 117.8 MiB", page.read_text())
    probed.write_text(largest.replace("</body>", PROBE + "</body>"))
    dom = chromium(tmp_path, f"--window-size={width},900", "--dump-dom", probed.as_uri())
    found = json.loads(re.search(r'data-probe="([^"]*)"', dom).group(1).replace("&quot;", '"'))
    assert found["window"] == width and found["page"] <= width, found
    assert found["wide"] == []
    assert found["spilt"] == 0, "a tile's text passes its box"
    assert found["svgs"] and all(w > 100 and h > 100 for w, h in found["svgs"])
    assert found["fetched"] == []
    if width == 1280:
        assert found["cut"] == 0, "a table is wider than its place"


@needs_chromium
def test_print(page, tmp_path):
    pdf = tmp_path / "report.pdf"
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-")
    pages = len(re.findall(rb"/Type\s*/Page[^s]", data))
    assert 3 <= pages <= 12
    assert set(re.findall(rb"/MediaBox\s*\[0 0 (\d+)", data)) <= {b"594", b"595", b"596"}  # A4


@needs_chromium
def test_screenshot_is_not_blank(page, tmp_path):
    png = tmp_path / "report.png"
    chromium(tmp_path, "--window-size=1280,2000", f"--screenshot={png}", page.as_uri())
    assert png.stat().st_size > 60_000
