#: outcome: raised
#: kind: RuntimeError
try:
    crm.get_contacts()["x"]
except KeyError as error:
    raise RuntimeError("no contacts") from error
