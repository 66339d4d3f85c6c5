# tools: word.get_document_outline, word.get_document_text, word.list_available_documents
import re
from operator import attrgetter, itemgetter
from types import SimpleNamespace

listed = word.list_available_documents(directory=".")
files = re.findall(r"- (\S+\.docx)", str(listed))

documents = []
for name in files:
    text = str(word.get_document_text(filename=name))
    outline = word.get_document_outline(filename=name)
    headings = [p for p in outline.get("paragraphs", []) if p.get("style", "").startswith("Heading")] if isinstance(outline, dict) else []
    words = len(re.findall(r"\w+", text))
    documents.append(SimpleNamespace(name=name, words=words, headings=len(headings), dense=words / max(len(headings), 1)))

documents.sort(key=attrgetter("words", "name"), reverse=True)
longest = documents[0] if documents else None
if longest:
    print(f"{longest.name}: {longest.words} words, {getattr(longest, 'headings', 0)} headings")

table = [{"name": d.name, "words": d.words, "dense": round(d.dense)} for d in documents]
table.sort(key=itemgetter("dense"))
result = table
