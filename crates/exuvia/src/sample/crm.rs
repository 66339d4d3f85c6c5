//! A CRM.

use rmcp::model::Tool;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::data::{CONTACTS, Contact, Order, amount, contact, orders};
use super::server::{Sample, SampleAnswer, tool};

/// 5,000 contacts and their orders.
pub(super) struct Crm;

impl Sample for Crm {
    fn about(&self) -> (&'static str, &'static str) {
        ("crm", "Customers and their orders. Lists come in pages: use limit and offset.")
    }

    fn tools(&self) -> Vec<Tool> {
        let id = json!({"type": "integer", "minimum": 1, "description": "The contact's id"});
        let one = json!({"type": "object", "properties": {"contact_id": id}, "required": ["contact_id"]});
        let limit = json!({
            "type": "integer", "minimum": 1, "maximum": 1000, "default": 100, "description": "How many to return at most",
        });
        let offset = json!({"type": "integer", "minimum": 0, "default": 0, "description": "How many to skip"});
        let segment = json!({
            "type": "string", "enum": ["small", "mid-market", "enterprise"], "description": "Only contacts of this segment",
        });
        vec![
            tool(
                "get_contacts",
                "Lists contacts by id, page by page, with the total number of contacts that match.",
                json!({"type": "object", "properties": {"limit": limit, "offset": offset, "segment": segment}}),
                Some(list_of(contact_schema())),
            ),
            tool("get_contact", "Returns one contact.", one.clone(), Some(contact_schema())),
            tool(
                "search_contacts",
                "Finds contacts whose name, e-mail address or company contains the query, ignoring case.",
                json!({
                    "type": "object",
                    "properties": {"query": {"type": "string", "description": "What to look for"}, "limit": limit},
                    "required": ["query"],
                }),
                Some(list_of(contact_schema())),
            ),
            tool(
                "get_orders",
                "Lists all orders of a contact, oldest first.",
                one.clone(),
                Some(list_of(order_schema())),
            ),
            tool("get_last_order", "Returns the latest order of a contact.", one, Some(order_schema())),
        ]
    }

    fn call(&self, tool: &str, arguments: &Arguments) -> Result<SampleAnswer, String> {
        Ok(SampleAnswer::Structured(match tool {
            "get_contacts" => contacts(arguments)?,
            "get_contact" => contact_json(&contact(contact_id(arguments)?)),
            "search_contacts" => search(arguments)?,
            "get_orders" => {
                let orders = orders(contact_id(arguments)?);
                json!({"items": orders.iter().map(order_json).collect::<Vec<_>>(), "total": orders.len()})
            }
            "get_last_order" => orders(contact_id(arguments)?).last().map_or(Value::Null, order_json),
            _ => return Err(format!("there is no tool {tool}")),
        }))
    }
}

/// The contact that is asked for. Shared with the other samples that know contacts.
pub(super) fn contact_id(arguments: &Arguments) -> Result<u64, String> {
    match arguments.whole("contact_id", 0..=u64::MAX, 0)? {
        0 => Err("contact_id is required, and counts from 1".to_owned()),
        id if id > CONTACTS => Err(format!("there is no contact {id}")),
        id => Ok(id),
    }
}

fn contacts(arguments: &Arguments) -> Result<Value, String> {
    let limit = arguments.whole("limit", 1..=1_000, 100)?;
    let offset = arguments.whole("offset", 0..=u64::MAX, 0)?;
    let Some(segment) = arguments.text("segment")? else {
        let from = offset.min(CONTACTS) + 1;
        let items: Vec<Value> = (from..=CONTACTS).take(count(limit)).map(|id| contact_json(&contact(id))).collect();
        return Ok(json!({"items": items, "total": CONTACTS}));
    };
    let all: Vec<Contact> = (1..=CONTACTS).map(contact).filter(|contact| contact.segment == segment).collect();
    let items: Vec<Value> = all.iter().skip(count(offset)).take(count(limit)).map(contact_json).collect();
    Ok(json!({"items": items, "total": all.len()}))
}

fn search(arguments: &Arguments) -> Result<Value, String> {
    let limit = arguments.whole("limit", 1..=1_000, 100)?;
    let query = arguments.text("query")?.ok_or("query is required")?.to_lowercase();
    let matches = |contact: &Contact| {
        [&contact.name, &contact.email, &contact.company].iter().any(|text| text.to_lowercase().contains(&query))
    };
    let found: Vec<Contact> = (1..=CONTACTS).map(contact).filter(matches).collect();
    let items: Vec<Value> = found.iter().take(count(limit)).map(contact_json).collect();
    Ok(json!({"items": items, "total": found.len()}))
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn contact_json(contact: &Contact) -> Value {
    json!({
        "id": contact.id, "name": contact.name, "email": contact.email, "company": contact.company,
        "city": contact.city, "country": contact.country, "segment": contact.segment, "created": contact.created,
    })
}

fn order_json(order: &Order) -> Value {
    json!({
        "order_id": order.id, "contact_id": order.contact_id, "total": amount(order.cents), "currency": "EUR",
        "date": order.date,
    })
}

fn contact_schema() -> Value {
    let text = |description| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "name": text("First and last name"),
            "email": {"type": "string", "format": "email"},
            "company": text("Where the contact works"),
            "city": {"type": "string"},
            "country": text("ISO 3166 code"),
            "segment": {"type": "string", "enum": ["small", "mid-market", "enterprise"]},
            "created": {"type": "string", "format": "date"},
        },
        "required": ["id", "name", "email", "company", "city", "country", "segment", "created"],
    })
}

fn order_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "order_id": {"type": "integer"},
            "contact_id": {"type": "integer"},
            "total": {"type": "number", "description": "Amount with tax"},
            "currency": {"type": "string", "description": "ISO 4217 code"},
            "date": {"type": "string", "format": "date"},
        },
        "required": ["order_id", "contact_id", "total", "currency", "date"],
    })
}

fn list_of(item: Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": item},
            "total": {"type": "integer", "description": "How many there are in all"},
        },
        "required": ["items", "total"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(tool: &str, arguments: Value) -> Result<Value, String> {
        let Value::Object(arguments) = arguments else { panic!("{arguments}") };
        match Crm.call(tool, &Arguments(arguments))? {
            SampleAnswer::Structured(value) => Ok(value),
            _ => panic!("{tool} has an output schema"),
        }
    }

    #[test]
    fn pages_join_to_all_contacts() {
        let mut ids = Vec::new();
        for offset in (0..=6_000).step_by(1_000) {
            let page = call("get_contacts", json!({"limit": 1000, "offset": offset})).unwrap();
            assert_eq!(page["total"], 5_000);
            ids.extend(page["items"].as_array().unwrap().iter().map(|contact| contact["id"].as_u64().unwrap()));
        }
        assert_eq!(ids, (1..=5_000).collect::<Vec<_>>());
        let segments = ["small", "mid-market", "enterprise"].map(|segment| {
            call("get_contacts", json!({"segment": segment, "limit": 1})).unwrap()["total"].as_u64().unwrap()
        });
        assert_eq!(segments.iter().sum::<u64>(), 5_000);
    }

    #[test]
    fn the_data_is_the_same_everywhere() {
        let contact = call("get_contact", json!({"contact_id": 1})).unwrap();
        let expected = json!({
            "id": 1, "name": "Barbara Kovacs", "email": "barbara.kovacs1@fjord-foods.example", "company": "Fjord Foods",
            "city": "Pune", "country": "IN", "segment": "enterprise", "created": "2016-09-04",
        });
        assert_eq!(contact, expected);
        let above = (1..=CONTACTS).filter(|&id| orders(id).last().unwrap().cents > 1_000_000).count();
        assert_eq!(above, 1_078);
    }

    #[test]
    fn the_last_order_is_the_latest() {
        for id in 1..=100 {
            let orders = call("get_orders", json!({"contact_id": id})).unwrap();
            let orders = orders["items"].as_array().unwrap();
            assert!(orders.windows(2).all(|pair| pair[0]["date"].as_str() < pair[1]["date"].as_str()));
            assert_eq!(call("get_last_order", json!({"contact_id": id})).unwrap(), *orders.last().unwrap());
        }
    }

    #[test]
    fn what_does_not_exist_is_an_error() {
        assert_eq!(call("get_contact", json!({"contact_id": 5001})).unwrap_err(), "there is no contact 5001");
        assert!(call("get_contact", json!({})).is_err());
        assert!(call("get_contact", json!({"contact_id": "1"})).is_err());
        assert!(call("get_contacts", json!({"limit": 1001})).is_err());
        assert!(call("search_contacts", json!({})).is_err());
        assert_eq!(call("search_contacts", json!({"query": "no such person"})).unwrap()["total"], 0);
    }
}
