#: outcome: returned
#: result: ["&lt;b&gt;", ["one", "two"], "a=1&b=x+y", "example.org", ["10.0.0.1", 2], "Hello Ada"]
import html, ipaddress, string, urllib.parse
import xml.etree.ElementTree as ET

network = ipaddress.ip_network("10.0.0.0/30")
result = [
    html.escape("<b>"),
    [item.text for item in ET.fromstring("<r><i>one</i><i>two</i></r>")],
    urllib.parse.urlencode({"a": 1, "b": "x y"}),
    urllib.parse.urlsplit("https://example.org/x?y").netloc,
    [str(next(network.hosts())), len(list(network.hosts()))],
    string.Template("Hello $name").substitute(name="Ada"),
]
