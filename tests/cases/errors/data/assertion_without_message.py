#: outcome: raised
#: kind: AssertionError
assert crm.get_contacts()["total"] == 4
