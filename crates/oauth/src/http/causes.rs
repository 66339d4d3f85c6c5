//! Descriptions of connection errors.

use std::error::Error;

/// How much of foreign text is repeated to the operator.
const QUOTE_BYTES: usize = 512;

/// Text of a server, short and without anything that a terminal obeys.
pub fn quote(text: &str) -> String {
    let text = exuvia_text::one_line(text, QUOTE_BYTES);
    text[..text.floor_char_boundary(QUOTE_BYTES)].to_owned()
}

/// An error and its causes, in one line. The reason that a peer gives when it closes a connection is left out.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    let told = chain.map(|error| match error.downcast_ref::<h2::Error>() {
        Some(error) => match error.reason() {
            Some(reason) => format!("HTTP/2 ended with {reason:?}"),
            None => "HTTP/2 ended".to_owned(),
        },
        None => error.to_string(),
    });
    quote(&told.collect::<Vec<_>>().join(": "))
}
