#: outcome: returned
#: result: [3, 3, 3, 3, 3, 3, 3, 3]
import crm as renamed
import mcp
from crm import get_contacts

result = [call()["total"] for call in (
    crm.get_contacts, mcp.crm.get_contacts, crm["get_contacts"], getattr(crm, "get_contacts"), renamed.get_contacts,
    get_contacts, mcp["crm"].get_contacts, getattr(mcp, "crm").get_contacts)]
