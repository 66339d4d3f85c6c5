#: outcome: raised
#: kind: ToolError
crm.get_contacts()
result = lab.fail(how="disk full")
