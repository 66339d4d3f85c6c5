# tools: fetch.fetch
import html
import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlparse, parse_qs


class LinkParser(HTMLParser):
    def __init__(self, base: str):
        super().__init__(convert_charrefs=True)
        self.base = base
        self.links: list[str] = []
        self._text: list[str] = []
        self._skip = 0

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in {"script", "style"}:
            self._skip += 1
        elif tag == "a" and (href := attrs.get("href")):
            self.links.append(urljoin(self.base, href))

    def handle_endtag(self, tag):
        if tag in {"script", "style"} and self._skip:
            self._skip -= 1

    def handle_data(self, data):
        if not self._skip and data.strip():
            self._text.append(html.unescape(data.strip()))

    @property
    def text(self): return " ".join(self._text)


page = fetch.fetch(url="https://example.com", raw=True)
p = LinkParser("https://example.com")
p.feed(page)
p.close()
hosts = {urlparse(l).netloc for l in p.links}
result = {
    "links": len(p.links),
    "hosts": sorted(hosts),
    "words": len(re.findall(r"\w+", p.text)),
    "queries": [parse_qs(urlparse(link).query) for link in p.links[:3]],
}
