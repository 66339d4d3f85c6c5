# What each script needs to know: `data` is a list of {"script", "servers", "missing"}. Servers by their Python names.
import ast
import re

SQL = set(
    "select from where and or not in is null as on by order group having limit offset insert into values update set "
    "delete join left inner outer distinct case when then else end asc desc like between count sum avg min max round "
    "create table integer text real primary key exists union all with lower upper coalesce date strftime".split()
)


def tool_call(node, servers):
    """The server and the tool of a call, if it is one."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=server), attr=tool)) if server in servers:
            return server, tool
    return None


def keys_of(node):
    """The texts by which a part of an answer is reached."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return [key]
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_]):
            return [key]
    return []


def is_sql(text):
    return text.lstrip().lower().startswith(("select ", "insert ", "update ", "delete "))


def sql_words(text):
    """The names in a query, without those that it gives itself."""
    words = "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
    own = {word for before, word in zip(words, words[1:]) if before.lower() == "as"}
    quoted = {word for part in text.split("'")[1::2] for word in part.replace("-", " ").split()}
    names = [word for word in words if word.lower() not in SQL and not word[0].isdigit() and len(word) > 2]
    return [word for word in names if word not in own and word not in quoted], own


def literals(value):
    """Words that a script must have read somewhere: not prose, patterns and times, which the model writes itself."""
    # Keys are looked at as such.
    slices = {id(node.slice) for node in ast.walk(value) if isinstance(node, ast.Subscript)}
    for node in ast.walk(value):
        if id(node) in slices:
            continue
        match node:
            case ast.Constant(value=str(text)) if is_sql(text):
                yield from sql_words(text)[0]
            case ast.Constant(value=str(text)) if not any(c.isspace() or c in ":*?<>=" for c in text):
                # A folder stands before a name, a comma between two.
                if word := text.strip("/.,- "):
                    yield word


def pattern_words(pattern):
    """The words of a regular expression that stand for themselves: what a text must be known to have."""
    plain = re.sub(r"\[[^]]*\]|\\[a-zA-Z]", " ", pattern.replace(r"\[", " ").replace(r"\]", " "))
    return [word for word in re.findall(r"[A-Za-z_]+", plain) if len(word) > 2]


def formats(node):
    """The words by which a script takes a text apart."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=[ast.Constant(value=str(pattern)), *_]):
            return pattern_words(pattern)
    return []


def needs(tree, servers):
    tools, keys, values, own, texts = {}, [], [], set(), []
    for node in ast.walk(tree):
        if found := tool_call(node, servers):
            keywords = tools.setdefault(found, [])
            for keyword in node.keywords:
                if keyword.arg and keyword.arg not in keywords:
                    keywords.append(keyword.arg)
                for word in literals(keyword.value):
                    if word not in values:
                        values.append(word)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and is_sql(node.value):
            # The columns that a query names are keys of its rows.
            own |= set(sql_words(node.value)[0]) | sql_words(node.value)[1]
        else:
            keys += [key for key in keys_of(node) if key not in keys]
            texts += [word for word in formats(node) if word not in texts]
    tools = [{"server": server, "tool": tool, "keywords": keywords} for (server, tool), keywords in tools.items()]
    return {"tools": tools, "keys": [key for key in keys if key not in own], "values": values, "texts": texts}


def bound_in(statement):
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def loops(statement):
    """The target and the source of every loop in a statement."""
    for node in ast.walk(statement):
        match node:
            case ast.For(target=target, iter=items) | ast.comprehension(target=target, iter=items):
                yield target, items


def names_in(node):
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def first_turn(source, statement, call, bound):
    """A call of a tool in a loop, for the first of what the loop goes over."""
    needed = names_in(call) & bound
    for target, items in loops(statement):
        if needed and needed <= names_in(target) and not names_in(items) & bound:
            parts = [ast.get_source_segment(source, part) for part in (target, items, call)]
            return "for {} in {}:\n    result = {}\n    break".format(*parts)
    return None


def without(call, bound):
    """The call without the keywords that are not known before its loop: the first page."""
    kept = [keyword for keyword in call.keywords if not names_in(keyword) & bound]
    if len(kept) == len(call.keywords) or any(names_in(one) & bound for one in call.args):
        return None
    return ast.unparse(ast.Call(func=call.func, args=call.args, keywords=kept))


def shown_by(source, statement, servers, missing, bound):
    """What shows the missing keys: a call of a tool in this statement."""
    taken = [node for node in ast.walk(statement) if any(key in missing for key in keys_of(node))]
    # A call that is given what is missing does not show it.
    calls = [node for node in ast.walk(statement) if tool_call(node, servers)]
    calls = [call for call in calls if not any(node in taken for node in ast.walk(call))]
    direct = [call for node in taken for call in ast.walk(node) if tool_call(call, servers)]
    for call in direct:
        if found := first_turn(source, statement, call, bound):
            return found
    for call in calls:
        if not names_in(call) & bound:
            return f"result = {ast.get_source_segment(source, call)}"
    for call in calls:
        if found := first_turn(source, statement, call, bound):
            return found
    for call in calls:
        if found := without(call, bound):
            return f"result = {found}"
    return None


def look(source, tree, servers, missing):
    """The script up to where the first missing key is used, with what it would be taken from as the result."""
    for place, statement in enumerate(tree.body):
        if not any(key in missing for node in ast.walk(statement) for key in keys_of(node)):
            continue
        before = tree.body[:place]
        prefix = [ast.get_source_segment(source, one) for one in before]
        bound = bound_in(statement) - {name for one in before for name in bound_in(one)}
        if found := shown_by(source, statement, servers, missing, bound):
            return "\n".join([*prefix, found])
        for one in reversed(before):
            match one:
                case ast.Assign(targets=[ast.Name(id=name)]):
                    return "\n".join([*prefix, f"result = {name}"])
    return None


result = []
for one in data:
    tree = ast.parse(one["script"])
    found = needs(tree, set(one["servers"]))
    found["look"] = look(one["script"], tree, set(one["servers"]), set(one["missing"])) if one["missing"] else None
    result.append(found)
