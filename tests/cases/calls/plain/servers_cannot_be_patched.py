#: outcome: returned
#: result: ["AttributeError", "AttributeError", "AttributeError", 3]
refused = []
for patch in (lambda: setattr(crm, "get_contacts", print), lambda: delattr(crm, "get_contacts"),
              lambda: setattr(mcp, "crm", None)):
    try:
        patch()
        refused.append("patched")
    except Exception as error:
        refused.append(type(error).__name__)
result = refused + [crm.get_contacts()["total"]]
