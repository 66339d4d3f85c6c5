//! Text that is rendered when it is first read.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

type Make = Box<dyn FnOnce() -> String + Send + Sync>;

/// A text that is made once, when it is first read. Clones share it.
///
/// ```
/// use exuvia_tool::LazyText;
///
/// let text = LazyText::new(|| "ping() -> str".to_owned());
/// assert!(text.starts_with("ping("));
/// ```
#[derive(Clone)]
pub struct LazyText(Arc<LazyLock<String, Make>>);

impl LazyText {
    /// The text that `make` will give.
    pub fn new(make: impl FnOnce() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(make))))
    }
}

impl Deref for LazyText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<String> for LazyText {
    fn from(text: String) -> Self {
        Self::new(move || text)
    }
}

impl From<&str> for LazyText {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl PartialEq<&str> for LazyText {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for LazyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// Does not make it.
impl fmt::Debug for LazyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LazyText")
    }
}
