# Runs the tests of MODULE in the sandbox: modules are found below /workspace, where scripts have none of their own otherwise.
import builtins
import importlib.machinery as machinery
import io
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path_hooks.append(machinery.FileFinder.path_hook((machinery.SourceFileLoader, [".py"])))
sys.meta_path.insert(2, machinery.PathFinder)
sys.path.insert(0, "/workspace")
os.chdir("/workspace/work")
# `open` explains why a file cannot be opened, as a function in Python: as an attribute of a class, which many of these tests make it, it would be a method.
builtins.open = io.open = staticmethod(io.open)


def identity(test):
    """`Class.method`, of a test of a module or of a package of modules; of a subtest, that of its test."""
    name = getattr(test, "test_case", test).id()
    return name.removeprefix(f"test.{MODULE}.")


try:
    suite = unittest.defaultTestLoader.loadTestsFromName(f"test.{MODULE}")
    said = io.StringIO()
    outcome = unittest.TextTestRunner(stream=said).run(suite)
    wrong = {}
    for test, traceback in outcome.failures + outcome.errors:
        wrong.setdefault(identity(test), traceback.strip().splitlines()[-1][:300])
    for test in outcome.unexpectedSuccesses:
        wrong.setdefault(identity(test), "an unexpected success")
    result = {"run": outcome.testsRun, "skipped": len(outcome.skipped), "wrong": wrong}
except unittest.SkipTest as reason:
    result = {"run": 1, "skipped": 1, "wrong": {}}
