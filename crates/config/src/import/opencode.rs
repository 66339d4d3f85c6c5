//! opencode puts variables and whole files into its configuration: `{env:NAME}` and `{file:PATH}`.

use std::collections::BTreeMap;
use std::path::Path;

use super::{ReadFile, text};
use crate::builder::ConfigBuilder;
use crate::{ConfigError, Environment};

const FILE: &str = "{file:";

/// What the files hold that a configuration names.
#[derive(Default)]
pub(super) struct Files(BTreeMap<String, String>);

impl Files {
    /// Reads them, from the folder of the configuration. What cannot be read is reported, and the server that needs it is skipped.
    pub(super) fn of(config: &str, file: &Path, environment: Environment<'_>, builder: &mut ConfigBuilder) -> Self {
        let mut files = BTreeMap::new();
        for line in config.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for part in line.split(FILE).skip(1) {
                let Some((name, _)) = part.split_once('}') else { continue };
                if files.contains_key(name) {
                    continue;
                }
                let home = || (environment.variable)("HOME");
                let path = match name.strip_prefix("~/").and_then(|rest| Some((home()?, rest))) {
                    Some((home, rest)) => Path::new(&home).join(rest),
                    None => file.parent().unwrap_or(file).join(name),
                };
                let (before, name) = (builder.errors.len(), name.to_owned());
                match text(&path, builder) {
                    ReadFile::Text(text) => drop(files.insert(name, text.trim().to_owned())),
                    ReadFile::Absent => {
                        let message = format!("{}: no such file", path.display());
                        builder.config.notices.push(ConfigError::of_file(file.display().to_string(), message));
                    }
                    ReadFile::Unusable => {
                        let errors: Vec<_> = builder.errors.drain(before..).collect();
                        builder.config.notices.extend(errors);
                    }
                }
            }
        }
        Self(files)
    }

    /// What `${file:PATH}` stands for.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        name.strip_prefix("file:").and_then(|path| self.0.get(path)).cloned()
    }
}

/// The text with references as they are written elsewhere.
pub(super) fn translated(config: &str) -> String {
    config.replace("{env:", "${env:").replace(FILE, "${file:")
}
