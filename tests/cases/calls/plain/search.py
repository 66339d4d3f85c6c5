#: outcome: returned
#: result: [true, true, true, true]
import contextlib
import io

found = mcp.search("contacts")
text = io.StringIO()
with contextlib.redirect_stdout(text):
    help("crm.get_contact")
    help("crm.get_contacts")
    help()
text = text.getvalue()
result = ["crm.get_contacts(" in found, text.startswith("crm has no tool 'get_contact'; did you mean crm.get_contacts"),
          "All contacts." in text, "mcp.search(" in text]
