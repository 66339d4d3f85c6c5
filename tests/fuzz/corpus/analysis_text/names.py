import crm as ｃｒｍ
from mail import *
g = getattr(crm, "sea" + "rch")
g(x=1)
globals()["ops"].restart(x=1)
