#: outcome: returned
#: result: {"names": ["Contact 1", "Contact 2"], "total": 2}
contacts = crm.get_contacts(limit=2)
result = {"names": [c["name"] for c in contacts["items"]], "total": contacts["total"]}
