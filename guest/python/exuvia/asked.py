"""Which calls a script asks to run in parallel, told from its syntax tree before it runs.

In async code a call blocks, as it does in plain code. It is started instead where the text hands its value, untouched, to
something that runs things side by side: `await crm.get(id=1)`, `asyncio.gather(crm.get(id=1), crm.get(id=2))`, elements
of a display, comprehension or `map` that is gathered, and variables that are used for nothing but that:

    tasks = [crm.get(id=i) for i in ids]
    orders = await asyncio.gather(*tasks)

What cannot be told this way blocks. A call to start is rewritten to `__exuvia_start__(crm.get, GROUP)(id=1)`, where a
group is one place that gathers, and `await VALUE` to `await __exuvia_await__(VALUE)`, which takes the plain value of a
call that blocked as well.
"""

import ast
import builtins

START = "__exuvia_start__"
AWAIT = "__exuvia_await__"

# The group of a call that is awaited where it stands.
AT_ONCE = 0

# What runs things side by side, by what it takes: each argument, the first one, or the elements of the first one.
_EACH, _FIRST, _ELEMENTS = range(3)
_GATHERS = {
    "gather": _EACH,
    "wait": _ELEMENTS,
    "as_completed": _ELEMENTS,
    "wait_for": _FIRST,
    "shield": _FIRST,
    "create_task": _FIRST,
    "ensure_future": _FIRST,
}
_KEYWORDS = frozenset({"fs", "fut", "arg", "coro", "coro_or_future"})
_FUTURE_METHODS = frozenset({"add_done_callback", "cancel", "cancelled", "done", "exception", "result"})
_COPIES = frozenset({"list", "tuple", "set"})
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)
_DISPLAYS = (ast.List, ast.Tuple, ast.Set)

# What a use of a variable is. Any other use of it means that its calls block.
_STORED, _FUTURE, _GATHERED, _INTO, _KEYS = range(5)


class _Scope:
    __slots__ = ("is_class", "parent")

    def __init__(self, parent, is_class=False):
        self.parent = parent
        self.is_class = is_class

    def is_in(self, other):
        scope = self
        while scope is not None:
            if scope is other:
                return True
            scope = scope.parent
        return False


class Reading:
    """One script's tree, read once from top to bottom. Nothing in it recurses with the depth of the script's text."""

    def __init__(self, servers):
        self.servers = servers
        # Occurrences of names: (scope, node), and which uses of them are understood, by the id of the node.
        self.uses = {}
        self.understood = {}
        # Names that something else than an import of asyncio binds, and names of functions of the script.
        self.bound, self.functions, self.escaped = set(), set(), set()
        self.async_functions, self.binders = set(), {}
        self.modules, self.imported = set(), {}
        self.calls, self.awaits, self.stores = [], [], []
        # Where a call's value goes: (a group or a variable, the call), and variables that are dictionaries.
        self.flows, self.dicts, self.groups, self.resolved = [], {}, AT_ONCE, {}

    def read(self, tree):
        waiting = [(tree, _Scope(None))]
        while waiting:
            node, scope = waiting.pop()
            kind = type(node)
            if kind is ast.Name:
                self.uses.setdefault(node.id, []).append((scope, node))
                if type(node.ctx) is not ast.Load:
                    self.bound.add(node.id)
                    self.binders.setdefault(node.id, set()).add(scope)
                continue
            note = _NOTES.get(kind)
            if note is not None:
                scope = note(self, node, scope) or scope
            waiting.extend([(child, scope) for child in _children(node)])
        self._follow()

    def _follow(self):
        for call, scope in self.calls:
            self._used(call, scope)
        for node, scope in self.stores:
            self._store(node, scope)
        for node, _scope in self.awaits:
            if type(node.value) is ast.Call:
                self.flows.append((AT_ONCE, node.value))
            elif type(node.value) is ast.Name:
                self.understood[id(node.value)] = (_FUTURE, None)

    # What the text says.

    def _bind(self, name, scope):
        self.bound.add(name)
        self._occurs(name, scope)

    def _occurs(self, name, scope):
        self.uses.setdefault(name, []).append((scope, None))
        self.binders.setdefault(name, set()).add(scope)

    def _function(self, node, scope):
        self.functions.add(node.name)
        self._occurs(node.name, scope)
        return _Scope(scope)

    def _async_function(self, node, scope):
        if node.name not in self.functions and not node.decorator_list:
            self.async_functions.add(node.name)
        return self._function(node, scope)

    def _lambda(self, node, scope):
        return _Scope(scope)

    def _class(self, node, scope):
        self._bind(node.name, scope)
        return _Scope(scope, is_class=True)

    def _named(self, node, scope):
        for name in (getattr(node, "arg", None), getattr(node, "name", None), getattr(node, "rest", None)):
            if isinstance(name, str):
                self._bind(name, scope)

    def _declared(self, node, scope):
        self.escaped.update(node.names)

    def _import(self, node, scope):
        for alias in node.names:
            if alias.name == "asyncio":
                self.modules.add(alias.asname or alias.name)
            else:
                self._bind(alias.asname or alias.name.partition(".")[0], scope)

    def _import_from(self, node, scope):
        for alias in node.names:
            if node.module == "asyncio" and alias.name in _GATHERS:
                self.imported[alias.asname or alias.name] = _GATHERS[alias.name]
            elif node.module == "asyncio" and alias.name == "*":
                self.imported.update(_GATHERS)
            else:
                self._bind(alias.asname or alias.name, scope)

    def _call(self, node, scope):
        self.calls.append((node, scope))

    def _await(self, node, scope):
        self.awaits.append((node, scope))

    def _assignment(self, node, scope):
        self.stores.append((node, scope))

    def _test(self, node, scope):
        test = node.test.operand if type(node.test) is ast.UnaryOp else node.test
        if type(test) is ast.Name:
            self.understood[id(test)] = (_FUTURE, None)

    # What it means.

    def gathers(self, call):
        """How a call gathers, or None."""
        function = call.func
        if type(function) is ast.Name:
            return None if self._is_rebound(function.id) else self.imported.get(function.id)
        if type(function) is not ast.Attribute or function.attr not in _GATHERS:
            return None
        if self.is_of_asyncio(function) or function.attr == "create_task" and not self._is_of_server(function):
            return _GATHERS[function.attr]
        return None

    def _is_rebound(self, name):
        return name in self.bound or name in self.functions

    def is_of_asyncio(self, node):
        """Whether this is `asyncio.NAME`."""
        owner = node.value if type(node) is ast.Attribute else None
        return type(owner) is ast.Name and owner.id in self.modules and not self._is_rebound(owner.id)

    def _is_of_server(self, node):
        while type(node) in (ast.Attribute, ast.Subscript):
            node = node.value
        return type(node) is ast.Name and (node.id in self.servers or node.id == "mcp")

    def gives_awaitable(self, node):
        """Whether this certainly is a call that gives something to await."""
        if type(node) is not ast.Call:
            return False
        function = node.func
        if type(function) is ast.Name:
            return function.id in self.async_functions and function.id not in self.bound
        return self.is_of_asyncio(function)

    def _used(self, call, scope):
        how = self.gathers(call)
        if how is not None:
            self.groups += 1
            given = call.args if how == _EACH else call.args[:1]
            given = [*given, *(k.value for k in call.keywords if k.arg in _KEYWORDS)]
            for argument in given:
                (self._elements if how == _ELEMENTS else self._element)(argument, self.groups)
        function = call.func
        if type(function) is ast.Attribute and type(function.value) is ast.Name:
            self._method(function.value, function.attr, call, scope)
        elif type(function) is ast.Name and function.id in ("len", "zip", "enumerate"):
            use = _FUTURE if function.id == "len" else _KEYS
            for argument in call.args:
                if type(argument) is ast.Name:
                    self.understood.setdefault(id(argument), (use, None))

    def _variable(self, name, scope):
        """The variable that a name is here: the scope it belongs to, and the name."""
        binders = self.binders.get(name, ())
        while scope not in binders and scope.parent is not None:
            scope = scope.parent
        return scope, name

    def _method(self, owner, method, call, scope):
        variable = self._variable(owner.id, scope)
        if method in ("append", "add", "insert") and call.args:
            self.understood[id(owner)] = (_STORED, None)
            self._element(call.args[-1], variable)
        elif method == "extend" and len(call.args) == 1:
            self.understood[id(owner)] = (_STORED, None)
            self._elements(call.args[0], variable)
        elif method in _FUTURE_METHODS:
            self.understood[id(owner)] = (_FUTURE, None)
        elif method == "keys":
            self.understood[id(owner)] = (_KEYS, None)

    def _store(self, node, scope):
        if scope.is_class or node.value is None:
            return
        targets = node.targets if type(node) is ast.Assign else [node.target]
        if len(targets) != 1:
            return
        target, value = targets[0], node.value
        if type(target) is ast.Subscript and type(target.value) is ast.Name:
            owner = target.value
            self.understood[id(owner)] = (_STORED, None)
            self._element(value, self._variable(owner.id, scope))
        elif type(target) is ast.Name:
            self.understood[id(target)] = (_STORED, None)
            variable = (scope, target.id)
            if type(node) is ast.AugAssign:
                self._elements(value, variable)
            elif type(value) in (ast.Dict, ast.DictComp):
                self.dicts.setdefault(variable, True)
                for element in value.values if type(value) is ast.Dict else [value.value]:
                    self._element(element, variable)
            else:
                self.dicts[variable] = False
                self._value(value, variable)

    def _value(self, node, to):
        """A variable's new value: a call, or what holds calls."""
        if type(node) is ast.IfExp:
            self._value(node.body, to)
            self._value(node.orelse, to)
        else:
            if type(node) is ast.Call:
                self._element(node, to)
            self._elements(node, to)

    def _element(self, node, to):
        """The value of this expression goes there, and nowhere else."""
        kind = type(node)
        if kind is ast.Call:
            self.flows.append((to, node))
        elif kind is ast.Name:
            self._into(node, to)
        elif kind is ast.Starred:
            self._elements(node.value, to)
        elif kind is ast.IfExp:
            self._element(node.body, to)
            self._element(node.orelse, to)

    def _elements(self, node, to):
        """What is in this expression's value goes there, and nowhere else."""
        while type(node) is ast.BinOp and type(node.op) is ast.Add:
            self._elements(node.right, to)
            node = node.left
        kind = type(node)
        if kind in _DISPLAYS:
            for element in node.elts:
                self._element(element, to)
        elif kind in _COMPREHENSIONS:
            self._element(node.elt, to)
        elif kind is ast.Name:
            self._into(node, to)
        elif kind is ast.IfExp:
            self._elements(node.body, to)
            self._elements(node.orelse, to)
        elif kind is ast.Call:
            self._elements_of_call(node, to)

    def _elements_of_call(self, node, to):
        function = node.func
        if type(function) is ast.Name and function.id in _COPIES and len(node.args) == 1:
            self._elements(node.args[0], to)
        elif type(function) is ast.Name and function.id == "map" and node.args:
            mapped = node.args[0]
            # The function itself is what is marked: `map` calls it.
            self.flows.append((to, mapped.body if type(mapped) is ast.Lambda else node))
        elif type(function) is ast.Attribute and function.attr == "values" and type(function.value) is ast.Name:
            self._into(function.value, to)

    def _into(self, name, to):
        use = (_INTO, to) if type(to) is tuple else (_GATHERED, to)
        self.understood[id(name)] = use

    def group(self, variable):
        """The group that a variable's calls belong to, or None if they block."""
        if variable not in self.resolved:
            # While it is being looked at, a variable that goes into itself is none that is understood.
            self.resolved[variable] = None
            self.resolved[variable] = self._group(variable)
        return self.resolved[variable]

    def _group(self, variable):
        scope, name = variable
        if scope.is_class or name in self.escaped:
            return None
        group = None
        for place, node in self.uses.get(name, ()):
            if not place.is_in(scope):
                continue
            use, to = self.understood.get(id(node), (None, None))
            if use is None or use == _KEYS and not self.dicts.get(variable):
                return None
            if use == _INTO:
                to = self.group(to)
                if to is None:
                    return None
            if use in (_INTO, _GATHERED) and group is None:
                group = to
        return group


_NOTES = {
    ast.FunctionDef: Reading._function,
    ast.AsyncFunctionDef: Reading._async_function,
    ast.Lambda: Reading._lambda,
    ast.ClassDef: Reading._class,
    ast.arg: Reading._named,
    ast.ExceptHandler: Reading._named,
    ast.MatchAs: Reading._named,
    ast.MatchStar: Reading._named,
    ast.MatchMapping: Reading._named,
    ast.Global: Reading._declared,
    ast.Nonlocal: Reading._declared,
    ast.Import: Reading._import,
    ast.ImportFrom: Reading._import_from,
    ast.Call: Reading._call,
    ast.Await: Reading._await,
    ast.Assign: Reading._assignment,
    ast.AnnAssign: Reading._assignment,
    ast.AugAssign: Reading._assignment,
    ast.If: Reading._test,
    ast.IfExp: Reading._test,
    ast.While: Reading._test,
}

# The fields of each kind of node that hold nodes.
_fields = {}
_LEAVES = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop, ast.Constant)


def _children(node):
    kind = type(node)
    names = _fields.get(kind)
    if names is None:
        names = _fields[kind] = [name for name in kind._fields if name not in ("ctx", "op", "ops", "type_comment", "kind")]
    children = []
    for name in names:
        child = getattr(node, name)
        if type(child) is list:
            children += [one for one in child if isinstance(one, ast.AST) and type(one) is not ast.Constant]
        elif isinstance(child, ast.AST) and type(child) is not ast.Constant:
            children.append(child)
    return children


def rewrite(tree, servers):
    """Marks the calls to start, and lets every `await` take a plain value. `servers` are the names of servers."""
    reading = Reading(servers)
    reading.read(tree)
    for node, _scope in reading.awaits:
        if not reading.gives_awaitable(node.value):
            node.value = _wrapped(AWAIT, node.value)
    for to, call in reading.flows:
        group = reading.group(to) if type(to) is tuple else to
        if group is not None:
            _mark(call, group, reading)


def _mark(node, group, reading):
    if type(node) is not ast.Call or reading.gathers(node) is not None or reading.is_of_asyncio(node.func):
        return
    function = node.func
    if type(function) is ast.Name:
        if function.id == "map" and node.args:
            node.args[0] = _wrapped(START, node.args[0], ast.Constant(group))
            return
        if function.id in reading.functions or hasattr(builtins, function.id):
            return
    node.func = _wrapped(START, function, ast.Constant(group))


def _wrapped(name, node, *more):
    call = ast.Call(ast.Name(name, ast.Load()), [node, *more], [])
    for made in (call, call.func, *more):
        ast.copy_location(made, node)
    return call
