# A CRM whose records take whole documents.
def tools():
    text = {"type": "string"}
    data = {"type": "object", "description": "Fields and their new values"}
    return [
        {"name": "update_record", "description": "Updates a record in Salesforce.", "inputSchema": {"type": "object", "properties": {"objectType": {"type": "string", "description": "Lead, Contact, Account, SalesMeeting, ..."}, "recordId": text, "data": data}, "required": ["objectType", "recordId", "data"]}},
        {"name": "create_record", "description": "Creates a record in Salesforce.", "inputSchema": {"type": "object", "properties": {"objectType": text, "data": data}, "required": ["objectType", "data"]}},
        {"name": "query", "description": "Runs a SOQL query.", "inputSchema": {"type": "object", "properties": {"soql": text}, "required": ["soql"]}},
    ]


def update_record(objectType, recordId, data):
    return {"id": recordId, "success": True, "errors": []}


def create_record(objectType, data):
    return {"id": "00Q5f000001abcDEAQ", "success": True, "errors": []}


def query(soql):
    return {"totalSize": 200, "done": True, "records": [{"attributes": {"type": "Lead", "url": f"/services/data/v60.0/sobjects/Lead/{n}"}, "Id": f"00Q{n:015}", "Name": f"Lead {n}", "Email": f"lead{n}@example.org", "Status": ["Open", "Working", "Closed"][n % 3]} for n in range(200)]}
