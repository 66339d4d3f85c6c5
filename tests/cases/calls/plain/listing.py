#: outcome: returned
#: result: [["crm", "filesystem", "lab", "youtube"], ["get_contacts", "get_last_order"], true, "(id)"]
import inspect
signature = str(inspect.signature(crm.get_last_order))
result = [sorted(n for n in dir(mcp) if not n.startswith("_")), [n for n in dir(crm) if not n.startswith("_")],
          callable(crm.get_contacts), signature.split(" ->")[0].replace("'", "")]
