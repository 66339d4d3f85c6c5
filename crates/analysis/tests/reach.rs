//! Small scripts, one for each way from a value to everything, and for each harmless use that looks like one.
#![allow(clippy::unwrap_used)]

mod support;

use exuvia_analysis::{Analysis, analyse};

/// What may stand before any of them.
const PRELUDE: &str = "\
import abc, asyncio, collections, contextlib, copy, dataclasses, enum, functools, json, operator, os, sys, typing
from abc import ABC, ABCMeta
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypedDict, TypeVar
e = ValueError('x'); x = {}; f = lambda: 0; name = 'n'; rows = []
class Own: pass
";

fn judged(script: &str) -> Analysis {
    analyse(&format!("{PRELUDE}{script}"), &support::evasions().namespace)
}

#[test]
fn what_can_reach_everything_is_said_to() {
    for script in [
        "g = globals",
        "map(eval, x)",
        "getattr(x, name)",
        "getattr('', '__cl' + 'ass__')",
        "getattr(*x)",
        "getattr(x, name='a')",
        "map(getattr, x)",
        "getattr(f, '__globals__')",
        "setattr(x, name, 1)",
        "setattr(Own, '__match_args__', ('obj',))",
        "def getattr(a, b): return a\ngetattr(x, 'y')",
        "x.__class__",
        "x.__class__.__base__",
        "f.__globals__",
        "f.__code__",
        "print.__self__",
        "e.__traceback__",
        "e.obj",
        "match e:\n case AttributeError(obj=o): pass",
        "class A(ABC): pass\nA.register(AttributeError)",
        "class M: __match_args__ = ('obj',)",
        "class M:\n def __instancecheck__(c, o): return True",
        "class M(type): pass",
        "class M(ABCMeta): pass",
        "class F:\n def __prepare__(*a): return {}\nclass C(metaclass=F): pass",
        "class C(metaclass=f): pass",
        "class C(**x): pass",
        "type('C', (), {})",
        "t = type",
        "print(type(x)('C'))",
        "T = type(int)",
        "def print(t): pass\nprint(type(int))",
        "type(int) == Own()",
        "o = Own()\ntype(int) == o",
        "type(int) in [o]",
        "str = Own()\ntype(int) == str",
        "dataclass(Own)",
        "d = dataclass",
        "g = field(default=1)\n@dataclass\nclass C: a: int = g",
        "fs = dataclasses.fields(Own)",
        "@dataclass\nclass C(Enum('X', {})): pass",
        "@dataclass\nclass C(x['base']): pass",
        "@dataclass\nclass C(TypedDict('T', {'a b': int})): pass",
        "Base = Own\nclass B(Base): pass\n@dataclass\nclass C(B): pass",
        "class G:\n def __class_getitem__(c, i): return x\n@dataclass\nclass C(G[0]): pass",
        "@dataclass\nclass D: obj: object",
        "class P(Protocol):\n def obj(self): ...",
        "@dataclass(frozen=True)\nclass D: _name: str",
        "class C: __annotations__ = {'a b': int}",
        "class C:\n def __annotate__(f): return {}",
        "TypedDict('T', {'a b': int})",
        "TypedDict('T', x)",
        "functools.wraps(f, assigned=('__globals__',))(Own())",
        "w = functools.wraps",
        "functools.singledispatch(f)",
        "operator.attrgetter(name)",
        "operator.attrgetter('__class__.__base__')",
        "operator.methodcaller('__getattribute__', name)",
        "m = json",
        "class C: import json",
        "class C: import os.path as p",
        "class C: from os import path",
        "class C: from dataclasses import dataclass as d",
        "json.codecs",
        "json['x']",
        "json.dumps = f",
        "del json.dumps",
        "import json.tool",
        "from json import codecs",
        "from math import *",
        "import pandas",
        "import _json",
        "import wit_world",
        "from exuvia import servers",
        "import exuvia.servers",
        "from . import x",
        "import os.path as p\nq = p",
        "os.sys",
        "os.path.os",
        "sys.modules",
        "sys.stdout = x",
        "Path('x').parser.os.sys",
        "typing.get_type_hints(f)",
        "typing.get_origin(typing.Type[int])",
        "super().__getattribute__(name)",
        "object.__setattr__(x, 'a', 1)",
        "(f for f in x).gi_frame",
        "asyncio.current_task().get_stack()",
        "__builtins__",
        "__spec__",
        "__loader__ = 1",
        "vars()",
        "locals()",
        "dir, vars",
        "del __builtins__",
        "f'{x.__class__!r}'",
        "f'{x:{x.__dict__}}'",
        "class C:\n def f(self): return super().__dict__",
    ] {
        let analysis = judged(script);
        let all = support::evasions().namespace.servers().iter().map(|server| server.tools().len()).sum::<usize>();
        assert!(!analysis.precision.is_precise(), "{script}");
        assert_eq!(analysis.may_call.len(), all, "{script}");
        assert!(analysis.findings.is_empty(), "{script}: {:?}", analysis.findings);
    }
}

#[test]
fn what_only_looks_like_it_is_harmless() {
    for script in [
        "getattr(x, 'id', None)",
        "getattr(getattr(x, 'a', x), 'b', 1)",
        "setattr(x, 'id', 1); delattr(x, 'id'); hasattr(x, name)",
        "type(e).__name__",
        "type(e).__name__.lower()",
        "e.__class__.__name__",
        "print(type(x), str(type(x)), f'{type(x)} {type(x).__name__!r}')",
        "type(x) is dict; type(x) == dict; type(x) in (dict, list); type(x) != type(e)",
        "type(x) is not Own; type(x) == Own",
        "isinstance(x, type); isinstance(x, (Enum, dict)); issubclass(type(x), Own)",
        "isinstance(x, Enum) and x.value",
        "@dataclass\nclass C:\n a: int = field(default_factory=list)\n b: str = ''",
        "@dataclasses.dataclass(frozen=True, order=True)\nclass C(Own, Generic[TypeVar('T')]): a: int = dataclasses.field(default=1)",
        "@dataclass\nclass C(Exception): a: int",
        "@dataclass\nclass B: a: int\n@dataclass\nclass C(B): b: int\nasdict(C(1, 2))",
        "class C(metaclass=ABCMeta): pass",
        "class C(NamedTuple): a: int",
        "class C(TypedDict, total=False): a: int",
        "T = TypedDict('T', {'a': int})",
        "class P(Protocol):\n def f(self): ...",
        "class Color(Enum):\n RED = 1\nColor.RED.name; Color('x'); Color['RED']",
        "def d(g):\n @functools.wraps(g)\n def w(*a): return g(*a)\n return w",
        "sorted(rows, key=operator.attrgetter('a', 'b.c')); map(operator.methodcaller('strip', 'x'), rows)",
        "sorted(rows, key=operator.itemgetter('obj'))",
        "x['obj'], x['__class__'], x['modules']",
        "class C:\n def __init__(self): super().__init__(); self._x = 1\n def __eq__(self, o): return self._x == o._x",
        "class C:\n __slots__ = ('a',)\n def __getattr__(self, n): return 1",
        "json.dumps(x, default=str); os.environ.get('x'); os.path.join('a', 'b'); sys.exit",
        "import os.path as p\np.join('a')",
        "from concurrent.futures import ThreadPoolExecutor\nimport concurrent.futures\nconcurrent.futures.wait(x)",
        "import xml.etree.ElementTree as ET\nET.fromstring('<a/>').find('b')",
        "from os import path\npath.join('a')",
        "from __future__ import annotations",
        "if __name__ == '__main__': print(__file__, __doc__)",
        "except_ = e.__cause__ or e.__context__",
        "def f(type, vars, eval): return type + vars + eval",
        "[vars for vars in rows]",
        "help(youtube); dir(youtube); print(youtube.search); f'{youtube}'; len(youtube)",
        "youtube.__name__; youtube.__doc__",
        "import youtube, mcp.filesystem",
        "def f(youtube): return youtube.delete_video",
        "[youtube.x for youtube in rows]",
        "lambda mcp: mcp.anything",
        "'{:>10}'.format(x)",
        "copy.deepcopy(x); collections.Counter(x).most_common(1)[0][0]",
        "with contextlib.suppress(KeyError): x['y']",
    ] {
        let analysis = judged(script);
        assert!(analysis.precision.is_precise(), "{script}: {:?}", analysis.precision);
        assert!(analysis.may_call.is_empty(), "{script}: {}", support::shown(&analysis));
    }
}

#[test]
fn tools_are_told_by_name_wherever_they_stand() {
    for (script, told) in [
        ("getattr(x, 'a', youtube.search)", "youtube.search:mentioned@9"),
        ("getattr(youtube, 'search', f)(query='x')", "youtube.search:called@9"),
        ("setattr(Own, 'a', youtube.search)", "youtube.search:mentioned@9"),
        ("(\n youtube\n .search\n)(query='x')", "youtube.search:called@10"),
        ("youtube.search.__call__(query='x')", "youtube.search:mentioned@9"),
        ("isinstance(x, youtube.search)", "youtube.search:mentioned@9"),
        ("hasattr(youtube.search(query='x'), 'a')", "youtube.search:called@9"),
        ("@dataclass(frozen=youtube.search)\nclass C: a: int = youtube.search(query='x')", "youtube.search:called@9"),
        ("class C(metaclass=youtube.search): pass", "youtube.search:mentioned@9"),
        ("x[youtube.search]: youtube.search = 1", "youtube.search:mentioned@9"),
        ("match x:\n case youtube.search: pass", "youtube.search:mentioned@10"),
        ("def f[T: youtube.search](): pass", "youtube.search:mentioned@9"),
        ("except_ = lambda a=youtube.search, *, b=1: a", "youtube.search:mentioned@9"),
        ("try: pass\nexcept youtube.search, ValueError: pass", "youtube.search:mentioned@10"),
        ("async def f():\n async for i in youtube.search(query='x'): yield i", "youtube.search:called@10"),
        ("with youtube.search(query='x') as x['a']: pass", "youtube.search:called@9"),
        ("print(f'{x:{youtube.search(query=\"x\")}}')", "youtube.search:called@9"),
        ("t'{youtube.search(query=\"x\")!r}'", "youtube.search:called@9"),
        ("global youtube; youtube.search(query='x')", "youtube.search:called@9"),
        ("x = [*youtube.search(query='x'), {**youtube.search(query='x')}]", "youtube.search:called@9"),
        ("del x[youtube.search(query='x')]", "youtube.search:called@9"),
        ("return youtube.search(query='x')", "youtube.search:called@9"),
        ("youtube.search(query=youtube.get_video(id='1'))", "youtube.get_video:called@9 youtube.search:called@9"),
    ] {
        assert_eq!(support::shown(&judged(script)), format!("precise {told}"), "{script}");
    }
}

#[test]
fn names_mean_what_pythons_scopes_say() {
    // Each script, and whether the forbidden tool may be called.
    for (script, may) in [
        ("def f():\n youtube = x\n return youtube.delete_video()", false),
        ("def f():\n global youtube\n youtube = x", true),
        ("def f():\n def g(): return youtube.delete_video()\n youtube = x\n return g", false),
        ("class C:\n youtube = x\n def m(self): return youtube.delete_video()", true),
        ("class C:\n youtube = x\n y = youtube.delete_video", true),
        ("class C:\n z = [youtube.delete_video for _ in x]", true),
        ("[0 for youtube in youtube.delete_video()]", true),
        ("[youtube.delete_video for y in x if (youtube := y)]", true),
        ("def f():\n [y for y in x if (youtube := y)]\n return youtube.delete_video", false),
        ("def f(a=youtube.delete_video, *youtube): pass", true),
        ("def f(youtube: youtube.delete_video): pass", true),
        ("def f[youtube](a: youtube.delete_video): pass", false),
        ("lambda youtube=youtube.delete_video: 0", true),
        ("def f():\n youtube.delete_video()\n del youtube", false),
        ("def f():\n youtube: int\n youtube.delete_video()", false),
        ("try: pass\nexcept Exception as youtube: pass", true),
        ("match x:\n case {'a': youtube}: pass", true),
        ("def f():\n match x:\n  case [*youtube]: youtube.delete_video", false),
        ("for youtube in x: pass", true),
        ("with x as youtube: pass", true),
        ("import json as youtube", true),
        ("import youtube", false),
        ("class C: import youtube", true),
        ("class C: import mcp", true),
        ("class C:\n from mcp import youtube as y", true),
        ("class C:\n from youtube import search as s", false),
        ("def youtube(): pass", true),
        ("class youtube: pass", true),
        ("def f():\n x = 1\n def g():\n  nonlocal x\n  x = youtube.delete_video", true),
        ("def f():\n def g():\n  nonlocal m\n  import sys as m\n m = 0\n m.modules", true),
        ("class _x:\n def f(self): return __youtube", false),
        ("from youtube import delete_video", true),
        ("from mcp.youtube import delete_video as d\nd()", true),
        ("import mcp.youtube as y\ny.delete_video()", true),
        ("import mcp as m\nm.youtube.search(query='x')", false),
        ("from mcp import youtube as y\ny.search(query='x')", false),
        ("from youtube import search as s\ns(query='x')", false),
        ("youtube['delete_video']", true),
        ("youtube[name]", true),
        ("mcp['youtube']['search'](query='x')", false),
        ("mcp[name]", true),
        ("for s in mcp: pass", true),
        ("getattr(mcp, 'youtube').search(query='x')", false),
        ("youtube.__getitem__('delete_video')", true),
        ("def print(v): return v\nprint(youtube)", true),
        ("print(1, file=youtube)", true),
        ("print(*youtube)", true),
        ("t'{youtube}'", true),
        ("f'{youtube.delete_video(id=\"1\")}'", true),
        ("type X = youtube.delete_video", true),
        ("youtube += 1", true),
        ("youtube.search += 1", false),
        ("raise Exception from youtube", true),
        ("assert x, youtube", true),
        ("async def f():\n async with youtube: pass", true),
        ("x[youtube]", true),
        ("x[1:youtube]", true),
        ("-youtube", true),
        ("youtube < 1", true),
        ("await youtube", true),
        ("return_ = [youtube]", true),
    ] {
        let may_call = judged(script).may_call;
        let delete = exuvia_tool::ToolName::new("youtube", "delete_video");
        assert_eq!(may_call.contains(&delete), may, "{script}");
    }
}
