//! The part of Python's type language that schemas need.

use std::collections::BTreeSet;

/// How many types a union has.
const MAX_MEMBERS: usize = 64;

/// How many literals.
const MAX_LITERALS: usize = 256;

/// A Python type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Type {
    /// Nothing is known.
    Any,
    None,
    Bool,
    Int,
    Float,
    Str,
    /// `list[..]`
    List(Box<Type>),
    /// `dict[str, ..]`
    Dict(Box<Type>),
    /// Python literals as they are written.
    Literal(Vec<String>),
    /// At least two types, none of them a union; `None` stands last.
    Union(Vec<Type>),
    /// A class of the scope, by its number.
    Class(usize),
}

impl Type {
    pub(crate) fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    pub(crate) fn dict(value: Self) -> Self {
        Self::Dict(Box::new(value))
    }

    /// What any of `types` may be, in the shortest form: literals together, what another one covers left out. More than
    /// [`MAX_MEMBERS`] are anything, more than [`MAX_LITERALS`] literals what they are literals of.
    pub(crate) fn union(types: Vec<Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        let mut literals: Vec<String> = Vec::new();
        for ty in types.into_iter().flat_map(Self::members) {
            match ty {
                Self::Literal(values) => {
                    for value in values {
                        if literals.len() == MAX_LITERALS {
                            let base = literal_base(&value);
                            flat.retain(|ty| *ty != base);
                            flat.push(base);
                        } else if !literals.contains(&value) {
                            literals.push(value);
                        }
                    }
                }
                ty if !flat.contains(&ty) => flat.push(ty),
                _ => {}
            }
            if flat.len() > MAX_MEMBERS {
                return Self::Any;
            }
        }
        if literals.len() == MAX_LITERALS {
            flat.extend(literals.iter().map(|literal| literal_base(literal)));
            flat = flat.into_iter().fold(Vec::new(), |mut once, ty| {
                if !once.contains(&ty) {
                    once.push(ty);
                }
                once
            });
        }
        if flat.contains(&Self::Any) {
            return Self::Any;
        }
        // A type checker takes an `int` where a `float` is wanted.
        if flat.contains(&Self::Float) {
            flat.retain(|ty| *ty != Self::Int);
        }
        literals.retain(|literal| !flat.contains(&literal_base(literal)));
        if !literals.is_empty() {
            flat.insert(0, Self::Literal(literals));
        }
        let has_none = flat.contains(&Self::None);
        flat.retain(|ty| *ty != Self::None);
        if has_none {
            flat.push(Self::None);
        }
        match flat.len() {
            0 => Self::Any,
            1 => flat.remove(0),
            _ => Self::Union(flat),
        }
    }

    /// The type without `None`, if that leaves anything.
    pub(crate) fn without_none(self) -> Self {
        match self {
            Self::Union(members) => Self::union(members.into_iter().filter(|member| *member != Self::None).collect()),
            other => other,
        }
    }

    fn members(self) -> Vec<Self> {
        match self {
            Self::Union(members) => members,
            other => vec![other],
        }
    }

    /// Calls `visit` with the number of each class that is named in the type.
    pub(crate) fn each_class(&self, visit: &mut impl FnMut(usize)) {
        match self {
            Self::List(inner) | Self::Dict(inner) => inner.each_class(visit),
            Self::Union(members) => members.iter().for_each(|member| member.each_class(visit)),
            Self::Class(id) => visit(*id),
            _ => {}
        }
    }
}

/// The type of a literal as it is written.
fn literal_base(literal: &str) -> Type {
    match literal.as_bytes().first() {
        Some(b'"') => Type::Str,
        Some(b'T' | b'F') => Type::Bool,
        Some(b'N') => Type::None,
        _ => Type::Int,
    }
}

/// How the names inside types are written in one file, and what has to be imported for that.
#[derive(Debug, Default)]
pub(crate) struct Spelling {
    /// Names of functions in the file: a builtin or a typing form of the same name needs its module in front.
    pub(crate) shadowed: BTreeSet<String>,
    /// What was used from `typing`.
    pub(crate) typing: BTreeSet<&'static str>,
    /// The modules that were named.
    pub(crate) modules: BTreeSet<&'static str>,
}

impl Spelling {
    /// The spelling of a builtin type.
    fn builtin(&mut self, name: &'static str) -> String {
        if !self.shadowed.contains(name) {
            return name.to_owned();
        }
        self.modules.insert("builtins");
        format!("builtins.{name}")
    }

    /// The spelling of something from `typing`.
    pub(crate) fn typing(&mut self, name: &'static str) -> String {
        if self.shadowed.contains(name) {
            self.modules.insert("typing");
            return format!("typing.{name}");
        }
        self.typing.insert(name);
        name.to_owned()
    }

    /// The type as it is written, with `class_name` for the names of classes.
    pub(crate) fn of(&mut self, ty: &Type, class_name: &impl Fn(usize) -> String) -> String {
        match ty {
            Type::Any => self.typing("Any"),
            Type::None => "None".to_owned(),
            Type::Bool => self.builtin("bool"),
            Type::Int => self.builtin("int"),
            Type::Float => self.builtin("float"),
            Type::Str => self.builtin("str"),
            Type::List(item) if **item == Type::Any => self.builtin("list"),
            Type::List(item) => format!("{}[{}]", self.builtin("list"), self.of(item, class_name)),
            Type::Dict(value) if **value == Type::Any => self.builtin("dict"),
            Type::Dict(value) => {
                let (dict, key) = (self.builtin("dict"), self.builtin("str"));
                format!("{dict}[{key}, {}]", self.of(value, class_name))
            }
            // No space behind the comma: that saves a token for each value.
            Type::Literal(values) => format!("{}[{}]", self.typing("Literal"), values.join(",")),
            Type::Union(members) => {
                let written: Vec<String> = members.iter().map(|member| self.of(member, class_name)).collect();
                written.join(" | ")
            }
            Type::Class(id) => class_name(*id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(ty: &Type) -> String {
        Spelling::default().of(ty, &|id| format!("C{id}"))
    }

    #[test]
    fn a_union_says_nothing_twice() {
        let literal = |text: &str| Type::Literal(vec![text.to_owned()]);
        assert_eq!(written(&Type::union(vec![Type::None, Type::Int, Type::Float, Type::Int])), "float | None");
        assert_eq!(written(&Type::union(vec![literal("\"a\""), literal("\"b\"")])), r#"Literal["a","b"]"#);
        assert_eq!(written(&Type::union(vec![literal("\"a\""), Type::Str])), "str");
        assert_eq!(written(&Type::union(vec![Type::Any, Type::Str])), "Any");
        let nested = Type::union(vec![Type::Union(vec![Type::Str, Type::None]), Type::list(Type::Class(3))]);
        assert_eq!(written(&nested), "str | list[C3] | None");
    }

    #[test]
    fn containers_of_anything_are_written_bare() {
        assert_eq!(written(&Type::list(Type::dict(Type::Any))), "list[dict]");
        assert_eq!(written(&Type::dict(Type::list(Type::Any))), "dict[str, list]");
    }

    #[test]
    fn a_shadowed_name_gets_its_module() {
        let mut spelling = Spelling { shadowed: ["list".to_owned(), "Any".to_owned()].into(), ..Spelling::default() };
        let ty = Type::Union(vec![Type::list(Type::Str), Type::Any]);
        assert_eq!(spelling.of(&ty, &|_| String::new()), "builtins.list[str] | typing.Any");
        assert_eq!(spelling.modules, ["builtins", "typing"].into());
    }
}
