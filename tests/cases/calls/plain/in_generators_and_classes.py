#: outcome: returned
#: result: [[10, 20, 30], 3]
class Crm:
    @property
    def total(self):
        return crm.get_contacts()["total"]

def orders():
    for contact in crm.get_contacts()["items"]:
        yield crm.get_last_order(id=contact["id"])["order_id"]

result = [list(orders()), Crm().total]
