//! Attributes that lead from a value to its class, module, frame or globals.

use crate::facts::is_special;

/// Whether `value.name`, followed by `.next` if there is one, may reach any tool, whatever the value is.
pub(crate) fn attribute_reaches_everything(name: &str, next: Option<&str>) -> bool {
    if name == "__class__" {
        return !matches!(next, Some("__name__" | "__qualname__" | "__module__"));
    }
    if is_special(name) {
        return !HARMLESS.contains(&name);
    }
    REACHING.binary_search(&name).is_ok()
}

/// Whether a script may give this special name a meaning of its own.
pub(crate) fn may_define(name: &str) -> bool {
    HARMLESS.contains(&name) || DEFINABLE.contains(&name)
}

/// Whether code that sets this attribute on any value, as a frozen dataclass has it for each of its fields, can make a call
/// of one tool a call of another.
pub(crate) fn renames_tools(name: &str) -> bool {
    matches!(name, "_name" | "_server_name")
}

/// Special attributes that give text, or do what an operator or a statement does.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "__abs__", "__add__", "__aenter__", "__aexit__", "__aiter__", "__and__", "__anext__", "__await__", "__bool__",
    "__bytes__", "__call__", "__cause__", "__complex__", "__contains__", "__context__", "__delitem__", "__divmod__",
    "__doc__", "__enter__", "__eq__", "__exit__", "__float__", "__floordiv__", "__format__", "__ge__", "__getitem__",
    "__gt__", "__hash__", "__iadd__", "__iand__", "__init__", "__init_subclass__", "__int__", "__invert__", "__ior__",
    "__isub__", "__iter__", "__le__", "__len__", "__lshift__", "__lt__", "__matmul__", "__members__", "__mod__",
    "__module__", "__mul__", "__name__", "__ne__", "__neg__", "__new__", "__next__", "__notes__", "__or__", "__pos__",
    "__post_init__", "__pow__", "__qualname__", "__radd__", "__rand__", "__repr__", "__reversed__", "__rmul__",
    "__ror__", "__round__", "__rshift__", "__rsub__", "__rtruediv__", "__rxor__", "__setitem__", "__str__", "__sub__",
    "__suppress_context__", "__traceback__", "__truediv__", "__xor__",
];

/// Special names that a class may define: Python calls them, and what they do stands in the script. What `copy` asks for
/// by `__reduce__` and `__getstate__` is another matter: it sets attributes by text, on whatever it is given.
#[rustfmt::skip]
const DEFINABLE: &[&str] = &[
    "__all__", "__author__", "__ceil__", "__class_getitem__", "__copy__", "__deepcopy__", "__del__", "__delattr__",
    "__delete__", "__dir__", "__floor__", "__fspath__", "__get__", "__getattr__", "__getattribute__", "__ifloordiv__",
    "__ilshift__", "__imatmul__", "__imod__", "__imul__", "__index__", "__ipow__", "__irshift__", "__itruediv__",
    "__ixor__", "__length_hint__", "__missing__", "__rdivmod__", "__replace__", "__rfloordiv__", "__rlshift__",
    "__rmatmul__", "__rmod__", "__rpow__", "__rrshift__", "__set__", "__set_name__", "__setattr__", "__setstate__",
    "__sizeof__", "__slots__", "__trunc__", "__version__",
];

/// Attributes without two underscores around them that hand out frames, code, modules or tables of names, run text, make
/// one value pass for another, or make classes of any dict; sorted by byte. Among them `obj`: an AttributeError keeps what
/// it was raised for, and a format string can be made to raise one for anything. `register`: what is registered with a
/// class passes for its instance, and a pattern then reads attributes whose names no script spells. `evaluate`: the text in
/// an annotation. `_convert_`, `_member_map_` and their like: an enumeration is made of a module, or of any dict.
/// `os`: the one module to which paths lead.
#[rustfmt::skip]
const REACHING: &[&str] = &[
    "ABCMeta", "EnumMeta", "EnumType", "Formatter", "ForwardRef", "FunctionType", "InteractiveConsole",
    "InteractiveInterpreter", "TypedDict", "_add_alias_", "_add_member_", "_convert_", "_create_", "_current_frames",
    "_get_mixins_", "_getframe", "_getframemodulename", "_member_map_", "_member_names_", "_sys", "ag_code",
    "ag_frame", "attrgetter", "builtins", "cell_contents", "cr_code", "cr_frame", "currentframe", "dataclass", "eval",
    "evaluate", "evaluate_forward_ref", "exec", "f_back", "f_builtins", "f_code", "f_generator", "f_globals",
    "f_locals", "f_trace", "find_spec", "func_globals", "get_annotations", "get_field", "get_objects", "get_origin",
    "get_overloads", "get_referents", "get_referrers", "get_stack", "get_type_hints", "getattr_static",
    "getinnerframes", "getmembers", "getmembers_static", "getouterframes", "gi_code", "gi_frame", "import_module",
    "importlib", "inspect", "load_module", "make_dataclass", "meta_path", "methodcaller", "modules", "mro",
    "new_class", "obj", "os", "path_hooks", "register", "resolve_name", "run_module", "run_path", "runcode", "runctx",
    "runpy", "runsource", "set_trace", "setprofile", "settrace", "sys", "tb_frame", "tb_next", "walk_stack", "walk_tb",
    "wit_world", "wraps",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted() {
        assert!(REACHING.is_sorted());
        assert!(attribute_reaches_everything("f_globals", None) && !attribute_reaches_everything("items", None));
    }

    #[test]
    fn the_class_of_a_value_may_be_named_and_nothing_else() {
        assert!(!attribute_reaches_everything("__class__", Some("__name__")));
        assert!(attribute_reaches_everything("__class__", Some("__base__")));
        assert!(attribute_reaches_everything("__class__", None));
    }

    #[test]
    fn what_python_looks_up_by_text_cannot_be_defined() {
        for name in
            ["__match_args__", "__annotations__", "__annotate__", "__prepare__", "__instancecheck__", "__class__"]
        {
            assert!(!may_define(name), "{name}");
        }
        assert!(may_define("__init__") && may_define("__slots__"));
    }
}
