#: outcome: returned
#: result: ["<p>", "&lt;b&gt;", "</p>", "name", "r"]
import html
from string.templatelib import Interpolation, Template

name = "<b>"
template = t"<p>{name!r}</p>"
assert isinstance(template, Template)
parts = []
for item in template:
    parts.append(html.escape(item.value) if isinstance(item, Interpolation) else item)
hole = template.interpolations[0]
result = parts + [hole.expression, hole.conversion]
