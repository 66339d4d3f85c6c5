# tools: google-workspace.list_tasks, google-workspace.list_task_lists
import re

EMAIL = "ada@example.com"
lists = google_workspace.list_task_lists(user_google_email=EMAIL)
ids = [m[1] for line in str(lists).splitlines() if (m := re.search(r"ID: (\S+?)\)?$", line))]

tasks, token = [], None
for list_id in ids:
    while True:
        arguments = {"user_google_email": EMAIL, "task_list_id": list_id, "show_completed": False}
        if token:
            arguments["page_token"] = token
        answer = google_workspace.list_tasks(**arguments)
        tasks.append((list_id, str(answer)))
        if not (token := (found := re.search(r"Next page token: (\S+)", str(answer))) and found[1]):
            break

first, *rest = tasks or [(None, "")]
(list_id, text), more = first, len(rest)
overdue = [line for _, text in tasks for line in text.splitlines() if "Due:" in line]
*_, last = overdue or [None]
print(f"{len(overdue)=}, {more=}, {list_id=}")
result = {"overdue": overdue, "last": last}
