# tools: google-workspace.get_gmail_messages_content_batch, google-workspace.search_gmail_messages
import re
import textwrap
from itertools import islice

EMAIL = "ada@example.com"


def chunked(items, size):
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


found = google_workspace.search_gmail_messages(query="is:unread newer_than:2d", user_google_email=EMAIL, page_size=50)
text = found if isinstance(found, str) else str(found)
ids = list(dict.fromkeys(re.findall(r"Message ID: (\w+)", text)))
print(f"{len(ids)} unread")

messages = []
for chunk in chunked(ids, 20):
    batch = google_workspace.get_gmail_messages_content_batch(
        message_ids=chunk, user_google_email=EMAIL, format="full", body_format="text"
    )
    messages.extend(re.split(r"\n---+\n", batch if isinstance(batch, str) else ""))

digest = []
for message in messages:
    headers = dict(re.findall(r"^(Subject|From): (.*)$", message, re.MULTILINE))
    body = message.split("\n\n", 1)[-1]
    if not headers:
        continue
    digest.append(
        {
            "from": headers.get("From", "?"),
            "subject": headers.get("Subject", "(none)"),
            "preview": textwrap.shorten(body, width=160, placeholder=" ..."),
        }
    )

result = sorted(digest, key=lambda m: m["from"].lower())
