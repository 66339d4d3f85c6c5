import importlib
import sys

names = [name for name in sys.modules if name.partition(".")[0] in sys.stdlib_module_names and name != "__main__"]
for name in names:
    importlib.import_module(name)
result = len(names)
