#: outcome: raised
#: kind: KeyError
import os
os.environ["CRM_TOKEN"]
