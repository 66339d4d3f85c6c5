# Documents, as office-word-mcp-server answers: texts.
def paragraphs(filename):
    return [f"{n}. The supplier shall deliver part {n} of the {filename.rsplit('.')[0]} within {n * 3 % 29 + 2} days and pays {n * 110 % 970} EUR for each day of delay." for n in range(90)]


def get_document_text(filename):
    return "\n".join(paragraphs(filename))


def get_document_info(filename):
    return {"title": filename, "author": "Ada Berg", "subject": "", "created": "2026-10-01 09:00:00", "modified": "2026-11-20 10:00:00", "page_count": 9, "word_count": 1980, "paragraph_count": 90, "table_count": 1}


def get_document_outline(filename):
    return {"paragraphs": [{"index": n, "text": text[:100], "style": "Normal"} for n, text in enumerate(paragraphs(filename))], "tables": [{"index": 0, "rows": 5, "columns": 3, "preview": [["Item", "Price", "Date"]]}]}


def list_available_documents(directory="."):
    return "Found 3 Word documents in " + directory + ":\n- contract.docx (34.10 KB)\n- offer.docx (22.80 KB)\n- minutes.docx (18.44 KB)"


def find_text_in_document(filename, text_to_find, **_):
    return {"query": text_to_find, "occurrences": [{"paragraph_index": n, "position": 4, "context": text[:120]} for n, text in enumerate(paragraphs(filename)) if text_to_find in text], "total_count": 90}


def get_all_comments(filename):
    return {"success": True, "comments": [{"id": f"c{n}", "author": ["Ada Berg", "Bo Chen"][n % 2], "initials": "AB", "date": f"2026-11-{1 + n % 28:02}T10:00:00", "text": f"Clause {n}: is this date agreed with the supplier?", "paragraph_index": n * 3} for n in range(24)], "total_comments": 24}


def create_document(filename, **_):
    return f"Document {filename} created successfully"


def add_heading(filename, text, **_):
    return f"Heading '{text}' (level 1) added to {filename}"


def add_paragraph(filename, text, **_):
    return f"Paragraph added to {filename}"


def add_table(filename, rows, cols, data=None):
    return f"Table ({rows}x{cols}) added to {filename}"


def search_and_replace(filename, find_text, replace_text):
    return f"Replaced 12 occurrence(s) of '{find_text}' with '{replace_text}'."


def convert_to_pdf(filename, output_filename=None):
    return f"Document successfully converted to PDF: {output_filename or filename[:-5] + '.pdf'}"
