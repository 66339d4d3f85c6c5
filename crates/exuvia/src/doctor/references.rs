//! Variables that the configuration refers to and that are not set here.

use std::collections::BTreeMap;
use std::path::Path;

use exuvia_config::{Config, ConfigFile};

use super::finding::Finding;

/// How large a file may be, in bytes.
const FILE_BYTES: u64 = 16 << 20;
/// What a client asks its user for, and hands on.
const INPUT: &str = "EXUVIA_INPUT_";

/// Those with an empty default: without one the configuration is wrong, which is reported there. Blocks.
pub(super) fn references(config: &Config) -> Vec<Finding> {
    let files = config.files.iter().filter(|file| file.extension().is_some_and(|end| end == "toml"));
    let mut unset: BTreeMap<String, String> = BTreeMap::new();
    for file in files {
        let Ok(text) = ConfigFile::open(file).and_then(|opened| opened.text(FILE_BYTES)) else { continue };
        for name in empty(&text) {
            unset.entry(name).or_insert_with(|| place(file));
        }
    }
    unset.into_iter().map(|(name, place)| finding(name, &place)).collect()
}

fn place(file: &Path) -> String {
    file.display().to_string()
}

/// The variables of `${NAME:-}` that come to nothing, outside of comments.
fn empty(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let parts = lines.flat_map(|line| line.split("${").skip(1));
    let names = parts.filter_map(|part| part.split('}').next()?.strip_suffix(":-"));
    names
        .filter(|name| std::env::var(name).is_ok_and(|value| !value.is_empty()).eq(&false))
        .map(str::to_owned)
        .collect()
}

fn finding(name: String, place: &str) -> Finding {
    let finding = match name.starts_with(INPUT) {
        true => Finding::warning(
            "reference",
            format!("is not set here; the client that asks for it hands it on ({place})"),
            "for other clients and for this check, set the variable",
        ),
        false => Finding::warning(
            "reference",
            format!("is not set here, so it is empty ({place})"),
            "set the variable where the client is started, or write the value",
        ),
    };
    finding.named(name)
}
