crm.search(x=f"{a!r:>{b}}{{{c}}}")
t"{mail.send(x=1)}"
rb'\x'
"""
# type: ignore
"""
