#: outcome: returned
#: result: [3, 5, 7, "ast", [1, 4]]
import ast

space = {}
exec("def f(x):\n    return x + 1", space)
code = compile("a + b", "<made>", "eval")
tree = ast.parse("1 + 2 * 3", mode="eval")
assert type("Made", (), {"x": 1}).x == 1
result = [eval("1 + 2"), space["f"](4), eval(compile(tree, "<tree>", "eval")), ast.__name__,
          [eval(f"{n} ** 2") for n in (1, 2)]]
