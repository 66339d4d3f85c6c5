//! Shapes of answers, learned from what servers send and read from files.

use exuvia_shapes::{Learned, Shape, ToolKey, read, to_json};

/// The longest shape that is shown, in bytes.
const SHOWN_BYTES: usize = 600;

/// Whatever answers are, one a line, what is learned of them is shown in a short line; a file keeps it, and is read again whatever
/// it holds.
pub(super) fn answers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut shapes = [Shape::default(), Shape::default()];
    for (number, answer) in text.lines().enumerate() {
        shapes[number % 2].observe(answer);
    }
    let [mut both, other] = shapes;
    let seen = both.seen() + other.seen();
    both.merge(other);
    assert!(both.seen() == seen && seen <= text.lines().count() as u64);
    let mut learned = Learned::default();
    learned.add(ToolKey { server: "crm".into(), tool: "get".into(), schema: "0".into() }, both);
    is_kept(&learned);
    if let Ok(learned) = read(data) {
        is_kept(&learned);
    }
}

fn is_kept(learned: &Learned) {
    let again = read(to_json(learned).as_bytes()).expect("a file of shapes");
    assert_eq!(to_json(&read(to_json(&again).as_bytes()).expect("a file of shapes")), to_json(&again));
    assert_eq!(learned.len(), again.len());
    for (_, shape) in learned.iter().chain(again.iter()) {
        let shown = shape.to_string();
        assert!(shown.len() <= SHOWN_BYTES && !shown.contains(char::is_control), "{shown:?}");
    }
}
