//! The contract in `wit/`: within one version it only grows.

use std::collections::BTreeMap;
use std::fs;

use exuvia_tests::{data, files, here};
use wit_parser::{Function, Handle, Resolve, Stability, Type, TypeDefKind, TypeOwner, WorldItem};

/// What a contract has: each item under its name, with its form and the version since which it is there.
type Items = BTreeMap<String, (String, String)>;

struct Contract {
    version: String,
    items: Items,
}

impl Contract {
    fn read(text: &str) -> Self {
        let mut resolve = Resolve::default();
        let package = resolve.push_source("sandbox.wit", text).expect("WIT");
        let version = resolve.packages[package].name.version.as_ref().expect("a version").to_string();
        let mut items = Items::new();
        for (_, interface) in &resolve.interfaces {
            let name = interface.name.clone().expect("a name");
            items.insert(name.clone(), ("interface".into(), since(&interface.stability)));
            for (function, form) in &interface.functions {
                items.insert(format!("{name}.{function}"), (signature(&resolve, form), since(&form.stability)));
            }
        }
        for (_, definition) in &resolve.types {
            let Some(name) = &definition.name else { continue };
            let owner = match definition.owner {
                TypeOwner::Interface(id) => resolve.interfaces[id].name.clone().expect("a name"),
                TypeOwner::World(id) => format!("world {}", resolve.worlds[id].name),
                TypeOwner::None => continue,
            };
            items.insert(format!("{owner}.{name}"), (kind(&resolve, &definition.kind), since(&definition.stability)));
        }
        for (_, world) in &resolve.worlds {
            let world_name = format!("world {}", world.name);
            items.insert(world_name.clone(), ("world".into(), since(&world.stability)));
            for (way, all) in [("imports", &world.imports), ("exports", &world.exports)] {
                for (key, item) in all {
                    let (form, stability) = match item {
                        WorldItem::Interface { stability, .. } => ("interface".into(), stability),
                        WorldItem::Function(function) => (signature(&resolve, function), &function.stability),
                        // Found among the types as well.
                        WorldItem::Type { .. } => continue,
                    };
                    let name = format!("{world_name} {way} {}", resolve.name_world_key(key));
                    items.insert(name.replace(&format!("@{version}"), ""), (form, since(stability)));
                }
            }
        }
        Self { version, items }
    }
}

fn since(stability: &Stability) -> String {
    match stability {
        Stability::Stable { since, .. } => since.to_string(),
        other => format!("{other:?}"),
    }
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameters = function.params.iter().map(|one| format!("{}: {}", one.name, name(resolve, &one.ty)));
    let result = function.result.as_ref().map_or("nothing".into(), |result| name(resolve, result));
    let way = if function.kind.is_async() { "async func" } else { "func" };
    format!("{way}({}) -> {result}", parameters.collect::<Vec<_>>().join(", "))
}

fn name(resolve: &Resolve, one: &Type) -> String {
    match one {
        Type::Id(id) => {
            let definition = &resolve.types[*id];
            definition.name.clone().unwrap_or_else(|| kind(resolve, &definition.kind))
        }
        primitive => format!("{primitive:?}").to_lowercase(),
    }
}

fn kind(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let of = |one: &Type| name(resolve, one);
    let maybe = |one: &Option<Type>| one.as_ref().map_or("_".into(), of);
    let list = |names: Vec<String>| names.join(", ");
    match kind {
        TypeDefKind::Record(record) => {
            format!(
                "record {{{}}}",
                list(record.fields.iter().map(|field| format!("{}: {}", field.name, of(&field.ty))).collect())
            )
        }
        TypeDefKind::Variant(variant) => {
            format!(
                "variant {{{}}}",
                list(variant.cases.iter().map(|case| format!("{}({})", case.name, maybe(&case.ty))).collect())
            )
        }
        TypeDefKind::Enum(cases) => {
            format!("enum {{{}}}", list(cases.cases.iter().map(|case| case.name.clone()).collect()))
        }
        TypeDefKind::Flags(flags) => {
            format!("flags {{{}}}", list(flags.flags.iter().map(|flag| flag.name.clone()).collect()))
        }
        TypeDefKind::Resource => "resource".into(),
        TypeDefKind::Handle(Handle::Own(id)) => {
            format!("own<{}>", resolve.types[*id].name.as_deref().unwrap_or_default())
        }
        TypeDefKind::Handle(Handle::Borrow(id)) => {
            format!("borrow<{}>", resolve.types[*id].name.as_deref().unwrap_or_default())
        }
        TypeDefKind::Option(one) => format!("option<{}>", of(one)),
        TypeDefKind::List(one) => format!("list<{}>", of(one)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err)),
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", list(tuple.types.iter().map(of).collect())),
        TypeDefKind::Type(one) => format!("type {}", of(one)),
        other => panic!("{} is not in the contract yet: say here how it is written", other.as_str()),
    }
}

/// The numbers of a version.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|number| number.parse().expect("a number")).collect()
}

/// What the contract breaks of an earlier text of the same compatible version.
fn broken(frozen: &Contract, current: &Contract) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, (form, _)) in &frozen.items {
        match current.items.get(name) {
            None => wrong.push(format!("{name} is gone")),
            Some((now, _)) if now != form => wrong.push(format!("{name} was `{form}` and is `{now}`")),
            Some(_) => {}
        }
    }
    for (name, (_, since)) in &current.items {
        let is_number = since.split('.').all(|number| number.parse::<u64>().is_ok());
        if !is_number {
            wrong.push(format!("{name} does not say since when it is there (@since)"));
        } else if numbers(since) > numbers(&current.version) {
            wrong.push(format!("{name} is there since {since}, which is later than {}", current.version));
        } else if !frozen.items.contains_key(name) && numbers(since) <= numbers(&frozen.version) {
            wrong.push(format!("{name} is new and says that it is there since {since}"));
        }
    }
    wrong
}

fn current() -> String {
    fs::read_to_string(here().join("../wit/sandbox.wit")).expect("wit/sandbox.wit")
}

fn frozen() -> Contract {
    let version = Contract::read(&current()).version;
    let line = &numbers(&version)[..2];
    let texts = files("wit", "wit").into_iter().map(|file| Contract::read(&fs::read_to_string(file).expect("frozen")));
    let same = texts.filter(|text| &numbers(&text.version)[..2] == line);
    let latest = same.max_by_key(|text| numbers(&text.version));
    latest.unwrap_or_else(|| panic!("no frozen text of {version}: copy wit/sandbox.wit to {}", data("wit").display()))
}

#[test]
fn the_contract_only_grows() {
    let wrong = broken(&frozen(), &Contract::read(&current()));
    assert!(wrong.is_empty(), "{wrong:#?}: a change that hosts cannot bear needs another version");
}

#[test]
fn the_changelog_has_the_version_of_the_contract() {
    let changelog = fs::read_to_string(here().join("../wit/CHANGELOG.md")).expect("wit/CHANGELOG.md");
    let version = Contract::read(&current()).version;
    assert!(changelog.contains(&format!("\n## {version}\n")), "{version}");
}

#[test]
fn what_breaks_hosts_is_found() {
    let (frozen, text) = (frozen(), current());
    let changes = [
        ("    search: func(query: string) -> string;", "", "tools.search is gone"),
        ("query: string) -> string", "query: string, most: u32) -> string", "tools.search was `func(query: string)"),
        (
            "enum stream-name { stdout, stderr }",
            "enum stream-name { stdout, stderr, trace }",
            "output.stream-name was `enum",
        ),
        ("        required: bool,", "", "tools.parameter was `record"),
        (
            "        result-too-large(u64),",
            "        result-too-large(u64),\n        lost,",
            "world sandbox.outcome was `variant",
        ),
        ("    import meter;", "", "world sandbox imports exuvia:sandbox/meter is gone"),
        (
            "    script-ended: func();",
            "    script-ended: func();\n    again: func();",
            "tools.again does not say since when",
        ),
        (
            "    script-ended: func();",
            "    script-ended: func();\n    @since(version = 0.3.0)\n    again: func();",
            "tools.again is new and says",
        ),
    ];
    for (before, after, expected) in changes {
        assert!(text.contains(before), "{before}");
        // A gate without its item would be the next item's.
        let text = match after {
            "" => text
                .replace(&format!("@since(version = 0.3.0)\n{before}"), "")
                .replace(&format!("    @since(version = 0.3.0)\n{before}"), "")
                .replace(before, ""),
            after => text.replace(before, after),
        };
        let wrong = broken(&frozen, &Contract::read(&text));
        assert!(wrong.iter().any(|wrong| wrong.starts_with(expected)), "{expected}: {wrong:?}");
    }
    let grown = text.replace("sandbox@0.3.0", "sandbox@0.3.1").replace(
        "    script-ended: func();",
        "    script-ended: func();\n    @since(version = 0.3.1)\n    again: func();",
    );
    assert_eq!(broken(&frozen, &Contract::read(&grown)), Vec::<String>::new());
}
