# Runs a file of CPython's own tests, FILE, in the sandbox. What its package `test.support` has is here as far as these files need it.
import contextlib, gc, io, os, shutil, stat, sys, types, unittest, unittest.mock, warnings

def module(name, **members):
    made = types.ModuleType(name)
    made.__dict__.update(members)
    made.__path__ = []
    sys.modules[name] = made
    above, _, last = name.rpartition(".")
    if above:
        setattr(sys.modules[above], last, made)
    return made

def skipping(reason):
    def skip(*arguments, **named):
        if len(arguments) == 1 and callable(arguments[0]) and not named:
            return unittest.skip(reason)(arguments[0])
        return unittest.skip(reason)
    return skip

def unlink(path):
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)

def rmtree(path):
    shutil.rmtree(path, ignore_errors=True)

@contextlib.contextmanager
def temp_dir(path=None, quiet=False):
    import tempfile
    path = os.path.realpath(path or tempfile.mkdtemp())
    if not os.path.exists(path):
        os.mkdir(path)
    try:
        yield path
    finally:
        rmtree(path)

@contextlib.contextmanager
def change_cwd(path, quiet=False):
    before = os.getcwd()
    os.chdir(path)
    try:
        yield os.getcwd()
    finally:
        os.chdir(before)

@contextlib.contextmanager
def swap_attr(place, name, value):
    before = getattr(place, name)
    setattr(place, name, value)
    try:
        yield before
    finally:
        setattr(place, name, before)

@contextlib.contextmanager
def check_warnings(*filters, quiet=True):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield types.SimpleNamespace(warnings=caught)

@contextlib.contextmanager
def ignored_warnings(*, category=Warning):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category)
        yield

class FakePath:
    def __init__(self, path):
        self.path = path

    def __repr__(self):
        return f"<FakePath {self.path!r}>"

    def __fspath__(self):
        if isinstance(self.path, BaseException) or isinstance(self.path, type) and issubclass(self.path, BaseException):
            raise self.path
        return self.path

class EnvironmentVarGuard(contextlib.AbstractContextManager):
    def __init__(self):
        self.before = dict(os.environ)

    def __setitem__(self, name, value):
        os.environ[name] = value

    set = __setitem__

    def unset(self, *names):
        for name in names:
            os.environ.pop(name, None)

    def __exit__(self, *_):
        os.environ.clear()
        os.environ.update(self.before)

def import_module(name, **_):
    try:
        return __import__(name, fromlist=["_"])
    except ImportError as error:
        raise unittest.SkipTest(str(error))

def create_empty_file(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))

NONE = skipping("the sandbox has none of it")
TESTFN = "@test_1_tmp"
module("test")
module("test.support", verbose=False, is_wasi=True, is_emscripten=False, is_apple=False, is_android=False, Py_DEBUG=False, MS_WINDOWS=False, cpython_only=lambda test: test, gc_collect=gc.collect,
    infinite_recursion=contextlib.nullcontext, has_fork_support=False, has_subprocess_support=False, requires_subprocess=NONE, requires_fork=NONE, has_socket_support=False, swap_attr=swap_attr,
    check_impl_detail=lambda **_: True, impl_detail=lambda *_, **__: lambda test: test, bigmemtest=lambda *_, **__: NONE, captured_stdout=lambda: contextlib.redirect_stdout(io.StringIO()),
    check__all__=lambda *_, **__: None, check_disallow_instantiation=lambda test, kind, *_: test.assertRaises(TypeError, kind), requires=lambda *_: None, requires_zlib=lambda *_: (lambda test: test),
    requires_bz2=lambda *_: NONE, requires_lzma=lambda *_: NONE, SHORT_TIMEOUT=30, LOOPBACK_TIMEOUT=5, wait_process=None, flush_std_streams=lambda: None, set_recursion_limit=contextlib.nullcontext)
module("test.support.os_helper", TESTFN=TESTFN, TESTFN_ASCII=TESTFN, TESTFN_UNICODE=TESTFN + "-àòɘŁğ", TESTFN_NONASCII="à", TESTFN_UNENCODABLE=None, TESTFN_UNDECODABLE=None, FS_NONASCII="à", SAVEDCWD=os.getcwd(),
    unlink=unlink, rmtree=rmtree, rmdir=lambda path: os.path.isdir(path) and os.rmdir(path), temp_dir=temp_dir, temp_cwd=lambda *_, **__: contextlib.nullcontext(), change_cwd=change_cwd, FakePath=FakePath,
    EnvironmentVarGuard=EnvironmentVarGuard, create_empty_file=create_empty_file, can_symlink=lambda: False, can_chmod=lambda: False, can_xattr=lambda: False, fs_is_case_insensitive=lambda _: False,
    skip_unless_symlink=NONE, skip_unless_hardlink=NONE, skip_unless_xattr=NONE, skip_unless_working_chmod=NONE, skip_if_dac_override=NONE, skip_unless_dac_override=NONE, save_mode=contextlib.nullcontext,
    make_bad_fd=lambda: 9_999)
module("test.support.warnings_helper", check_warnings=check_warnings, ignore_warnings=ignored_warnings, save_restore_warnings_filters=warnings.catch_warnings,
    check_no_resource_warning=lambda _: contextlib.nullcontext())
module("test.support.import_helper", import_module=import_module, import_fresh_module=lambda name, **_: import_module(name))
module("test.support.script_helper", assert_python_ok=None, spawn_python=None)
module("test.support.testcase", ExtraAssertions=type("ExtraAssertions", (), {}))
module("test.test_doctest")
module("test.test_support")

tests = module("tests")
tests.__file__ = FILE
with open(FILE, encoding="utf-8") as file:
    exec(compile(file.read(), FILE, "exec"), tests.__dict__)
told = io.StringIO()
outcome = unittest.TextTestRunner(stream=told).run(unittest.defaultTestLoader.loadTestsFromModule(tests))
failed = sorted({test.id().removeprefix("tests.") for test, _ in outcome.failures + outcome.errors if hasattr(test, "id")})
for test, traceback in (outcome.failures + outcome.errors)[:30]:
    print(test, traceback.strip().splitlines()[-1])
result = {"run": outcome.testsRun, "skipped": len(outcome.skipped), "failed": failed}
