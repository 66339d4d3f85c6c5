#: outcome: raised
class Customer:
    def __init__(self):
        self.name = "Ada"
result = [Customer()]
