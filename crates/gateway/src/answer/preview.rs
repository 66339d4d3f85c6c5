//! A result in few tokens: as it is, lists of like objects as rows, or with parts left out in the middle of it.

use exuvia_text::tokens;

use super::outline::Node;
use super::writer::{Detail, Writer};

/// Above this part of what a model is shown, lists of like objects are rows.
const ROWS_ABOVE: usize = 8;
/// No token of what is shown is longer, in bytes: what is longer has too many tokens without counting them.
const TOKEN_BYTES: usize = 16;
const WHOLE: Detail = detail(usize::MAX, usize::MAX, usize::MAX, usize::MAX);

/// From much to little. The first that fits is used.
const DETAILS: [Detail; 9] = [
    detail(20, 4_000, 100, 20),
    detail(20, 1_200, 60, 20),
    detail(12, 500, 40, 16),
    detail(8, 240, 40, 12),
    detail(5, 120, 30, 8),
    detail(3, 80, 24, 6),
    detail(2, 60, 16, 5),
    detail(1, 40, 12, 4),
    detail(1, 24, 6, 2),
];

const fn detail(items: usize, chars: usize, members: usize, depth: usize) -> Detail {
    Detail { items, chars, members, depth }
}

/// Whether a text of JSON is shown as it is, without being looked into.
pub(super) fn is_short(json: &str, preview_tokens: usize) -> bool {
    tokens(json, preview_tokens / ROWS_ABOVE) <= preview_tokens / ROWS_ABOVE
}

/// What is shown of a result in about `preview_tokens` tokens. `json` is its text; `node` may have labels in the place of
/// images, which `is_labelled` says. `advice` is what to do about what is left out.
pub(super) fn shown(json: &str, node: &Node<'_>, is_labelled: bool, preview_tokens: usize, advice: &str) -> String {
    let bytes = preview_tokens.saturating_mul(TOKEN_BYTES);
    if node.is_whole() {
        let mut writer = Writer { out: String::new(), detail: WHOLE, bytes, has_rows: true };
        if is_labelled || json.len() <= bytes {
            writer.value(node, 0);
            if tokens(&writer.out, preview_tokens) <= preview_tokens {
                return if is_labelled || writer.out.len() < json.len() { writer.out } else { json.to_owned() };
            }
        }
    }
    if !is_labelled && tokens(json, preview_tokens) <= preview_tokens {
        return json.to_owned();
    }
    let footer = format!("\n[preview of {} bytes; {advice}]", json.len());
    let room = preview_tokens.saturating_sub(tokens(&footer, usize::MAX));
    for detail in DETAILS {
        let mut writer = Writer { out: String::new(), detail, bytes, has_rows: true };
        writer.value(node, 0);
        if writer.out.len() <= bytes && tokens(&writer.out, room) <= room {
            return writer.out + &footer;
        }
    }
    let mut writer =
        Writer { out: String::new(), detail: DETAILS[DETAILS.len() - 1], bytes: room * 2, has_rows: false };
    writer.value(node, 0);
    writer.out.truncate(writer.out.floor_char_boundary(room * 2));
    writer.out + "…" + &footer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, preview_tokens: usize) -> String {
        shown(json, &Node::of(json), false, preview_tokens, "return less, or a count")
    }

    #[test]
    fn what_fits_is_shown_as_it_is() {
        for json in [r#"{"a":[1,2,{"b":"x"}],"c":null}"#, "[]", r#""text""#, "12345678901234567890"] {
            assert_eq!(of(json, 200), json);
        }
    }

    #[test]
    fn a_long_list_becomes_a_few_rows_their_number_and_what_the_others_have() {
        let mut rows: Vec<String> = (0..500).map(|n| format!(r#"{{"id":{n},"name":"Name {n}"}}"#)).collect();
        rows[100] = r#"{"id":100,"name":"x","vip":true}"#.to_owned();
        let json = format!(r#"{{"total":500,"items":[{}],"next":"c1"}}"#, rows.join(","));
        let text = of(&json, 400);
        let expected_start = "{\"total\":500,\"items\":[500 objects, columns id,name:\n0,Name 0\n1,Name 1\n";
        assert!(text.starts_with(expected_start), "{text}");
        assert!(text.contains("\n… 480 more, some with \"vip\"],\"next\":\"c1\"}\n[preview of "), "{text}");
        assert!(tokens(&text, usize::MAX) <= 400, "{text}");
    }

    #[test]
    fn a_long_text_becomes_its_head_and_length() {
        let json = format!("{{\"body\":\"{}\",\"id\":7}}", "word \\n".repeat(10_000));
        let text = of(&json, 500);
        assert!(text.contains("\"…+58800 characters,\"id\":7}\n[preview of 70018 bytes; return less"), "{text}");
        assert!(tokens(&text, usize::MAX) <= 500, "{text}");
    }

    #[test]
    fn wide_and_deep_values_are_bounded() {
        let wide: Vec<String> = (0..5_000).map(|n| format!("\"member number {n}\":{n}")).collect();
        let deep = format!("{}1{}", "{\"a\":[1,2,3,{\"b\":".repeat(40), "}]}".repeat(40));
        let lists = format!("[{}[]]", format!("[{}[]],", "[1,2,3,4,5,6,7,8,9],".repeat(300)).repeat(300));
        let keys = format!("{{\"{}\":1,\"b\":{{\"{}\":[1,2,3]}}}}", "k".repeat(50_000), "m".repeat(50_000));
        let number = format!("[{}]", "9".repeat(50_000));
        for json in [format!("{{{}}}", wide.join(",")), deep, lists, keys, number] {
            for budget in [60, 300, 2_000] {
                let text = of(&json, budget);
                assert!(tokens(&text, usize::MAX) <= budget + 20, "{budget}: {text}");
                assert!(text.ends_with("a count]") || json == text, "{text}");
            }
        }
    }

    #[test]
    fn the_whole_is_shown_if_rows_make_it_fit() {
        let rows: Vec<String> =
            (0..60).map(|n| format!(r#"{{"identifier":{n},"first_name":"Ada","active":true}}"#)).collect();
        let json = format!("[{}]", rows.join(","));
        let text = of(&json, 500);
        assert!(text.starts_with("[60 objects, columns identifier,first_name,active:\n0,Ada,true\n"), "{text}");
        assert!(text.ends_with("59,Ada,true\n]"), "{text}");
    }

    #[test]
    fn more_elements_than_are_taken_apart_are_shown_where_they_fit() {
        let json = format!("[{}1]", "1,".repeat(3_000));
        assert_eq!(of(&json, 20_000), json);
    }
}
