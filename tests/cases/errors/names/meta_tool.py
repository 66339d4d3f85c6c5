#: outcome: raised
#: kind: NameError
docs = getToolDocs(["crm"])
