//! Looks for secrets in whatever form they may have got out.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Secrets, each under a name, and every form of them that is looked for.
pub struct SecretSearch {
    secrets: Vec<(String, String)>,
}

impl SecretSearch {
    /// These secrets, each with its name.
    ///
    /// # Panics
    ///
    /// One of them is so short that it could be somewhere by chance.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let secrets: Vec<_> = secrets.into_iter().map(|(name, secret)| (name.into(), secret.into())).collect();
        for (name, secret) in &secrets {
            assert!(secret.len() >= 12, "{name} could be found by chance: {secret}");
        }
        Self { secrets }
    }

    /// Adds a secret.
    pub fn add(&mut self, name: &str, secret: &str) {
        self.secrets.push((name.to_owned(), secret.to_owned()));
    }

    /// Looks for how the same secrets begin, where what was written may have been cut off.
    #[must_use]
    pub fn of_heads(&self) -> Self {
        const HEAD: usize = 12;
        Self::new(
            self.secrets.iter().map(|(name, secret)| (format!("{name}, its first {HEAD} bytes"), &secret[..HEAD])),
        )
    }

    /// What is found in these bytes: the names of secrets, the forms, and what is around them.
    ///
    /// # Panics
    ///
    /// There are too many secrets to look for.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8]) -> Vec<String> {
        const AROUND: usize = 120;
        // Whatever was URL-encoded of it: encoders differ in what they leave as it is.
        let decoded = [bytes, &url_decoded(bytes)].concat();
        let bytes = &decoded[..];
        let named = self.secrets.iter().flat_map(|(name, secret)| {
            forms(secret).into_iter().map(move |(form, text)| (format!("{name}, {form}"), text))
        });
        let (names, texts): (Vec<String>, Vec<Vec<u8>>) = named.unzip();
        let searched = AhoCorasick::new(texts).expect("a searcher");
        let around = |start: usize, end: usize| {
            let part = &bytes[start.saturating_sub(AROUND)..bytes.len().min(end + AROUND)];
            String::from_utf8_lossy(part).into_owned()
        };
        let found = searched.find_iter(bytes);
        found.map(|at| format!("{}: {}", names[at.pattern().as_usize()], around(at.start(), at.end()))).collect()
    }
}

/// A secret as it is, and as it is commonly written.
fn forms(secret: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let hex = |of: fn(u8) -> String| bytes.iter().map(|byte| of(*byte)).collect::<String>();
    let mut all = vec![
        ("plain".to_owned(), secret.to_owned()),
        ("lower case".to_owned(), secret.to_ascii_lowercase()),
        ("upper case".to_owned(), secret.to_ascii_uppercase()),
        ("JSON".to_owned(), secret.replace('\\', "\\\\").replace('"', "\\\"")),
        ("JSON in JSON".to_owned(), secret.replace('\\', "\\\\\\\\").replace('"', "\\\\\\\"")),
        ("hex".to_owned(), hex(|byte| format!("{byte:02x}"))),
        ("upper-case hex".to_owned(), hex(|byte| format!("{byte:02X}"))),
    ];
    for (name, engine) in [("base64", STANDARD_NO_PAD), ("URL-safe base64", URL_SAFE_NO_PAD)] {
        all.extend((0..3).map(|offset| {
            let shifted = [&vec![0; offset][..], bytes].concat();
            let text = engine.encode(&shifted);
            // What the bytes before and after it have a part in is left out.
            let whole = shifted.len() * 8 / 6;
            (format!("{name} at {offset}"), text[(offset * 8).div_ceil(6)..whole].to_owned())
        }));
    }
    all.into_iter().map(|(form, text)| (form, text.into_bytes())).collect()
}

/// The bytes with `%xx` decoded wherever it stands.
fn url_decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut decoded, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some((&first, after)) = rest.split_first() {
        let encoded = match (first, after) {
            (b'%', [high, low, ..]) => digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        decoded.push(encoded.unwrap_or(first));
        rest = if encoded.is_some() { &after[2..] } else { after };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_nothing_else_is() {
        let secret = "k4n+arie/\"of=a?mine";
        let search = SecretSearch::new([("mine", secret)]);
        let json = serde_json::Value::from(secret).to_string();
        for written in [
            secret.to_owned(),
            format!("bearer {}!", secret.to_ascii_lowercase()),
            json.clone(),
            serde_json::Value::from(json).to_string(),
            "6b346e2b617269652f226f663d613f6d696e65".to_owned(),
            "6B346E2B617269652F226F663D613F6D696E65".to_owned(),
            "k4n%2Barie%2F%22of%3Da%3Fmine".to_owned(),
            "k4n%2barie%2f%22of%3da%3fmine".to_owned(),
            "k4n%2Barie/\"of=a?mine".to_owned(),
            "%6b4n+arie/%22of=a?m%69ne".to_owned(),
            "azRuK2FyaWUvIm9mPWE%2FbWluZQ%3D%3D".to_owned(),
            "azRuK2FyaWUvIm9mPWE/bWluZQ==".to_owned(),
            "azRuK2FyaWUvIm9mPWE_bWluZQ".to_owned(),
        ] {
            assert!(!search.found_in(written.as_bytes()).is_empty(), "{written}");
        }
        for before in ["", "a", "ab", "abc", "user:", "user:p"] {
            for after in ["", "z", "zy", "zyx"] {
                let written = STANDARD_NO_PAD.encode(format!("{before}{secret}{after}"));
                assert!(!search.found_in(written.as_bytes()).is_empty(), "{before} {after}: {written}");
            }
        }
        assert!(search.found_in(b"k4n+arie/of=a?mine k4narie 6b346e2b617269652f22").is_empty());
    }
}
