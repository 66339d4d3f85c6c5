//! The parser of `exuvia.toml` as a function of bytes, for `exuvia-fuzz`. No part of the interface.

use std::path::Path;

use crate::found::Found;
use crate::{Environment, exuvia_toml, summary};

/// No file makes the program panic, and what is wrong with it can be told.
///
/// # Panics
///
/// It does, or it cannot.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let variable = |_: &str| Some("value".to_owned());
    let environment = Environment { variable: &variable, token_dir: None };
    let mut found = Found::default();
    exuvia_toml::file(text, "exuvia.toml", Path::new("/nonexistent"), environment, &mut found);
    match found.finish(&[]) {
        Ok(config) => drop(summary(&config)),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
}
