# Google Workspace, as workspace-mcp answers: prose that lists what was found.
PEOPLE = ["Ada Berg", "Bo Chen", "Chen Ito", "Dina Kaya"]


def get_events(user_google_email, **_):
    return f"Successfully retrieved 25 events from calendar 'primary' for {user_google_email}:\n" + "\n".join(f'- "{["Review", "Stand-up", "Interview", "Customer call"][n % 4]} {n}" (Starts: 2026-12-{1 + n % 28:02}T{8 + n % 9:02}:00:00+01:00, Ends: 2026-12-{1 + n % 28:02}T{9 + n % 9:02}:00:00+01:00) ID: ev{n} | Link: https://www.google.com/calendar/event?eid=ev{n}' for n in range(25))


def manage_event(user_google_email, action, summary=None, **_):
    return f"Successfully {action}d event '{summary}' for {user_google_email}. Link: https://www.google.com/calendar/event?eid=new"


def search_gmail_messages(query, user_google_email, page_size=10, **_):
    return f"Found {page_size} messages matching '{query}':\n\nMESSAGES:\n" + "\n".join(f"  {n + 1}. Message ID: m{n:012x}\n     Web Link: https://mail.google.com/mail/u/0/#all/m{n:012x}\n     Thread ID: t{n:012x}\n     Thread Link: https://mail.google.com/mail/u/0/#all/t{n:012x}\n" for n in range(int(page_size)))


def get_gmail_messages_content_batch(message_ids, user_google_email, **_):
    return f"Retrieved {len(message_ids)} messages:\n\n" + "\n---\n\n".join(f"Message ID: {one}\nSubject: Invoice {sum(map(ord, one)) % 900}\nFrom: {PEOPLE[len(one) % 4]} <billing@supplier.example>\nDate: Mon, 23 Nov 2026 09:00:00 +0100\nWeb Link: https://mail.google.com/mail/u/0/#all/{one}\n\nDear team,\n\nplease find invoice {sum(map(ord, one)) % 900} over EUR {sum(map(ord, one)) * 7 % 4000}.00 attached. It is due on 2026-12-{1 + sum(map(ord, one)) % 28:02}.\n\nKind regards\n{PEOPLE[len(one) % 4]}\n" for one in message_ids)


def send_gmail_message(user_google_email, **_):
    return "Email sent! Message ID: mfff"


def search_drive_files(user_google_email, query, page_size=10, **_):
    return f"Found {page_size} files for {user_google_email} matching '{query}':\n" + "\n".join(f'- Name: "{query} {n}" (ID: f{n:010x}, Type: application/vnd.google-apps.document, Size: N/A, Modified: 2026-11-{1 + n % 28:02}T10:00:00.000Z) Link: https://docs.google.com/document/d/f{n:010x}/edit' for n in range(int(page_size)))


def read_sheet_values(user_google_email, spreadsheet_id, range_name="A1:Z1000", **_):
    return f"Successfully read 60 rows from range '{range_name}' in spreadsheet {spreadsheet_id} for {user_google_email}:\n" + "\n".join(f"Row {n:2d}: ['{PEOPLE[n % 4]}', '{['open', 'won', 'lost'][n % 3]}', '{n * 137 % 9000}', '2026-{1 + n % 11:02}-15']" for n in range(1, 61))


def list_tasks(user_google_email, task_list_id, **_):
    return f"Tasks in list {task_list_id} for {user_google_email}:\n" + "\n".join(f"- Prepare item {n} (ID: t{n})\n  Status: {'completed' if n % 3 == 0 else 'needsAction'}\n  Due: 2026-12-{1 + n % 28:02}T00:00:00.000Z" for n in range(30))


def get_doc_content(user_google_email, document_id, **_):
    return "\n".join(f"Decision {n}: {PEOPLE[n % 4]} prepares part {n} by 2026-12-{1 + n % 28:02}." for n in range(120))


def search_contacts(user_google_email, query, **_):
    return f"Search Results for '{query}' (4 found):\n" + "\n".join(f"Contact ID: c{n}\nName: {name}\nEmail: {name.split()[0].lower()}@acme.example\nPhone: +49 30 1234{n}\n" for n, name in enumerate(PEOPLE))
