#: outcome: raised
#: kind: ModuleNotFoundError
import requests
