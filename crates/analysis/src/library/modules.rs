//! The standard library, module by module.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

static MODULES: LazyLock<HashMap<&'static str, HashSet<&'static str>>> = LazyLock::new(|| {
    let mut modules: HashMap<&str, HashSet<&str>> = HashMap::new();
    let mut module = "";
    for line in include_str!("modules.txt").lines().filter(|line| !line.starts_with('#')) {
        let names = match line.split_once(':') {
            Some((name, names)) => {
                module = name;
                names
            }
            None => line,
        };
        modules.entry(module).or_default().extend(names.split_ascii_whitespace());
    }
    modules
});

/// Modules of the sandbox itself. They talk to the host.
const SANDBOX: &[&str] =
    &["componentize_py_async_support", "componentize_py_runtime", "componentize_py_types", "poll_loop", "wit_world"];

/// What a name in a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    /// Another module that is known.
    Module,
    /// Something harmless.
    Value,
    /// `dataclasses.dataclass`: writes code with the names of the fields in it. Harmless on a class statement, whose
    /// fields are identifiers.
    Dataclass,
    /// `dataclasses.field`: makes what `dataclass` reads. Harmless as the value of a field in a class statement.
    Field,
    /// `functools.wraps`: copies attributes, and by text if it is told which. Harmless with nothing but a function, as the
    /// decorator of another.
    Wraps,
    /// `typing.TypedDict`: makes fields of any text. Harmless as a base.
    TypedDict,
    /// `operator.attrgetter` and `operator.methodcaller`: take attributes by text.
    AttributeTaker,
    /// `abc.ABCMeta` and `enum.EnumType`: make classes of any dict. Harmless behind `metaclass=`.
    Metaclass,
    /// `typing.Type`: a base, and much else, that stands for `type`. Harmless in an annotation.
    Type,
    /// `enum.Enum` and its kin: make classes of any dict. Harmless as the base of a class with members.
    Enum,
    /// `contextlib.redirect_stdout`: swaps whatever part of `sys` it is told to, and keeps what was there. Harmless behind
    /// `with`.
    Redirection,
    /// Anything else: it may reach everything.
    Unknown,
}

/// Whether `module`, dotted, is part of the standard library as far as it is known.
pub(crate) fn is_module(module: &str) -> bool {
    MODULES.contains_key(module)
}

/// Whether `module` belongs to the sandbox or to the insides of the standard library, where a script has no business.
pub(crate) fn is_inside_sandbox(module: &str) -> bool {
    let top = module.split('.').next().unwrap_or_default();
    top.starts_with('_') || SANDBOX.contains(&top)
}

/// What `name` is in a module that is known.
pub(crate) fn member(module: &str, name: &str) -> Member {
    match (module, name) {
        ("dataclasses", "dataclass") => Member::Dataclass,
        ("dataclasses", "field") => Member::Field,
        ("functools", "wraps") => Member::Wraps,
        ("typing", "TypedDict") => Member::TypedDict,
        ("operator", "attrgetter" | "methodcaller") => Member::AttributeTaker,
        ("abc", "ABCMeta") | ("enum", "EnumMeta" | "EnumType") => Member::Metaclass,
        ("typing", "Type") => Member::Type,
        ("enum", "Enum" | "Flag" | "IntEnum" | "IntFlag" | "ReprEnum" | "StrEnum") => Member::Enum,
        ("contextlib", "redirect_stderr" | "redirect_stdout") => Member::Redirection,
        _ if MODULES.get(module).is_some_and(|names| names.contains(name)) => Member::Value,
        _ if is_module(&format!("{module}.{name}")) => Member::Module,
        _ => Member::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_have_the_names_of_their_lines_and_no_others() {
        assert_eq!(member("json", "dumps"), Member::Value);
        assert_eq!(member("typing", "Union"), Member::Value);
        assert_eq!(member("os", "path"), Member::Module);
        assert_eq!(member("urllib", "parse"), Member::Module);
        assert_eq!(member("json", "codecs"), Member::Unknown);
        assert!(is_module("xml.etree.ElementTree") && is_module("subprocess") && !is_module("pandas"));
    }

    #[test]
    fn nothing_that_runs_text_or_hands_out_frames_is_listed() {
        let reaching = [
            ("typing", "get_type_hints"),
            ("functools", "singledispatch"),
            ("dataclasses", "make_dataclass"),
            ("sys", "modules"),
            ("sys", "_getframe"),
            ("gc", "get_objects"),
            ("inspect", "currentframe"),
            ("traceback", "walk_tb"),
            ("string", "Formatter"),
            ("types", "FunctionType"),
            ("importlib", "import_module"),
            ("timeit", "timeit"),
            ("pickle", "loads"),
            ("pkgutil", "resolve_name"),
            ("threading", "settrace"),
            ("unittest", "mock"),
        ];
        for (module, name) in reaching {
            assert_eq!(member(module, name), Member::Unknown, "{module}.{name}");
        }
    }

    #[test]
    fn no_module_is_listed_as_a_harmless_name() {
        // These are called like a module, and are a class or a function.
        let alike = [
            "array", "bisect", "calendar", "copy", "datetime", "decimal", "fnmatch", "platform", "pprint", "random",
            "shlex", "time",
        ];
        for (module, names) in MODULES.iter() {
            for name in names {
                let is_top = is_module(name) && !alike.contains(name);
                assert!(
                    !name.starts_with('_') && !is_module(&format!("{module}.{name}")) && !is_top,
                    "{module}.{name}"
                );
            }
        }
    }
}
