//! JSON that takes far more memory as a tree than as text.

/// The shapes of it.
pub(super) const SHAPES: [&str; 7] = ["numbers", "empty", "nested", "pairs", "members", "escapes", "text"];

/// A value of one of these shapes that is about so long.
pub(super) fn value(shape: &str, bytes: usize) -> String {
    match shape {
        "numbers" => list("1", bytes),
        "empty" => list("{}", bytes),
        "nested" => list(&format!("{}{}", "[".repeat(100), "]".repeat(100)), bytes),
        "pairs" => list(r#"{"a":1}"#, bytes),
        "members" => {
            let members: Vec<String> = (0..bytes / 13).map(|number| format!("\"m{number:07}\":1")).collect();
            format!("{{{}}}", members.join(","))
        }
        "escapes" => format!("\"{}\"", r"A\n".repeat(bytes / 3)),
        _ => format!("\"{}\"", "y".repeat(bytes)),
    }
}

fn list(element: &str, bytes: usize) -> String {
    let elements = vec![element; bytes / (element.len() + 1)];
    format!("[{}]", elements.join(","))
}
