#: outcome: returned
#: result: {"items": [{"id": 1, "name": "Contact 1"}], "total": 1}
result = retry(crm.get_contacts, n=3, limit=1)
