#: outcome: raised
#: kind: ImportError
from crm import get_customers
