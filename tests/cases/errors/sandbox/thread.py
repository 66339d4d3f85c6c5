#: outcome: raised
#: kind: RuntimeError
import threading
threading.Thread(target=crm.get_contacts).start()
