#: outcome: returned
#: result: [2, 30]
result = [crm.get_contacts(2)["total"], crm.get_last_order(3)["order_id"]]
