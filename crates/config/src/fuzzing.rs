//! The parser of `exuvia.toml` as a function of bytes, for `exuvia-fuzz`. No part of the interface.

use std::path::Path;

use crate::builder::ConfigBuilder;
use crate::{Environment, exuvia_toml, summary};

/// No file makes the program panic, and every error can be rendered.
///
/// # Panics
///
/// It does, or it cannot.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let variable = |_: &str| Some("value".to_owned());
    let environment = Environment { variable: &variable, token_dir: None };
    let mut found = ConfigBuilder::default();
    exuvia_toml::file(text, "exuvia.toml", Path::new("/nonexistent"), environment, &mut found);
    match found.finish(&[]) {
        Ok(config) => drop(summary(&config)),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
}
