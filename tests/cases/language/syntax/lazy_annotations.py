#: outcome: returned
#: result: ["y", "Node"]
import annotationlib

class Node:
    next: Node
    later: Undefined

forms = annotationlib.get_annotations(Node, format=annotationlib.Format.STRING)
def f(y: int): ...
result = [next(iter(f.__annotations__)), forms["next"]]
