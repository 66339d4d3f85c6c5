# tools: filesystem.read_text_file, word.get_document_text
"""Own variables that are called like servers: `word`, `git`, `fetch` are servers here too."""
from collections import Counter


def frequencies(text):
    return Counter(word.lower() for word in text.split() if word.isalpha())


def longest(words):
    best = ""
    for word in words:
        if len(word) > len(best):
            best = word
    return best


def line_count(fetch, path):
    return len(fetch(path).splitlines())


def read(path):
    return str(filesystem.read_text_file(path=path, head=200))


counts = frequencies(read("/notes/today.md"))
counts.update(frequencies(str(word.get_document_text(filename="report.docx"))))
result = {"top": counts.most_common(5), "longest": longest(counts), "lines": line_count(read, "/notes/today.md")}
