//! A server's question as whoever answers sees it: the server's name comes first, on a line of our own, and the length is bounded.

use exuvia_text::{indented, is_plain_name, line, printable};
use http::Uri;
use serde_json::{Map, Value, json};

use crate::relay::Abilities;

/// The longest message, in characters.
const MESSAGE_CHARS: usize = 4_000;
/// The longest other text of a form, in characters.
const TEXT_CHARS: usize = 1_000;
/// The longest name of a field, in characters.
const NAME_CHARS: usize = 128;
/// The most fields of a form.
const FIELDS: usize = 64;
/// The most choices of a field, or of anything else that a form lists.
const CHOICES: usize = 256;
/// How deep a form nests. The deepest that the protocol has is a choice of an array's items.
const DEPTH: usize = 8;
/// The longest form, in bytes.
const FORM_BYTES: usize = 64 << 10;
/// The longest address, in bytes.
const URL_BYTES: usize = 2_048;
/// The longest name by which a server knows a visit to a page, in bytes.
const ID_BYTES: usize = 256;
/// Under which key of `_meta` the name of the server stands, for clients that show it elsewhere.
const SERVER_KEY: &str = "exuvia/server";

/// The parameters of a question of `server`, as a client is asked it that can do this. `None`: this client cannot be asked, or
/// the question is none that a person could be shown.
#[must_use]
pub fn shown(server: &str, method: &str, params: Value, can: Abilities) -> Option<Value> {
    let Value::Object(mut params) = params else { return None };
    match method {
        "sampling/createMessage" if can.sampling => {}
        "roots/list" if can.roots => {}
        "elicitation/create" => elicitation(server, &mut params, can)?,
        _ => return None,
    }
    let meta = params.entry("_meta").or_insert_with(|| json!({}));
    meta.as_object_mut()?.insert(SERVER_KEY.to_owned(), server.into());
    Some(Value::Object(params))
}

/// The same for requests by their names (SEP-2322), as far as they can be shown.
#[must_use]
pub fn requests(server: &str, requests: Map<String, Value>, can: Abilities) -> Map<String, Value> {
    let shown = |request: &mut Value| {
        let request = request.as_object_mut()?;
        let params = request.remove("params").unwrap_or_else(|| json!({}));
        let params = shown(server, request.get("method")?.as_str()?, params, can)?;
        request.insert("params".to_owned(), params);
        Some(())
    };
    requests.into_iter().filter_map(|(name, mut request)| shown(&mut request).map(|()| (name, request))).collect()
}

fn elicitation(server: &str, params: &mut Map<String, Value>, can: Abilities) -> Option<()> {
    match params.get("mode").map(Value::as_str) {
        None | Some(Some("form")) if can.elicitation => form(params)?,
        Some(Some("url")) if can.url => url(server, params)?,
        _ => return None,
    }
    let message = params.get("message")?.as_str().filter(|message| is_short(message, MESSAGE_CHARS))?;
    let message = format!("{server} asks:\n  {}", indented(message, "  "));
    params.insert("message".to_owned(), message.into());
    Some(())
}

fn form(params: &mut Map<String, Value>) -> Option<()> {
    // What another mode has is not for this one.
    params.retain(|key, _| !matches!(key.as_str(), "url" | "elicitationId"));
    let schema = params.get_mut("requestedSchema")?;
    if schema.to_string().len() > FORM_BYTES {
        return None;
    }
    if let Some(fields) = schema.get("properties") {
        let fields = fields.as_object().filter(|fields| fields.len() <= FIELDS)?;
        if !fields.keys().all(|name| is_short(name, NAME_CHARS) && is_plain_name(name)) {
            return None;
        }
    }
    texts(schema, DEPTH)
}

/// Bounds what a form is made of, and makes what a person reads of it printable.
fn texts(part: &mut Value, depth: usize) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match part {
        Value::Object(members) if members.len() > CHOICES => None,
        Value::Object(members) => members.iter_mut().try_for_each(|(key, value)| match (key.as_str(), &mut *value) {
            (_, Value::String(text)) if !is_short(text, TEXT_CHARS) => None,
            ("title", Value::String(title)) => {
                *title = line(title);
                Some(())
            }
            ("description", Value::String(text)) => {
                *text = printable(text);
                Some(())
            }
            ("enumNames", Value::Array(names)) => {
                names.iter_mut().for_each(|name| {
                    if let Value::String(name) = name {
                        *name = line(name);
                    }
                });
                texts(value, depth)
            }
            _ => texts(value, depth),
        }),
        Value::Array(items) if items.len() > CHOICES => None,
        Value::Array(items) => items.iter_mut().try_for_each(|item| texts(item, depth)),
        Value::String(text) => is_short(text, TEXT_CHARS).then_some(()),
        _ => Some(()),
    }
}

/// An address that a person can see where it leads, and a name for the visit that no other server's is.
fn url(server: &str, params: &mut Map<String, Value>) -> Option<()> {
    params.retain(|key, _| key != "requestedSchema");
    let is_plain = |url: &&str| url.len() <= URL_BYTES && url.bytes().all(|byte| byte.is_ascii_graphic());
    let url = params.get("url")?.as_str().filter(is_plain)?;
    let parsed: Uri = url.parse().ok()?;
    let is_web = matches!(parsed.scheme_str(), Some("https" | "http"));
    // `https://bank.example@evil.example` leads to another place than it seems.
    if !is_web || parsed.host().is_none_or(str::is_empty) || parsed.authority()?.as_str().contains('@') {
        return None;
    }
    if let Some(id) = params.get_mut("elicitationId") {
        let own = id.as_str().filter(|id| id.len() <= ID_BYTES)?;
        *id = format!("{server}/{own}").into();
    }
    Some(())
}

fn is_short(text: &str, chars: usize) -> bool {
    text.len() <= chars || text.chars().nth(chars).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Abilities = Abilities { elicitation: true, url: true, sampling: true, tasks: true, roots: true };
    const FORMS: Abilities = Abilities { url: false, ..ALL };

    fn ask(params: Value, can: Abilities) -> Option<Value> {
        shown("crm", "elicitation/create", params, can)
    }

    fn with(schema: Value) -> Value {
        json!({ "message": "m", "requestedSchema": schema })
    }

    #[test]
    fn the_asking_server_is_named_on_a_line_of_ours_in_both_modes() {
        let message = "bank asks:\nsend\u{202e} it\u{1b}";
        let form = json!({ "message": message, "requestedSchema": {"type": "object"} });
        let url = json!({ "mode": "url", "message": message, "url": "https://x.example/y", "elicitationId": "7" });
        for params in [form, url] {
            let shown = ask(params, ALL).unwrap();
            let said = "crm asks:\n  bank asks:\n  send\\u{202e} it\\u{1b}";
            assert_eq!((shown["message"].as_str(), &shown["_meta"]["exuvia/server"]), (Some(said), &json!("crm")));
            assert!(shown["elicitationId"].is_null() || shown["elicitationId"] == "crm/7", "{shown}");
        }
    }

    #[test]
    fn a_client_is_asked_only_what_it_says_it_can_be_asked() {
        let url = json!({ "mode": "url", "message": "m", "url": "https://x.example/y", "elicitationId": "7" });
        assert!(ask(url.clone(), ALL).is_some());
        assert!(ask(url, FORMS).is_none());
        assert!(ask(with(json!({})), FORMS).is_some());
        assert!(ask(with(json!({})), Abilities { url: true, ..Abilities::default() }).is_none());
        let other = json!({ "mode": "voice", "message": "m", "requestedSchema": {} });
        assert!(ask(other, ALL).is_none());
        assert!(shown("crm", "sampling/createMessage", json!({}), ALL).is_some());
        assert!(shown("crm", "sampling/createMessage", json!({}), Abilities { sampling: false, ..ALL }).is_none());
        assert_eq!(shown("crm", "roots/list", json!({}), ALL), Some(json!({"_meta": {"exuvia/server": "crm"}})));
        assert!(shown("crm", "roots/list", json!({}), Abilities { roots: false, ..ALL }).is_none());
        assert!(shown("crm", "tools/list", json!({}), ALL).is_none());
    }

    #[test]
    fn an_address_leads_where_a_person_sees_that_it_does() {
        for (url, is_shown) in [
            ("https://x.example/y?z=1", true),
            ("http://localhost:80/", true),
            ("javascript:alert(1)", false),
            ("file:///etc/passwd", false),
            ("/y", false),
            ("https://bank.example@evil.example/", false),
            ("https://x.example/\u{202e}y", false),
            ("https:///y", false),
        ] {
            let params = json!({ "mode": "url", "message": "m", "url": url, "elicitationId": "7" });
            assert_eq!(ask(params, ALL).is_some(), is_shown, "{url}");
        }
        let long =
            json!({ "mode": "url", "message": "m", "url": format!("https://x.example/{}", "y".repeat(URL_BYTES)) });
        assert!(ask(long, ALL).is_none());
    }

    #[test]
    fn a_form_has_bounds_and_its_texts_show_as_themselves() {
        let fields = |count: usize| -> Map<String, Value> {
            (0..count).map(|n| (n.to_string(), json!({"type": "string"}))).collect()
        };
        let nested = (0..DEPTH).fold(json!({}), |inner, _| json!({ "a": inner }));
        for (params, is_shown) in [
            (with(json!({ "properties": fields(FIELDS) })), true),
            (with(json!({ "properties": fields(FIELDS + 1) })), false),
            (with(json!({ "properties": {"a\u{202e}b": {}} })), false),
            (with(json!({ "properties": {"x".repeat(NAME_CHARS + 1): {}} })), false),
            (with(json!({ "properties": {"a": {"enum": vec!["x"; CHOICES]}} })), true),
            (with(json!({ "properties": {"a": {"enum": vec!["x"; CHOICES + 1]}} })), false),
            (with(json!({ "properties": {"a": {"default": "x".repeat(TEXT_CHARS + 1)}} })), false),
            (with(json!({ "properties": {"a": {"title": "x".repeat(TEXT_CHARS + 1)}} })), false),
            (with(json!({ "properties": {"a": {"description": "x".repeat(TEXT_CHARS + 1)}} })), false),
            (with(json!({ "properties": {"a": {"enum": vec!["x".repeat(TEXT_CHARS); 80]}} })), false),
            (with(nested), false),
            (json!({ "message": "m".repeat(MESSAGE_CHARS), "requestedSchema": {} }), true),
            (json!({ "message": "m".repeat(MESSAGE_CHARS + 1), "requestedSchema": {} }), false),
            (json!({ "message": "m" }), false),
            (json!(["m"]), false),
        ] {
            assert_eq!(ask(params.clone(), ALL).is_some(), is_shown, "{params:.200}");
        }
        let field =
            json!({ "title": "a\nb", "description": "\u{202e}", "enumNames": ["\u{200b}"], "enum": ["\u{200b}"] });
        let shown = ask(with(json!({ "properties": {"a": field} })), ALL).unwrap();
        let said =
            json!({ "title": "a\\nb", "description": "\\u{202e}", "enumNames": ["\\u{200b}"], "enum": ["\u{200b}"] });
        assert_eq!(shown["requestedSchema"]["properties"]["a"], said);
    }

    #[test]
    fn of_several_requests_those_stay_that_can_be_shown() {
        let Value::Object(all) = json!({
            "a": { "method": "elicitation/create", "params": with(json!({})) },
            "b": { "method": "roots/list" },
            "c": { "method": "tools/list" },
            "d": 7,
        }) else {
            unreachable!()
        };
        let shown = requests("crm", all, ALL);
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(shown["a"]["params"]["message"], "crm asks:\n  m");
    }
}
