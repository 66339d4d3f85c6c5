//! What is no text in a result: base64 of anything, and images, which clients show.

use super::outline::{Node, content};

/// The most images of one answer.
const IMAGES: usize = 4;
/// The most that the images of one answer have in base64, in bytes: what one request to a model may hold of one image.
const IMAGE_BYTES: usize = 5_000_000;
/// The shortest text that is taken for base64, in bytes.
const BASE64_BYTES: usize = 400;
/// The shortest that is taken for an image.
const SMALLEST_IMAGE: usize = 60;

/// An image that a client shows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// Its bytes, in base64.
    pub data: String,
    /// By its bytes, whatever its server says: PNG, JPEG, GIF or WebP.
    pub mime_type: &'static str,
}

/// How the base64 of files begins, and what they are. The first four are images.
const KINDS: [(&str, &str); 8] = [
    ("iVBORw0KGgo", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGODdh", "image/gif"),
    ("R0lGODlh", "image/gif"),
    ("UklGR", "image/webp"),
    ("JVBERi0", "application/pdf"),
    ("UEsDB", "application/zip"),
    ("H4sI", "application/gzip"),
];

/// Whether there may be an image in `json`. Costs little.
pub(super) fn may_have_images(json: &str) -> bool {
    json.len() > SMALLEST_IMAGE && KINDS.iter().filter(|kind| is_image(kind.1)).any(|(head, _)| has_head(json, head))
}

fn has_head(json: &str, head: &str) -> bool {
    // As some servers escape it.
    json.contains(head) || (head.contains('/') && json.contains(&head.replace('/', "\\/")))
}

fn is_image(mime_type: &str) -> bool {
    mime_type.starts_with("image/")
}

/// Takes the images out of a value and leaves labels in their places: blocks of content, `data:` URLs, and texts that are
/// the base64 of an image. Those beyond the bounds are labelled and not shown.
pub(super) fn take_images(node: &mut Node<'_>) -> Vec<Image> {
    let mut taken = Vec::new();
    take(node, &mut taken);
    taken
}

fn take(node: &mut Node<'_>, taken: &mut Vec<Image>) {
    let is_block = matches!(node.member("type"), Some(Node::Text(kind)) if content(kind) == "image");
    let data = match (is_block, &*node) {
        (true, block) => match block.member("data") {
            Some(Node::Text(data)) => Some(*data),
            _ => None,
        },
        (false, Node::Text(text)) => Some(*text),
        _ => None,
    };
    if let Some(image) = data.and_then(image) {
        *node = Node::Label(labelled(image, taken));
        return;
    }
    match node {
        Node::List(items, _) => items.iter_mut().for_each(|item| take(item, taken)),
        Node::Object(members, _) => members.iter_mut().for_each(|(_, value)| take(value, taken)),
        _ => {}
    }
}

fn labelled(image: Image, taken: &mut Vec<Image>) -> String {
    let bytes = image.data.len() / 4 * 3;
    let used: usize = taken.iter().map(|image| image.data.len()).sum();
    if taken.len() == IMAGES || used + image.data.len() > IMAGE_BYTES {
        return format!("<{}, {bytes} bytes, not shown>", image.mime_type);
    }
    let label = format!("<image {}: {}, {bytes} bytes>", taken.len() + 1, image.mime_type);
    taken.push(image);
    label
}

/// The image that a string of JSON is in base64.
fn image(text: &str) -> Option<Image> {
    let written = base64(text, SMALLEST_IMAGE)?;
    let mime_type = kind(&written).filter(|kind| is_image(kind))?;
    Some(Image { data: written, mime_type })
}

/// What is shown of a string of JSON that is base64: `<base64, application/pdf, 40000 bytes>`.
pub(super) fn label(text: &str) -> Option<String> {
    let written = base64(text, BASE64_BYTES)?;
    let kind = kind(&written).map(|kind| format!(", {kind}")).unwrap_or_default();
    Some(format!("<base64{kind}, {} bytes>", written.len() / 4 * 3))
}

/// The text in base64 that a string of JSON is, alone or in a `data:` URL.
fn base64(text: &str, at_least: usize) -> Option<String> {
    let text = content(text);
    let text = if text.starts_with("data:") {
        text.get(..200).unwrap_or(text).find(";base64,").map(|at| &text[at + 8..])?
    } else {
        text
    };
    if text.len() < at_least {
        return None;
    }
    // Lines of base64, and slashes that are escaped.
    let mut written = if text.contains('\\') {
        text.replace("\\/", "/").replace("\\r", "").replace("\\n", "")
    } else {
        text.to_owned()
    };
    let data = written.trim_end_matches('=');
    let is_base64 = data.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'));
    let is_random = data.bytes().any(|byte| byte.is_ascii_digit())
        && data.bytes().any(|byte| byte.is_ascii_uppercase())
        && data.bytes().any(|byte| byte.is_ascii_lowercase());
    if !is_base64 || !is_random || data.len() % 4 == 1 {
        return None;
    }
    // As clients want it.
    let padded = data.len().next_multiple_of(4);
    written.truncate(data.len());
    written.extend(std::iter::repeat_n('=', padded - written.len()));
    Some(written)
}

fn kind(base64: &str) -> Option<&'static str> {
    let (_, kind) = KINDS.iter().find(|(head, _)| base64.starts_with(head))?;
    // RIFF holds sounds as well: bytes 8 to 11 are `WEBP`.
    let is_riff = *kind == "image/webp";
    (!is_riff || base64.get(10..16).is_some_and(is_webp)).then_some(*kind)
}

/// Whether characters 10 to 15 of base64 are the bytes `WEBP` behind four bits of the byte before them.
fn is_webp(form: &str) -> bool {
    let digit = |character: char| match character {
        'A'..='Z' => Some(u32::from(character) - 65),
        'a'..='z' => Some(u32::from(character) - 71),
        '0'..='9' => Some(u32::from(character) + 4),
        '+' | '-' => Some(62),
        '/' | '_' => Some(63),
        _ => None,
    };
    let bits = form.chars().try_fold(0_u64, |bits, character| Some(bits << 6 | u64::from(digit(character)?)));
    // Six characters are 36 bits: 4 of byte 7, and 32 of the bytes 8 to 11.
    bits.is_some_and(|bits| bits & 0xffff_ffff == u64::from(u32::from_be_bytes(*b"WEBP")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(bytes: usize) -> String {
        format!("iVBORw0KGgo{}A", "aB3d".repeat(bytes / 3))
    }

    #[test]
    fn images_are_taken_out_wherever_they_are() {
        let json = format!(
            r#"[{{"type":"text","text":"done"}},{{"type":"image","data":"{0}","mimeType":"text/html"}},{{"shot":"data:image/png;base64,{0}"}},"{0}"]"#,
            png(90)
        );
        assert!(may_have_images(&json));
        let mut node = Node::of(&json);
        let images = take_images(&mut node);
        assert_eq!(images.len(), 3);
        assert!(images.iter().all(|image| image.mime_type == "image/png" && image.data.len() % 4 == 0));
        let Node::List(items, _) = node else { panic!("a list") };
        assert_eq!(items[1], Node::Label("<image 1: image/png, 99 bytes>".to_owned()));
        assert_eq!(items[3], Node::Label("<image 3: image/png, 99 bytes>".to_owned()));
    }

    #[test]
    fn images_are_bounded_in_number_and_bytes() {
        let json = format!("[{}1]", format!("\"{}\",", png(90)).repeat(6));
        let mut node = Node::of(&json);
        assert_eq!(take_images(&mut node).len(), IMAGES);
        let Node::List(items, _) = node else { panic!("a list") };
        assert_eq!(items[5], Node::Label("<image/png, 99 bytes, not shown>".to_owned()));
        let large = format!("\"{}\"", png(IMAGE_BYTES));
        assert!(take_images(&mut Node::of(&large)).is_empty());
    }

    #[test]
    fn what_is_no_image_stays() {
        let prose = format!("\"iVBORw0KGgo is how PNG begins {}\"", "and so on ".repeat(20));
        let html = format!(r#"{{"type":"image","data":"{}"}}"#, "PGh0bWw+".repeat(20));
        for json in [prose, html, r#"{"type":"image","url":"x"}"#.to_owned()] {
            let mut node = Node::of(&json);
            assert!(take_images(&mut node).is_empty(), "{json}");
            assert_eq!(node, Node::of(&json));
        }
        assert!(!may_have_images(&"\"plain text\"".repeat(30)));
    }

    #[test]
    fn base64_is_known_from_text() {
        let pdf = format!("\"JVBERi0{}\"", "xY4z".repeat(200));
        assert_eq!(label(&pdf).unwrap(), "<base64, application/pdf, 606 bytes>");
        assert_eq!(label(&format!("\"{}\"", "Zm9v1".repeat(100))).unwrap(), "<base64, 375 bytes>");
        for text in ["word".repeat(300), "0123".repeat(300), "two words ".repeat(300), "Ab1".repeat(10)] {
            assert_eq!(label(&format!("\"{text}\"")), None);
        }
    }

    #[test]
    fn a_riff_is_an_image_only_if_it_says_so() {
        // RIFF, a length, WEBP or WAVE.
        assert_eq!(kind("UklGRiQAAABXRUJQVlA4IA"), Some("image/webp"));
        assert_eq!(kind("UklGRiQAAABXQVZFZm10IA"), None);
    }
}
