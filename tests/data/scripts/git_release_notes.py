# tools: git.git_log, git.git_show
import re
from collections import OrderedDict
from string import Template

REPO = "/projects/widgets"
HEADINGS = OrderedDict([("feat", "New"), ("fix", "Fixed"), ("perf", "Faster"), ("docs", "Documented")])
LINE = Template("- $subject ($short)")

log = git.git_log(repo_path=REPO, max_count=200)
entries = re.findall(r"Commit: '?([0-9a-f]{7,40})'?.*?Message: '?(.*?)'?$", str(log), re.S | re.M)

notes = {heading: [] for heading in HEADINGS.values()}
breaking = []
for sha, message in entries:
    subject = message.strip().splitlines()[0] if message.strip() else ""
    kind, colon, rest = subject.partition(":")
    kind = kind.rstrip("!").split("(")[0]
    if not colon or kind not in HEADINGS:
        continue
    notes[HEADINGS[kind]].append(LINE.substitute(subject=rest.strip(), short=sha[:7]))
    if "!" in subject.split(":")[0]:
        details = git.git_show(repo_path=REPO, revision=sha)
        if found := re.search(r"BREAKING CHANGE: (.+)", str(details)):
            breaking.append(found.group(1))

text = "\n\n".join(f"## {heading}\n" + "\n".join(lines) for heading, lines in notes.items() if lines)
if breaking:
    text += "\n\n## Breaking\n" + "\n".join(f"- {line}" for line in breaking)
print(text)
result = text
